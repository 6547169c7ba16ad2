"""Buttons and LED on gpiozero's mock pins: the same path as on the header."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from time import monotonic
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from appliance.config import PanelConfig
from appliance.core.gestures import Button, Edge
from appliance.core.lights import CONNECTING, DARK, IN_CALL, NEEDS_YOU, PHOTO, Pattern
from appliance.errors import DeviceError
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.header import Header
from appliance.lamp import Lamp

MOCK = PanelConfig(driver="gpio-mock")


def on(factory: MockFactory, *errors: type[Exception]) -> Callable[[PanelConfig], Header]:
    """Open this factory as the header."""
    return lambda _config: Header(factory, errors)


class Resistors(MockFactory):  # type: ignore[misc]  # gpiozero carries no types
    """Pins with resistors of their own, to 3.3 V or to ground, where the Pi's are off."""

    def __init__(self, high: bool) -> None:
        super().__init__()
        self._high = high

    def pin(self, name: object) -> MockPin:
        pin = super().pin(name)
        if self._high and pin.function == "input" and pin._when_changed is None:
            pin.drive_high()
        return pin


async def take(edges: AsyncIterator[Edge], count: int) -> list[Edge]:
    async with asyncio.timeout(5):
        return [await anext(edges) for _ in range(count)]


@pytest.mark.parametrize(
    "wiring",
    [
        {"pull": "up"},
        {"pull": "down"},
        {"pull": "none"},
        {"pull": "none", "button_active_high": True},
    ],
    ids=str,
)
async def test_a_press_is_two_edges_in_order(wiring: dict[str, Any]) -> None:
    factory = Resistors(wiring["pull"] == "none" and "button_active_high" not in wiring)
    config = PanelConfig(driver="gpio-mock", **wiring)
    with GpioPanel(config, on(factory)) as panel:
        for button in Button:
            panel.press(button)
            panel.release(button)
        edges = await take(panel.edges(), 4)
    assert [(edge.button, edge.pressed) for edge in edges] == [
        (Button.CALL, True), (Button.CALL, False), (Button.PHOTO, True), (Button.PHOTO, False),
    ]  # fmt: skip


@pytest.mark.looptime
async def test_edges_carry_the_loops_time() -> None:
    loop = asyncio.get_running_loop()
    with GpioPanel(MOCK) as panel:
        began = loop.time()
        panel.press(Button.PHOTO)
        await asyncio.sleep(1.5)
        panel.release(Button.PHOTO)
        edges = await take(panel.edges(), 2)
    assert [edge.at - began for edge in edges] == pytest.approx([0, 1.5], abs=0.01)


@pytest.mark.parametrize(("age", "believed"), [(0.4, 0.4), (90.0, 0.0), (-1e9, 0.0)])
async def test_edges_have_the_time_that_the_pin_library_tells(age: float, believed: float) -> None:
    """The kernel's: a busy interpreter hears of an edge late. One of another clock is not taken."""

    class Late(MockFactory):  # type: ignore[misc]  # gpiozero carries no types
        @staticmethod
        def ticks() -> float:
            return monotonic() + age  # the clock moved on since the pin's own stamp

    loop = asyncio.get_running_loop()
    with GpioPanel(MOCK, on(Late())) as panel:
        now = loop.time()
        panel.press(Button.CALL)
        (edge,) = await take(panel.edges(), 1)
    assert edge.at == pytest.approx(now - believed, abs=0.1)


async def test_every_bounce_is_an_edge() -> None:
    with GpioPanel(MOCK) as panel:
        for _ in range(30):
            panel.press(Button.CALL)
            panel.release(Button.CALL)
        panel.press(Button.CALL)
        edges = await take(panel.edges(), 61)
    assert [edge.pressed for edge in edges] == [True, False] * 30 + [True]


async def test_edges_of_another_thread_reach_the_loop() -> None:
    with GpioPanel(MOCK) as panel:
        finger = threading.Thread(target=panel.press, args=(Button.CALL,))
        finger.start()
        edges = await take(panel.edges(), 1)
        finger.join()
    assert edges[0].button is Button.CALL


async def test_a_button_held_down_since_before_is_seen() -> None:
    class Stuck(MockPin):  # type: ignore[misc]  # gpiozero carries no types
        """Shorted to ground: the pull-up cannot raise it."""

        def drive_high(self) -> None:
            self.drive_low()

    stuck = MockFactory(pin_class=Stuck)
    with GpioPanel(MOCK, on(stuck)) as panel:
        edges = await take(panel.edges(), 2)
    assert {(edge.button, edge.pressed, edge.found) for edge in edges} == {
        (Button.CALL, True, True), (Button.PHOTO, True, True),
    }  # fmt: skip


async def test_a_reader_that_was_cancelled_can_be_followed_by_another() -> None:
    with GpioPanel(MOCK) as panel:
        async with aclosing(panel.edges()) as edges:  # type: ignore[type-var]  # it is a generator
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(edges)
        panel.press(Button.CALL)
        assert len(await take(panel.edges(), 1)) == 1


async def test_nobody_reading_keeps_memory_bounded() -> None:
    with GpioPanel(MOCK) as panel:
        for _ in range(2000):
            panel.press(Button.CALL)
            panel.release(Button.CALL)
        await asyncio.sleep(0)
        edges = await take(panel.edges(), 256)
        assert edges[-1].pressed is False  # the newest are kept
        assert not panel._edges


@pytest.mark.looptime
@pytest.mark.parametrize("pattern", [CONNECTING, NEEDS_YOU, PHOTO], ids=lambda p: p.name)
async def test_a_pattern_is_played_in_its_time(pattern: Pattern) -> None:
    with GpioPanel(MOCK) as panel:
        panel.show(pattern)
        for lit, seconds in (*pattern.steps, *pattern.steps):
            await asyncio.sleep(seconds / 2)
            assert panel.lit is lit
            await asyncio.sleep(seconds / 2 + 1e-4)


@pytest.mark.looptime
async def test_the_last_pattern_wins() -> None:
    with GpioPanel(MOCK) as panel:
        panel.show(NEEDS_YOU)
        await asyncio.sleep(0.2)
        panel.show(IN_CALL)
        for _ in range(10):
            await asyncio.sleep(0.3)
            assert panel.lit


@pytest.mark.looptime
async def test_the_same_pattern_again_does_not_start_over() -> None:
    blink = Pattern("blink", ((True, 0.5), (False, 0.5)))
    with GpioPanel(MOCK) as panel:
        seen = []
        for _ in range(20):
            panel.show(Pattern("blink", blink.steps))
            await asyncio.sleep(0.1)
            seen.append(panel.lit)
    assert {True, False} == set(seen)


@pytest.mark.looptime
async def test_a_step_without_length_lasts_for_ever() -> None:
    with GpioPanel(MOCK) as panel:
        panel.show(Pattern("flash", ((True, 0.2), (False, 0.0))))
        await asyncio.sleep(0.1)
        assert panel.lit
        await asyncio.sleep(100)
        assert not panel.lit


async def test_what_is_shown_before_opening_is_lit_on_opening() -> None:
    panel = GpioPanel(MOCK)
    panel.show(IN_CALL)
    assert not panel.lit
    with panel:
        assert panel.lit


@pytest.mark.parametrize("active_high", [True, False])
async def test_closing_turns_the_led_off_and_gives_the_pins_back(active_high: bool) -> None:
    factory = MockFactory()
    config = PanelConfig(driver="gpio-mock", led_active_high=active_high)
    pin = factory.pin(config.led_pin)
    with GpioPanel(config, on(factory)) as panel:
        panel.show(IN_CALL)
        assert pin.state is active_high
        pin.clear_states()
    assert [state.state for state in pin.states][:2] == [active_high, not active_high]
    assert pin.function == "input"
    with GpioPanel(config, on(factory)):
        pass


async def test_a_light_that_cannot_be_switched_refuses_the_capture() -> None:
    class Broken(MockPin):  # type: ignore[misc]  # gpiozero carries no types
        """The chip went away after the start."""

        def _set_state(self, value: Any) -> None:
            if value:
                raise OSError("bad GPIO write")
            super()._set_state(value)

    with GpioPanel(MOCK, on(MockFactory(pin_class=Broken))) as panel:
        lamp = Lamp(panel.show)
        with pytest.raises(DeviceError, match="LED"), lamp.hold("microphone"):
            pytest.fail("recording in the dark")
        with pytest.raises(DeviceError, match="LED"):  # and the panel is given up, and says so
            await take(panel.edges(), 1)
        assert panel.pattern == DARK  # what it is to show when it is found again


async def test_pins_that_cannot_even_be_given_back_are_told_of() -> None:
    class Gone(MockPin):  # type: ignore[misc]  # gpiozero carries no types
        """Everything about it fails, once something did."""

        broken = False

        def _set_state(self, value: Any) -> None:
            if Gone.broken:
                raise DriverError("bad GPIO write")
            super()._set_state(value)

        def close(self) -> None:
            if Gone.broken:
                raise DriverError("unknown handle")
            super().close()

    factory = MockFactory(pin_class=Gone)
    panel = GpioPanel(MOCK, on(factory, DriverError))
    panel.open()
    Gone.broken = True
    with pytest.raises(DeviceError, match="LED cannot be switched"):
        panel.show(IN_CALL)
    with pytest.raises(DeviceError, match="LED cannot be switched"):
        await take(panel.edges(), 1)
    Gone.broken = False
    with panel:  # it is found again
        assert panel.lit


async def test_two_settings_for_one_pin_are_explained() -> None:
    config = PanelConfig(driver="gpio-mock", call_pin=5, photo_pin=5)
    with pytest.raises(DeviceError) as caught, GpioPanel(config):
        pass
    assert caught.value.cause == "GPIO 5 is configured twice."
    assert "panel.photo_pin" in caught.value.cure


class DriverError(Exception):
    """What a pin library raises: no relative of any of ours, as lgpio.error."""


class BusyPin(MockPin):  # type: ignore[misc]  # gpiozero carries no types
    """Another process holds GPIO 22."""

    def _set_function(self, value: str) -> None:
        if self.info.name == "GPIO22" and value == "output":
            raise DriverError("GPIO busy")
        super()._set_function(value)


async def test_a_pin_in_use_elsewhere_is_named_and_the_others_are_given_back() -> None:
    factory = MockFactory(pin_class=BusyPin)
    with (
        pytest.raises(DeviceError) as caught,
        GpioPanel(MOCK, on(factory, DriverError)),
    ):
        pass
    assert caught.value.cause == "GPIO 22 is used by another program."
    assert "panel.led_pin" in caught.value.cure
    for pin in (MOCK.call_pin, MOCK.photo_pin):
        gpiozero.DigitalInputDevice(pin, pin_factory=factory).close()


async def test_only_mock_buttons_can_be_pressed_by_a_program() -> None:
    class RealFactory(MockFactory):  # type: ignore[misc]  # the same
        """Hands out pins that no program can drive."""

        def pin(self, name: object, **more: object) -> object:
            return self.pins.setdefault(("wire", name), WireProxy(super().pin(name, **more)))

    with (
        GpioPanel(MOCK, on(RealFactory())) as panel,
        pytest.raises(DeviceError, match="mock"),
    ):
        panel.press(Button.CALL)


class WireProxy:
    """A pin of another library: all a device needs, and no mock pin."""

    def __init__(self, pin: MockPin) -> None:
        object.__setattr__(self, "_pin", pin)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pin, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._pin, name, value)
