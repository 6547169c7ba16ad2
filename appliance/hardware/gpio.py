"""Two buttons and an LED on the header, through gpiozero."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Final

import gpiozero
from gpiozero.pins.mock import MockPin
from typing_extensions import override

from appliance.config import PanelConfig
from appliance.core.gestures import Button, Edge
from appliance.core.lights import Pattern
from appliance.errors import DeviceError
from appliance.hardware.header import Header, mock_header, open_header
from appliance.hardware.leds import Led, Light
from appliance.ports import Panel

OLDEST: Final = 60.0  # s that an edge may have waited for us
EDGES_KEPT: Final = 256  # two seconds of mashing both buttons with bounces; the oldest goes


class GpioPanel(Panel):
    """The panel on real pins, or on gpiozero's mock pins with `panel.driver = "gpio-mock"`.

    Contacts bounce, and every bounce is an edge here: core/gestures debounces. A chip that goes, or
    an LED that cannot be switched any more, closes the panel; `edges` tells. `header`: opens other
    pins of gpiozero's kind.
    """

    def __init__(
        self, config: PanelConfig, header: Callable[[PanelConfig], Header] | None = None
    ) -> None:
        self._config = config
        mock = config.driver == "gpio-mock"
        self._open_header = header or (mock_header if mock else open_header)
        self._resources = ExitStack()
        self._edges: deque[Edge] = deque(maxlen=EDGES_KEPT)
        self._came = asyncio.Event()
        self._header: Header | None = None
        self._listeners: list[Callable[[Any, Any], None]] = []
        self._led: Led | None = None
        self._light: Light | None = None
        self._lost: DeviceError | None = None
        self.pattern: Pattern | None = None

    @override
    def open(self) -> None:
        if self._header is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._edges.clear()
        self._lost = None
        with ExitStack() as opened:
            opened.callback(self._forget)
            self._header = header = self._open_header(self._config)
            opened.callback(header.close)
            if header.hangup is not None:
                self._loop.add_reader(header.hangup, self._gone)
                opened.callback(self._loop.remove_reader, header.hangup)
            for button in Button:
                opened.callback(self._open_button(header, button).close)
            self._led = led = self._open_led(header)
            opened.callback(led.close)
            self._light = Light(led, self._errors(), self._fail)
            opened.callback(self._light.stop)
            self._resources = opened.pop_all()
        if self.pattern is not None:
            self._play(self._light, self.pattern)

    @override
    def close(self) -> None:
        with suppress(*self._errors()):  # a chip that is gone; all the rest was closed
            self._resources.close()

    @override
    async def edges(self) -> AsyncIterator[Edge]:
        while True:
            while self._edges:
                yield self._edges.popleft()
            if self._lost is not None:
                raise self._lost
            self._came.clear()
            await self._came.wait()

    @override
    def show(self, pattern: Pattern) -> None:
        if pattern == self.pattern:
            return  # the same light again must not start over: it would never blink
        self.pattern = pattern
        if self._light is not None:
            self._play(self._light, pattern)

    def _play(self, light: Light, pattern: Pattern) -> None:
        try:
            light.play(pattern)
        except self._errors() as error:
            raise self._fail(error) from error

    @property
    def lit(self) -> bool:
        """Whether the LED shines at this moment."""
        return self._led is not None and self._led.lit

    def press(self, button: Button) -> None:
        """Push a mock button down, as a finger would."""
        self._drive(button, pressed=True)

    def release(self, button: Button) -> None:
        """Let a mock button go."""
        self._drive(button, pressed=False)

    def _drive(self, button: Button, *, pressed: bool) -> None:
        pin = self._header.factory.pin(self._pin(button)) if self._header is not None else None
        if not isinstance(pin, MockPin):
            raise DeviceError("Only a mock button can be pressed by a program.")
        if pressed == self._active_high():
            pin.drive_high()
        else:
            pin.drive_low()

    def _errors(self) -> tuple[type[Exception], ...]:
        """What a pin library may raise."""
        own = self._header.errors if self._header is not None else ()
        return (gpiozero.GPIOZeroError, OSError, ValueError, *own)

    def _pin(self, button: Button) -> int:
        return self._config.call_pin if button is Button.CALL else self._config.photo_pin

    def _active_high(self) -> bool:
        """Whether a pressed button connects to 3.3 V, and not to ground."""
        if self._config.pull == "none":
            return self._config.button_active_high
        return self._config.pull == "down"

    def _open_button(self, header: Header, button: Button) -> Any:  # noqa: ANN401 - no types
        pin = self._pin(button)
        floats = self._config.pull == "none"
        try:
            device = gpiozero.DigitalInputDevice(
                pin,
                pull_up=None if floats else self._config.pull == "up",
                active_state=self._active_high() if floats else None,
                pin_factory=header.factory,
            )
        except self._errors() as error:
            raise _refused((pin,), f"panel.{button.value}_pin", error) from error
        factory, high = header.factory, self._active_high()

        def changed(ticks: Any, state: Any) -> None:  # noqa: ANN401 - gpiozero carries no types
            age = factory.ticks_diff(factory.ticks(), ticks)
            self._edge(button, pressed=bool(state) == high, age=age)

        # The device's own handlers are not told the time. gpiozero holds this one weakly.
        device.pin.when_changed = changed
        self._listeners.append(changed)
        if device.is_active:
            self._edge(button, pressed=True, found=True)
        return device

    def _open_led(self, header: Header) -> Led:
        config = self._config
        try:
            return Led(config, header.factory)
        except self._errors() as error:
            if config.led != "rgb":
                raise _refused((config.led_pin,), "panel.led_pin", error) from error
            pins = (config.led_pin, config.green_pin, config.blue_pin)
            raise _refused(pins, "panel.led_pin, green_pin and blue_pin", error) from error

    def _forget(self) -> None:
        self._header = self._led = self._light = None
        self._listeners.clear()

    def _gone(self) -> None:
        """Take it that the chip hung up."""
        self._lose(DeviceError("The pins are gone (their chip was removed).", "Restart the Pi."))

    def _fail(self, error: Exception) -> DeviceError:
        lost = DeviceError(
            f"The LED cannot be switched ({str(error)[:200]}).", "Look at its pins; restart the Pi."
        )
        self._lose(lost)
        return lost

    def _lose(self, error: DeviceError) -> None:
        self._lost = error
        self.close()
        self._came.set()

    def _edge(
        self, button: Button, *, pressed: bool, found: bool = False, age: float = 0.0
    ) -> None:
        """Note an edge that came `age` seconds ago. May be called on any thread.

        On the header the time is that of the kernel's interrupt: a busy interpreter does not make a
        short press long. Ages that cannot be are those of another clock (Linux before 5.7).
        """
        at = self._loop.time() - (age if 0.0 <= age <= OLDEST else 0.0)
        edge = Edge(button, pressed, at, found)
        try:
            self._loop.call_soon_threadsafe(self._deliver, edge)
        except RuntimeError:  # the loop is closed: nobody is there any more
            return

    def _deliver(self, edge: Edge) -> None:
        self._edges.append(edge)
        self._came.set()


def _refused(pins: Sequence[int], key: str, error: Exception) -> DeviceError:
    """Explain why a pin that was free a moment ago cannot be had."""
    name = f"GPIO {', '.join(map(str, pins))}"
    choose = f"choose another pin as {key}."
    if isinstance(error, gpiozero.exc.GPIOPinInUse):
        return DeviceError(f"{name} is configured twice.", f"C{choose[1:]}")
    if isinstance(error, gpiozero.exc.PinFixedPull):
        return DeviceError(
            f"{name} has a resistor of its own ({error}).", f"Change panel.pull, or {choose}"
        )
    if "busy" in str(error).lower():
        return DeviceError(f"{name} is used by another program.", f"End it, or {choose}")
    return DeviceError(f"{name} cannot be used ({str(error)[:200]}).", f"Check {key}.")
