"""Reads the panel: buttons become wishes, and what is wrong with it becomes a problem."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from appliance.core.events import Event, PanelChanged
from appliance.core.gestures import DEBOUNCE, Button, Gesture, Kind, Recognizer, intent_of
from appliance.core.model import Problem
from appliance.core.problems import problem_of
from appliance.errors import DeviceError
from appliance.messages import PANEL_BACK, PANEL_FAILED
from appliance.ports import Panel

log = logging.getLogger(__name__)

REOPEN_PAUSE: Final = 10.0  # s until a panel that is not there is looked for again


async def read_panel(
    panel: Panel, post: Callable[[Event], None], debounce: float = DEBOUNCE
) -> None:
    """Open the panel, at once, and turn its edges into wishes, for ever.

    What is wrong with it, a stuck or bouncing button included, is logged and posted as
    PanelChanged. One that is missing, lost or broken is opened again every REOPEN_PAUSE seconds.
    Closing it is the caller's. `debounce`: seconds for which contacts may bounce.
    """
    health = _Health(post)
    while True:
        fingers = _Fingers(post, health, Recognizer(debounce))
        try:
            panel.open()
            health.panel(None)
            async for edge in panel.edges():
                fingers.react(fingers.recognizer.feed(edge))
        except DeviceError as error:
            health.panel(problem_of(error))
        except Exception as error:  # bulkhead: command line and calls work without a panel
            log.exception("The panel failed.")
            panel.close()
            health.panel(problem_of(error))
        finally:
            fingers.stop()
        await asyncio.sleep(REOPEN_PAUSE)


class _Health:
    """Posts and logs the worst that is wrong, whenever that changes."""

    def __init__(self, post: Callable[[Event], None]) -> None:
        self._post = post
        self._panel: Problem | None = None
        self._buttons: dict[Button, Problem] = {}
        self._told: Problem | None = None

    def panel(self, problem: Problem | None) -> None:
        """Take what is wrong with the panel as a whole; its buttons begin anew."""
        self._panel = problem
        self._buttons.clear()
        self._tell()

    def button(self, button: Button, problem: Problem | None) -> None:
        if problem is not None:
            self._buttons[button] = problem
        else:
            self._buttons.pop(button, None)
        self._tell()

    def _tell(self) -> None:
        worst = self._panel or next(iter(self._buttons.values()), None)
        if worst == self._told:
            return
        if worst is None:
            log.info("Buttons and LED work again.", extra={"MESSAGE_ID": PANEL_BACK})
        else:
            extra = {"PROBLEM": worst.kind, "MESSAGE_ID": PANEL_FAILED}
            log.warning("%s %s", worst.cause, worst.cure, extra=extra)
        self._told = worst
        self._post(PanelChanged(worst))


class _Fingers:
    """Posts what gestures ask for, also those that only time completes."""

    def __init__(
        self, post: Callable[[Event], None], health: _Health, recognizer: Recognizer
    ) -> None:
        self.recognizer = recognizer
        self._post = post
        self._health = health
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None

    def react(self, gestures: list[Gesture]) -> None:
        for gesture in gestures:
            log.debug("%s: %s", gesture.button.value, gesture.kind.value)
            if gesture.kind in {Kind.STUCK, Kind.BOUNCING, Kind.WELL}:
                self._health.button(gesture.button, _problem(gesture))
            if (intent := intent_of(gesture)) is not None:
                self._post(intent)
        self.stop()
        if (due := self.recognizer.deadline) is not None:
            self._timer = self._loop.call_at(due, self._tick, due)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self, due: float) -> None:
        """Let what came already be read first: a loop that stood still makes no press long."""
        self._timer = self._loop.call_soon(self._time_up, due)

    def _time_up(self, due: float) -> None:
        self.react(self.recognizer.tick(max(due, self._loop.time())))


def _problem(gesture: Gesture) -> Problem | None:
    name = gesture.button.value
    match gesture.kind:
        case Kind.STUCK:
            return Problem(
                "device",
                f"The {name} button is stuck: it is down all the time.",
                f"Let it go; else check its wires, panel.{name}_pin and panel.pull.",
            )
        case Kind.BOUNCING:
            return Problem(
                "device",
                f"The {name} button bounces without end and is not listened to.",
                f"Check its wires, panel.{name}_pin and panel.pull; or raise panel.debounce.",
            )
        case _:
            return None
