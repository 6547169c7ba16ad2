"""Two buttons and an LED on the header, through gpiozero on any pin factory."""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import gpiozero
from gpiozero.pins.mock import MockFactory, MockPin
from typing_extensions import override

from appliance.config import PanelConfig
from appliance.core.gestures import Button, Edge
from appliance.core.lights import Pattern
from appliance.errors import DeviceError
from appliance.ports import Panel

log = logging.getLogger(__name__)

EDGES_KEPT: Final = 256  # two seconds of mashing both buttons with bounces; the oldest goes
FACTORY_CURE: Final = (
    "On a Pi run: sudo apt install python3-gpiozero python3-lgpio; "
    "elsewhere set panel.driver to keyboard."
)

PinFactory: TypeAlias = Any  # gpiozero carries no types


class GpioPanel(Panel):
    """The panel on real pins, or on gpiozero's mock pins with `panel.driver = "gpio-mock"`.

    A context manager: entering, on the running loop, takes the pins and raises DeviceError if it
    cannot; leaving turns the LED off and gives the pins back. Contacts bounce, and every bounce is
    an edge here: core/gestures debounces. `pin_factory` makes another factory of gpiozero's kind,
    and `pin_error` is what that one's library raises.
    """

    def __init__(
        self,
        config: PanelConfig,
        pin_factory: Callable[[], PinFactory] | None = None,
        pin_error: type[Exception] = OSError,
    ) -> None:
        self._config = config
        mock = config.driver == "gpio-mock"
        self._make_factory = pin_factory or (MockFactory if mock else _lgpio_factory)
        self._pin_error = pin_error
        self._resources = ExitStack()
        self._edges: deque[Edge] = deque(maxlen=EDGES_KEPT)
        self._came = asyncio.Event()
        self._factory: PinFactory = None
        self._led: Any = None  # gpiozero carries no types
        self._light: _Light | None = None
        self.pattern: Pattern | None = None

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._loop = asyncio.get_running_loop()
            self._factory = self._open_factory()
            opened.callback(self._factory.close)
            for button, pin in self._pins().items():
                opened.enter_context(self._button(button, pin))
            self._led = opened.enter_context(self._open_led())
            self._light = _Light(self._loop, self._led, self._errors())
            opened.callback(self._light.stop)
            self._resources = opened.pop_all()
        if self.pattern is not None:
            self._play(self._light, self.pattern)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._light = None
        self._resources.close()

    @override
    async def edges(self) -> AsyncIterator[Edge]:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._edges:
                yield self._edges.popleft()

    @override
    def show(self, pattern: Pattern) -> None:
        if pattern == self.pattern:
            return  # the same light again must not start over: it would never blink
        self.pattern = None  # if it cannot be shown, the next try must not pass for done
        if self._light is not None:
            self._play(self._light, pattern)
        self.pattern = pattern

    def _play(self, light: "_Light", pattern: Pattern) -> None:
        try:
            light.play(pattern)
        except self._errors() as error:
            raise DeviceError(
                f"The LED cannot be switched ({str(error)[:200]}).", "Restart the appliance."
            ) from error

    @property
    def lit(self) -> bool:
        """Whether the LED shines at this moment."""
        return self._light is not None and bool(self._led.is_lit)

    def press(self, button: Button) -> None:
        """Push a mock button down, as a finger would."""
        self._drive(button, pressed=True)

    def release(self, button: Button) -> None:
        """Let a mock button go."""
        self._drive(button, pressed=False)

    def _drive(self, button: Button, *, pressed: bool) -> None:
        pin = self._factory.pin(self._pins()[button])
        if not isinstance(pin, MockPin):
            raise DeviceError("Only a mock button can be pressed by a program.")
        if pressed == self._config.pull_up:  # pressed connects to ground, or to 3.3 V
            pin.drive_low()
        else:
            pin.drive_high()

    def _errors(self) -> tuple[type[Exception], ...]:
        """What a pin factory may raise; lgpio's own error is none of the others."""
        lgpio = sys.modules.get("lgpio")
        own = (lgpio.error,) if lgpio is not None else ()
        return (gpiozero.GPIOZeroError, OSError, ValueError, self._pin_error, *own)

    def _pins(self) -> dict[Button, int]:
        return {Button.CALL: self._config.call_pin, Button.PHOTO: self._config.photo_pin}

    def _open_factory(self) -> PinFactory:
        try:
            return self._make_factory()
        except DeviceError:
            raise
        except self._errors() as error:
            raise DeviceError(
                f"The pins cannot be opened ({str(error)[:200]}).", _factory_cure(error)
            ) from error

    def _button(self, button: Button, pin: int) -> Any:  # noqa: ANN401 - gpiozero carries no types
        try:
            device = gpiozero.DigitalInputDevice(
                pin, pull_up=self._config.pull_up, bounce_time=None, pin_factory=self._factory
            )
        except self._errors() as error:
            raise _pin_taken(pin, f"{button.value}_pin", error) from error
        device.when_activated = lambda: self._edge(button, pressed=True)
        device.when_deactivated = lambda: self._edge(button, pressed=False)
        if device.is_active:
            self._edge(button, pressed=True)  # held down since before: a stuck button is seen
        return device

    def _open_led(self) -> Any:  # noqa: ANN401 - gpiozero carries no types
        pin = self._config.led_pin
        try:
            return gpiozero.LED(
                pin, active_high=self._config.led_active_high, pin_factory=self._factory
            )
        except self._errors() as error:
            raise _pin_taken(pin, "led_pin", error) from error

    def _edge(self, button: Button, *, pressed: bool) -> None:
        """Note an edge with the time it came. Called on the pin library's thread."""
        edge = Edge(button, pressed, self._loop.time())
        try:
            self._loop.call_soon_threadsafe(self._deliver, edge)
        except RuntimeError:  # the loop is closed: nobody is there any more
            return

    def _deliver(self, edge: Edge) -> None:
        self._edges.append(edge)
        self._came.set()


class _Light:
    """Plays a pattern on an LED with the loop's timers; the last pattern wins."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        led: Any,  # noqa: ANN401 - gpiozero carries no types
        errors: tuple[type[Exception], ...],
    ) -> None:
        self._loop = loop
        self._led = led
        self._errors = errors
        self._timer: asyncio.TimerHandle | None = None

    def play(self, pattern: Pattern) -> None:
        """Begin at the first step. Raises what the pin library raises."""
        self._halt()
        self._step(pattern, 0)

    def stop(self) -> None:
        """Go dark."""
        self._halt()
        with suppress(*self._errors):  # a chip that is gone leaves the LED dark anyway
            self._led.off()

    def _halt(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step(self, pattern: Pattern, index: int) -> None:
        lit, seconds = pattern.steps[index]
        self._led.value = lit
        if seconds > 0:
            following = (index + 1) % len(pattern.steps)
            self._timer = self._loop.call_later(seconds, self._go_on, pattern, following)

    def _go_on(self, pattern: Pattern, index: int) -> None:
        try:
            self._step(pattern, index)
        except self._errors as error:
            log.warning("The LED cannot be switched any more: %s", error)


def _lgpio_factory() -> PinFactory:
    """Open the header's chip. lgpio makes a pipe in LG_WD, or the working directory, on import."""
    try:
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - only on a Pi
    except ImportError as error:
        raise DeviceError(f"The pin library cannot be loaded ({error}).", FACTORY_CURE) from error
    return LGPIOFactory()


def _factory_cure(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return (
            "lgpio needs a working directory it can write to: set WorkingDirectory= and LG_WD "
            "to the runtime directory."
        )
    if isinstance(error, gpiozero.exc.PinUnknownPi):
        return "This is no Raspberry Pi: set panel.driver to keyboard."
    return "Add the user to the group gpio and look whether /dev/gpiochip0 is there."


def _pin_taken(pin: int, key: str, error: Exception) -> DeviceError:
    if isinstance(error, gpiozero.exc.GPIOPinInUse):
        return DeviceError(
            f"GPIO {pin} is configured twice.", f"Choose another pin as panel.{key}."
        )
    if "busy" in str(error).lower():
        return DeviceError(
            f"GPIO {pin} is used by another program.",
            f"End that program, or choose another pin as panel.{key}.",
        )
    return DeviceError(f"GPIO {pin} cannot be used ({str(error)[:200]}).", f"Check panel.{key}.")
