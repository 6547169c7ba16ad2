"""Turns button edges and time into what the person wants."""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from appliance.core.events import Intent, LeaveSafeMode, TakePhoto, ToggleCall, ToggleMute

DEBOUNCE = 0.02  # s; contacts of small push buttons bounce for up to about 15 ms
TAP_TIME = 0.6  # s; a press released earlier is a tap
HOLD_TIME = 1.0  # s; released after this it was held on purpose
LONG_TIME = 5.0  # s; nobody holds a button that long by accident
STUCK_TIME = 60.0  # s; no person does: the button is jammed or its wire shorted
DOUBLE_TIME = 0.4  # s from the release of a tap to the next press
BOUNCE_LIMIT = 16  # changes of a debounced contact within BOUNCE_TIME: 8 presses, no wish any more
BOUNCE_TIME = 1.0  # s; and as long without an edge, and a bouncing contact is taken as well again


class Button(Enum):
    """The two buttons."""

    CALL = "call"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Edge:
    """A button went down or up at `at`, seconds of the loop's clock.

    `found`: it stood like this when the panel was opened; nobody has just pressed it.
    """

    button: Button
    pressed: bool
    at: float
    found: bool = False


class Kind(Enum):
    """What a finger did."""

    PRESS = "press"  # went down
    TAP = "tap"  # came up before TAP_TIME
    DOUBLE = "double"  # went down again within DOUBLE_TIME of a tap; its own PRESS comes first
    HOLD = "hold"  # came up between HOLD_TIME and LONG_TIME
    LONG = "long"  # has been down for LONG_TIME; nothing follows on release
    STUCK = "stuck"  # has been down for STUCK_TIME, or was found down
    BOUNCING = "bouncing"  # changes faster than a finger can; means nothing until it is quiet
    WELL = "well"  # was stuck or bouncing, and is no more


@dataclass(frozen=True, slots=True)
class Gesture:
    """What a finger did, with which button, when (seconds of the loop's clock)."""

    button: Button
    kind: Kind
    at: float


def intent_of(gesture: Gesture) -> Intent | None:
    """Return the wish behind a gesture, or None where a gesture is still free.

    Free: a double press (photo modes), 5 s on the photo button (pairing). A broken button wishes
    nothing.
    """
    match gesture.button, gesture.kind:
        case Button.CALL, Kind.PRESS:
            return ToggleCall()
        case Button.CALL, Kind.LONG:
            return LeaveSafeMode()
        case Button.PHOTO, Kind.TAP:
            return TakePhoto()
        case Button.PHOTO, Kind.HOLD:
            return ToggleMute()
        case _:
            return None


class Recognizer:
    """Recognises gestures from both buttons. Pure: time comes with the edges and with `tick`.

    The first edge counts at once, so that a press is answered without delay; for `debounce` seconds
    after it the contact may bounce as it likes, and where it then stands is taken.
    """

    def __init__(self, debounce: float = DEBOUNCE) -> None:
        """`debounce`: seconds for which the contacts may bounce."""
        self._fingers = {button: _Finger(button, debounce) for button in Button}

    def feed(self, edge: Edge) -> list[Gesture]:
        """Return what the edge completes, after whatever was due before it."""
        gestures = self.tick(edge.at)
        finger = self._fingers[edge.button]
        if edge.found:
            finger.find(edge.pressed, edge.at, gestures)
        else:
            finger.move(edge.pressed, edge.at, gestures)
        return gestures

    def tick(self, now: float) -> list[Gesture]:
        """Return what time alone completed up to `now`. Never harmful, however often."""
        gestures: list[Gesture] = []
        for finger in self._fingers.values():
            finger.wait(now, gestures)
        return gestures

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do next; None if only an edge can bring news."""
        due = [at for finger in self._fingers.values() if (at := finger.deadline) is not None]
        return min(due, default=None)


class _Finger:
    """One button: where its contact stands, and since when."""

    def __init__(self, button: Button, debounce: float) -> None:
        self._button = button
        self._debounce = debounce
        self._contact = False  # as last reported, bounces included
        self._down = False  # as believed
        self._changed = float("-inf")
        self._tapped = float("-inf")  # when the last tap ended
        self._reported: Kind | None = None  # LONG or STUCK, once reported
        self._changes: deque[float] = deque(maxlen=BOUNCE_LIMIT)
        self._heard: float | None = None  # the last edge, while it bounces

    def find(self, pressed: bool, at: float, gestures: list[Gesture]) -> None:
        """Take the place the contact has had since before `at`."""
        self._contact = self._down = pressed
        self._changed = at
        if pressed:
            self._report(Kind.STUCK, at, gestures)

    def move(self, pressed: bool, at: float, gestures: list[Gesture]) -> None:
        """Take the contact's new place at `at`."""
        self._contact = pressed
        if self._heard is not None:
            self._heard = at
        elif at >= self._changed + self._debounce:
            self._settle(at, gestures)

    def wait(self, now: float, gestures: list[Gesture]) -> None:
        """Let time pass up to `now`."""
        settled = self._changed + self._debounce
        if self._heard is None and self._contact != self._down and now >= settled:
            self._settle(settled, gestures)
        if self._heard is not None and now >= self._heard + BOUNCE_TIME:
            self._calm(self._heard + BOUNCE_TIME, gestures)
        self._hold(now, gestures)

    @property
    def deadline(self) -> float | None:
        """When `wait` has something to do."""
        if self._heard is not None:
            return self._heard + BOUNCE_TIME
        if self._contact != self._down:
            return self._changed + self._debounce
        if self._down and self._reported is not Kind.STUCK:
            return self._changed + (LONG_TIME if self._reported is None else STUCK_TIME)
        return None

    def _settle(self, at: float, gestures: list[Gesture]) -> None:
        if self._contact == self._down:
            return
        self._changes.append(at)
        if len(self._changes) == BOUNCE_LIMIT and at - self._changes[0] <= BOUNCE_TIME:
            self._heard = at
            gestures.append(Gesture(self._button, Kind.BOUNCING, at))
        elif self._contact:
            self._pressed(at, gestures)
        else:
            self._released(at, gestures)
        self._down = self._contact
        self._changed = at

    def _calm(self, quiet: float, gestures: list[Gesture]) -> None:
        """Believe the contact again, which was quiet until `quiet`."""
        self._heard = None
        self._changes.clear()
        self._down = self._contact
        self._changed = quiet
        self._tapped = float("-inf")
        self._reported = Kind.LONG  # if it stays down it may still be stuck, and nothing else
        gestures.append(Gesture(self._button, Kind.WELL, quiet))

    def _pressed(self, at: float, gestures: list[Gesture]) -> None:
        self._reported = None
        gestures.append(Gesture(self._button, Kind.PRESS, at))
        if at - self._tapped <= DOUBLE_TIME:
            gestures.append(Gesture(self._button, Kind.DOUBLE, at))
            self._tapped = float("-inf")

    def _released(self, at: float, gestures: list[Gesture]) -> None:
        self._hold(at, gestures)
        held = at - self._changed
        if self._reported is Kind.STUCK:
            gestures.append(Gesture(self._button, Kind.WELL, at))
        elif held < TAP_TIME and self._reported is None:
            gestures.append(Gesture(self._button, Kind.TAP, at))
            self._tapped = at
        elif held >= HOLD_TIME and self._reported is None:
            gestures.append(Gesture(self._button, Kind.HOLD, at))

    def _hold(self, now: float, gestures: list[Gesture]) -> None:
        if not self._down or self._heard is not None:
            return
        if self._reported is None and now >= self._changed + LONG_TIME:
            self._report(Kind.LONG, self._changed + LONG_TIME, gestures)
        if self._reported is Kind.LONG and now >= self._changed + STUCK_TIME:
            self._report(Kind.STUCK, self._changed + STUCK_TIME, gestures)

    def _report(self, kind: Kind, at: float, gestures: list[Gesture]) -> None:
        self._reported = kind
        gestures.append(Gesture(self._button, kind, at))
