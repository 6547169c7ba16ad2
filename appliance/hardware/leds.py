"""The LED: one colour, dimmed or not, or three; and what plays patterns on it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import gpiozero

from appliance.config import PanelConfig
from appliance.core.lights import Pattern
from appliance.hardware.header import PinFactory

Colour = tuple[float, float, float]

WHITE: Final[Colour] = (1, 1, 1)
COLOURS: Final[Mapping[str, Colour]] = {
    "connecting": (1, 0.6, 0),
    "in call": (0, 1, 0),
    "speaking": (0, 0, 1),
    "interrupted": (1, 0.6, 0),
    "offline": (1, 0.6, 0),
    "muted": (1, 0, 1),
    "muted, no call": (1, 0, 1),
    "needs you": (1, 0, 0),
    "refused": (1, 0, 0),
}
"""Red, green and blue of an RGB LED, by the pattern's name; the others are white."""


class Led:
    """The LED on its pins. Making it, and all its methods, raise what the pin library raises."""

    def __init__(self, config: PanelConfig, factory: PinFactory) -> None:
        self._brightness = config.led_brightness
        wiring: dict[str, Any] = {
            "active_high": config.led_active_high, "pin_factory": factory,
        }  # fmt: skip
        self._device: Any  # gpiozero carries no types
        match config.led:
            case "plain":
                self._device = gpiozero.LED(config.led_pin, **wiring)
            case "pwm":
                self._device = gpiozero.PWMLED(config.led_pin, **wiring)
            case "rgb":
                pins = (config.led_pin, config.green_pin, config.blue_pin)
                self._device = gpiozero.RGBLED(*pins, **wiring)
        self._kind = config.led

    @property
    def lit(self) -> bool:
        """Whether it shines at this moment."""
        return bool(self._device.is_lit)

    def switch(self, lit: bool, colour: Colour = WHITE) -> None:
        """Shine, in this colour if it has colours, or go dark."""
        match self._kind:
            case "plain":
                self._device.value = lit
            case "pwm":
                self._device.value = self._brightness * lit
            case "rgb":
                self._device.value = tuple(self._brightness * lit * part for part in colour)

    def close(self) -> None:
        """Give the pins back."""
        self._device.close()


class Light:
    """Plays a pattern on an LED with the loop's timers; the last pattern wins. Loop thread."""

    def __init__(
        self, led: Led, errors: tuple[type[Exception], ...], failed: Callable[[Exception], object]
    ) -> None:
        """`errors`: what the pin library raises; between two steps `failed` gets it."""
        self._loop = asyncio.get_running_loop()
        self._led = led
        self._errors = errors
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None

    def play(self, pattern: Pattern) -> None:
        """Begin at the first step. Raises what the pin library raises."""
        self._halt()
        self._step(pattern, 0)

    def stop(self) -> None:
        """Go dark."""
        self._halt()
        with suppress(*self._errors):  # a chip that is gone leaves the LED dark anyway
            self._led.switch(False)

    def _halt(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step(self, pattern: Pattern, index: int) -> None:
        lit, seconds = pattern.steps[index]
        self._led.switch(lit, COLOURS.get(pattern.name, WHITE))
        if seconds > 0:
            following = (index + 1) % len(pattern.steps)
            self._timer = self._loop.call_later(seconds, self._go_on, pattern, following)

    def _go_on(self, pattern: Pattern, index: int) -> None:
        try:
            self._step(pattern, index)
        except self._errors as error:
            self._failed(error)
