"""Decides when the access point goes up, and when it makes way again. Pure.

Each order has exactly one answer, and each answer leads to one order:

    Look      -> Seen      online: End. Time is left: Look. No radio: End. Else Scan
    Scan      -> Scanned   online: End. A known Wi-Fi is being joined: Look, once. Else Open
    Open      -> Opened    Attend; if the point did not come up: Look, for RETRY
    Attend    -> Attended  A form: Join. Online: End. "Search again", or the point is gone: Close.
                           Nobody there for IDLE, or somebody for HOLD: Close. Else Attend
    Join      -> Joined    End; if it failed: Scan, and the page says why
    Close     -> Closed    Look: what is known gets RETRY, then Scan

The point is up from Open until Join, Close or End.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, TypeAlias

from appliance.onboarding.model import Choice, Network, Notice, Rescan, Sight, Verdict

GRACE: Final = 20.0  # s for a cable to get an address, when no Wi-Fi is known
PATIENCE: Final = 180.0  # s for a known Wi-Fi: after a power cut the router needs minutes too
RETRY: Final = 90.0  # s for a known Wi-Fi whenever the point makes way for it
IDLE: Final = 300.0  # s without a client after which the point makes way
HOLD: Final = 1800.0  # s after which it does so although somebody's phone is there
LOOK: Final = 3.0  # s between two looks; each starts two programs
ATTEND: Final = 5.0  # s of attending before the next look


@dataclass(frozen=True, slots=True)
class Look:
    """Wait `after` seconds, then see how the machine is connected."""

    after: float


@dataclass(frozen=True, slots=True)
class Scan:
    """Listen for networks: a radio that is an access point cannot."""


@dataclass(frozen=True, slots=True)
class Open:
    """Put the access point up and serve the page."""

    networks: tuple[Network, ...]
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class Attend:
    """Serve for up to `limit` seconds, or until somebody sends the page, and see who is there."""

    limit: float


@dataclass(frozen=True, slots=True)
class Join:
    """Take the point down and try a network."""

    choice: Choice


@dataclass(frozen=True, slots=True)
class Close:
    """Take the point down."""


@dataclass(frozen=True, slots=True)
class End:
    """There is nothing left to do, for the reason in `words`."""

    words: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to Look."""

    sight: Sight


@dataclass(frozen=True, slots=True)
class Scanned:
    """The answer to Scan: what is heard, and how the machine is connected after it."""

    networks: tuple[Network, ...]
    sight: Sight


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer to Open: whether point and page are there."""

    well: bool


@dataclass(frozen=True, slots=True)
class Attended:
    """The answer to Attend. `company`: somebody is on our network, or asked for the page."""

    sight: Sight
    company: bool
    wish: Choice | Rescan | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to Join."""

    choice: Choice
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Closed:
    """The answer to Close."""


Order: TypeAlias = Look | Scan | Open | Attend | Join | Close | End
Answer: TypeAlias = Seen | Scanned | Opened | Attended | Joined | Closed


class Chance(Enum):
    """Why the known networks have a chance now."""

    START = auto()  # of the machine
    TURN = auto()  # the point made way for them
    TROUBLE = auto()  # the point did not come up
    HEARD = auto()  # one of them is being joined: listening for networks found it
    NONE = auto()  # they have none: somebody is there, and waits


@dataclass(frozen=True, slots=True)
class Model:
    """What has to be remembered between two answers. Times: the loop's clock, in seconds."""

    since: float  # when the known networks were given their chance
    chance: Chance = Chance.START
    opened: float = 0.0  # when the point came up
    company: float = 0.0  # when somebody was there last
    notice: Notice | None = None


def begin(now: float) -> tuple[Model, Order]:
    """Return where it starts."""
    return Model(now), Look(0.0)


def step(model: Model, answer: Answer, now: float) -> tuple[Model, Order]:
    """Return what to remember and what to do, after the answer to the last order."""
    match answer:
        case Seen(sight):
            return _seen(model, sight, now)
        case Scanned():
            return _scanned(model, answer, now)
        case Opened(well=True):
            return replace(model, opened=now, company=now), Attend(ATTEND)
        case Opened():
            return replace(model, since=now, chance=Chance.TROUBLE), Look(LOOK)
        case Attended():
            return _attended(model, answer, now)
        case Joined(verdict=Verdict.JOINED):
            return model, End("The network that was chosen is joined.")
        case Joined(choice, verdict):
            return replace(model, notice=Notice(verdict, choice.ssid)), Scan()
        case Closed():
            return replace(model, since=now), Look(0.0)


def _seen(model: Model, sight: Sight, now: float) -> tuple[Model, Order]:
    if sight.online:
        return model, End("There is a network.")
    if now - model.since < _length(model.chance, sight):
        return model, Look(LOOK)
    if not sight.radio:
        return model, End("There is neither a network nor a Wi-Fi device. Plug in a cable.")
    return model, Scan()


def _scanned(model: Model, answer: Scanned, now: float) -> tuple[Model, Order]:
    if answer.sight.online:
        return model, End("There is a network.")
    if answer.sight.joining and model.chance not in {Chance.HEARD, Chance.NONE}:
        return replace(model, since=now, chance=Chance.HEARD), Look(LOOK)
    return model, Open(answer.networks, model.notice)


def _length(chance: Chance, sight: Sight) -> float:
    """Return how many seconds the networks get to come up; a radio that is not there as many."""
    slow = sight.known or not sight.radio  # drivers start late, and start anew after a crash
    match chance:
        case Chance.START:
            return PATIENCE if slow else GRACE
        case Chance.TURN:
            return RETRY if slow else 0.0
        case Chance.TROUBLE | Chance.HEARD:
            return RETRY
        case Chance.NONE:
            return 0.0 if sight.radio else RETRY


def _attended(model: Model, answer: Attended, now: float) -> tuple[Model, Order]:
    if isinstance(answer.wish, Choice):  # also if a cable was plugged in: it holds a key, perhaps
        return replace(model, notice=None, chance=Chance.NONE), Join(answer.wish)
    if answer.sight.online:
        return model, End("There is a network.")
    if answer.wish is not None:
        return replace(model, chance=Chance.NONE), Close()
    model = replace(model, company=now) if answer.company else model
    gone = not answer.sight.point  # the driver crashed, or somebody took it down
    if gone or now - model.company >= IDLE or now - model.opened >= HOLD:
        return replace(model, chance=Chance.TURN), Close()
    return model, Attend(ATTEND)
