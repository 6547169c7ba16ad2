"""What becomes of edges, and of a panel that is broken, missing or lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from gpiozero.pins.mock import MockFactory, MockPin
from typing_extensions import override

from appliance.buttons import REOPEN_PAUSE, read_panel
from appliance.config import PanelConfig
from appliance.core import gestures
from appliance.core.events import Event, PanelChanged, TakePhoto, ToggleCall, ToggleMute
from appliance.core.gestures import Button, Edge
from appliance.core.lights import IN_CALL
from appliance.errors import DeviceError
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.header import Header

MOCK = PanelConfig(driver="gpio-mock")


class Frail(GpioPanel):
    """A mock panel that is sometimes not there, and can be lost."""

    def __init__(self, *, missing: int = 0) -> None:
        super().__init__(MOCK)
        self.missing = missing
        self.tries = 0

    @override
    def open(self) -> None:
        self.tries += 1
        if self.missing:
            self.missing -= 1
            raise DeviceError("GPIO 17 (panel.call_pin) is used by gpiomon.", "End it.")
        super().open()

    def lose(self) -> None:
        self._gone()


@asynccontextmanager
async def read(panel: GpioPanel, post: Callable[[Event], None]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read_panel(panel, post))
        await asyncio.sleep(0)
        try:
            yield
        finally:
            reading.cancel()
    panel.close()


def causes(posted: list[Event]) -> list[str]:
    """What was told to be wrong with the panel; "" where all was well."""
    return [
        event.problem.cause if event.problem else ""
        for event in posted
        if isinstance(event, PanelChanged)
    ]


async def test_a_press_becomes_a_wish() -> None:
    posted: asyncio.Queue[Event] = asyncio.Queue()
    panel = GpioPanel(MOCK)
    async with asyncio.timeout(5), read(panel, posted.put_nowait):
        for _ in range(30):  # bounces within the debounce time
            panel.press(Button.CALL)
            panel.release(Button.CALL)
        panel.press(Button.CALL)
        assert await posted.get() == ToggleCall()
    assert posted.empty()


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("held", "wish"), [(0.3, TakePhoto()), (2.0, ToggleMute()), (0.8, None), (7.0, None)]
)
async def test_the_photo_button_means_what_its_time_says(held: float, wish: Event | None) -> None:
    posted: list[Event] = []
    panel = GpioPanel(MOCK)
    async with read(panel, posted.append):
        panel.press(Button.PHOTO)
        await asyncio.sleep(held)
        panel.release(Button.PHOTO)
        await asyncio.sleep(1)
    assert posted == ([] if wish is None else [wish])


@pytest.mark.looptime
async def test_a_stuck_button_is_told_by_time_alone_and_the_other_works(
    caplog: pytest.LogCaptureFixture,
) -> None:
    posted: list[Event] = []
    panel = GpioPanel(MOCK)
    async with read(panel, posted.append):
        panel.press(Button.PHOTO)
        await asyncio.sleep(61)
        panel.press(Button.CALL)
        panel.release(Button.CALL)
        await asyncio.sleep(1)
        panel.release(Button.PHOTO)
        await asyncio.sleep(1)
    assert causes(posted) == ["The photo button is stuck: it is down all the time.", ""]
    assert ToggleCall() in posted
    assert TakePhoto() not in posted
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "photo_pin" in warning.getMessage()


@pytest.mark.looptime
async def test_a_button_that_is_down_at_the_start_starts_no_call() -> None:
    posted: list[Event] = []

    class Jammed(MockPin):  # type: ignore[misc]  # gpiozero carries no types
        """The pull-up cannot raise it."""

        def drive_high(self) -> None:
            if self.info.name != "GPIO17":
                super().drive_high()

    factory = MockFactory(pin_class=Jammed)
    held = GpioPanel(MOCK, lambda _: Header(factory))
    async with read(held, posted.append):
        await asyncio.sleep(30)
        assert causes(posted) == ["The call button is stuck: it is down all the time."]
    assert ToggleCall() not in posted


@pytest.mark.looptime
async def test_a_bouncing_button_is_told_and_then_ignored_until_it_is_quiet() -> None:
    posted: list[Event] = []
    panel = GpioPanel(MOCK)
    async with read(panel, posted.append):
        for _ in range(100):
            panel.press(Button.CALL)
            await asyncio.sleep(0.03)
            panel.release(Button.CALL)
            await asyncio.sleep(0.03)
        assert posted.count(ToggleCall()) == 8
        await asyncio.sleep(2)
        assert causes(posted) == ["The call button bounces without end and is not listened to.", ""]
        panel.press(Button.CALL)
        await asyncio.sleep(0.1)
        assert posted[-1] == ToggleCall()


@pytest.mark.looptime
async def test_a_missing_panel_is_told_once_and_looked_for_until_it_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    posted: list[Event] = []
    panel = Frail(missing=3)
    panel.show(IN_CALL)  # whatever there is to show meanwhile
    async with read(panel, posted.append):
        await asyncio.sleep(REOPEN_PAUSE * 2.5)
        assert causes(posted) == ["GPIO 17 (panel.call_pin) is used by gpiomon."]
        await asyncio.sleep(REOPEN_PAUSE)
        assert causes(posted)[1:] == [""]
        assert panel.lit
        panel.press(Button.CALL)
        await asyncio.sleep(0.1)
    assert posted[-1] == ToggleCall()
    assert panel.tries == 4
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


@pytest.mark.looptime
async def test_a_lost_panel_is_told_and_works_again_when_it_is_back() -> None:
    posted: list[Event] = []
    panel = Frail()
    async with read(panel, posted.append):
        panel.press(Button.PHOTO)  # and its release is never seen
        await asyncio.sleep(0.1)
        panel.missing = 1
        panel.lose()
        await asyncio.sleep(REOPEN_PAUSE * 2.5)
        assert causes(posted) == [
            "The pins are gone (their chip was removed).",
            "GPIO 17 (panel.call_pin) is used by gpiomon.",
            "",
        ]
        panel.press(Button.CALL)
        await asyncio.sleep(0.1)
    assert [event for event in posted if not isinstance(event, PanelChanged)] == [ToggleCall()]


async def test_a_short_press_during_which_the_loop_stood_still_is_not_a_long_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gestures, "LONG_TIME", 0.2)
    posted: list[Event] = []
    told = asyncio.Event()

    def post(event: Event) -> None:
        posted.append(event)
        if isinstance(event, TakePhoto | ToggleMute):
            told.set()

    panel = GpioPanel(MOCK)
    async with read(panel, post), asyncio.timeout(10):
        panel.press(Button.PHOTO)
        for _ in range(3):  # delivered, read, and its timer armed
            await asyncio.sleep(0)
        panel.release(Button.PHOTO)
        time.sleep(0.3)  # noqa: ASYNC251 - this is what happened
        await told.wait()
    assert TakePhoto() in posted
    assert ToggleMute() not in posted


@pytest.mark.looptime
async def test_a_panel_with_a_bug_is_told_and_opened_again() -> None:
    class Buggy(Frail):
        async def edges(self) -> AsyncIterator[Edge]:
            if self.tries == 1:
                raise KeyError("private")
            async for edge in super().edges():
                yield edge

    posted: list[Event] = []
    panel = Buggy()
    async with read(panel, posted.append):
        assert causes(posted) == ["Something broke inside the appliance (KeyError)."]
        await asyncio.sleep(REOPEN_PAUSE * 1.5)
        assert causes(posted)[1:] == [""]
        panel.press(Button.CALL)
        await asyncio.sleep(0.1)
    assert posted[-1] == ToggleCall()
