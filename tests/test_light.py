"""The light does not lie: while the sound server says that somebody records, it is never dark."""

import asyncio
import io
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from appliance.app import assemble
from appliance.core.gestures import Button
from appliance.core.model import Fault, Idle, Live, Model, Turn
from appliance.demo.following import following
from appliance.demo.service import local_service
from appliance.demo.stage import DEMO_KEY, Stage, desktop_config
from appliance.demo.visit import AUDIBLE_DBFS
from appliance.demo.witness import Witness
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard
from appliance.terminal import PlainView

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PATIENCE = 60.0  # s
BLINK = 0.4  # s, the longest a human eye is shut in a blink; the patterns dip for 0.1
RECORDER = re.compile(rb"Event '(new|remove)' on source-output #(\d+)")


@dataclass
class Observer:
    """What the sound server says about recorders and the pin about the LED; s, monotonic."""

    panel: GpioPanel
    recording: list[tuple[float, float]] = field(default_factory=list)
    _since: dict[bytes, float] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        assert self.panel._led is not None
        self._pin = self.panel._led._device.pin
        self._pin.clear_states()
        self._began = time.monotonic()

    async def watch(self, events: asyncio.StreamReader) -> None:
        """Follow `pactl subscribe`."""
        while line := await events.readline():
            match RECORDER.search(line):
                case re.Match() as found if found[1] == b"new":
                    self._since[found[2]] = time.monotonic()
                case re.Match() as found if found[2] in self._since:
                    began = self._since.pop(found[2])
                    self.recording.append((began, time.monotonic()))
                case _:
                    pass
            self._news.set()

    async def silence(self) -> None:
        """Return when nobody records any more."""
        async with asyncio.timeout(PATIENCE):
            while self._since:
                self._news.clear()
                await self._news.wait()

    def dark(self) -> list[tuple[float, float]]:
        """Return when the LED was dark."""
        at, since, dark = self._began, self._began, []
        lit = False
        for state in self._pin.states:
            at += state.timestamp  # seconds after the change before
            if state.state and not lit:
                dark.append((since, at))
            elif lit and not state.state:
                since = at
            lit = bool(state.state)
        if not lit:
            dark.append((since, time.monotonic()))
        return dark

    def lies(self) -> list[float]:
        """Return for how long the light was dark although somebody recorded."""
        overlaps = [
            min(end, until) - max(began, since)
            for began, end in self.recording
            for since, until in self.dark()
        ]
        return [seconds for seconds in overlaps if seconds > BLINK]


@asynccontextmanager
async def observed(card: VirtualCard, panel: GpioPanel) -> AsyncIterator[Observer]:
    observer = Observer(panel)
    process = await asyncio.create_subprocess_exec(
        "pactl", "subscribe", env=dict(card.environment, PATH="/usr/bin:/bin", LC_ALL="C"),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(observer.watch(process.stdout))
        try:
            yield observer
            await observer.silence()
        finally:
            process.terminate()
            await process.wait()
            await watching


@asynccontextmanager
async def appliance(
    card: VirtualCard, service: str
) -> AsyncIterator[tuple[Stage, Witness, Observer]]:
    config = desktop_config(
        service, f"audio.input={MICROPHONE}", f"audio.output={SPEAKER}", "panel.driver=gpio-mock"
    )
    async with assemble(config, lambda: DEMO_KEY) as assembly:
        panel = assembly.panel
        assert isinstance(panel, GpioPanel)
        panel.open()
        async with (
            observed(card, panel) as observer,
            following(assembly, PlainView(io.StringIO())) as witness,
        ):
            yield Stage(assembly, panel, card, service), witness, observer


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[VirtualCard], None]:
    def put(card: VirtualCard) -> None:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)

    return put


def phase(model: object, kind: type, turn: Turn | None = None) -> Model | None:
    if not isinstance(model, Model) or not isinstance(model.phase, kind):
        return None
    return model if turn is None or getattr(model.phase, "turn", None) is turn else None


async def reach(witness: Witness, kind: type, turn: Turn | None, since: int) -> int:
    name = f"{kind.__name__} {turn}"
    _, place = await witness.until(
        name, lambda message: phase(message, kind, turn), since=since, limit=PATIENCE
    )
    return place


async def test_light_is_honest_through_a_whole_visit(
    environment: Callable[[VirtualCard], None],
) -> None:
    async with VirtualCard() as card, local_service() as service:
        environment(card)
        async with appliance(card, service) as (stage, witness, observer):
            await stage.press(Button.CALL)
            at = await reach(witness, Live, Turn.SPEAKING, 0)
            await stage.press(Button.PHOTO)  # interrupts the greeting
            _, at = await witness.mark("photo_sent", since=at, limit=PATIENCE)
            at = await reach(witness, Live, Turn.SPEAKING, at)
            at = await witness.loud(1.0, since=at, limit=PATIENCE, dbfs=AUDIBLE_DBFS)
            await hold(stage, Button.PHOTO, 1.2)  # mutes
            await stage.press(Button.CALL)
            at = await reach(witness, Idle, None, at)
            await stage.press(Button.CALL)  # muted from the beginning
            at = await reach(witness, Live, Turn.SPEAKING, at)
            at = await witness.loud(
                1.0, since=at, limit=PATIENCE, dbfs=AUDIBLE_DBFS
            )  # card is open
            await stage.press(Button.CALL)
            await reach(witness, Idle, None, at)

    # PortAudio also opens the microphone for some milliseconds to ask it for its formats.
    calls = [end - began for began, end in observer.recording if end - began > 0.2]
    assert len(calls) == 2
    assert observer.lies() == []


async def test_light_is_honest_about_a_call_that_fails(
    environment: Callable[[VirtualCard], None],
) -> None:
    refusing = ('--fault={"fault": "refuse_call", "status": 401, "times": 0}',)
    async with VirtualCard() as card, local_service(refusing) as service:
        environment(card)
        async with appliance(card, service) as (stage, witness, observer):
            await stage.press(Button.CALL)
            await reach(witness, Fault, None, 0)

    assert observer.recording, "the failure was heard, so the card was open"
    assert observer.lies() == []


async def hold(stage: Stage, button: Button, seconds: float) -> None:
    """Keep a button pressed for as long as a finger does."""
    stage.panel.press(button)
    await asyncio.sleep(seconds)
    stage.panel.release(button)
