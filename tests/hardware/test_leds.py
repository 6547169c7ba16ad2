"""LEDs of one colour, dimmed, and of three."""

import pytest
from gpiozero.pins.mock import MockFactory

from appliance.config import PanelConfig
from appliance.core.lights import DARK, IN_CALL, NEEDS_YOU, PATTERNS, RECORDING
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.header import Header, mock_header
from appliance.hardware.leds import COLOURS, Led

PINS = (22, 23, 24)


def states(factory: MockFactory, *pins: int) -> tuple[float, ...]:
    return tuple(round(float(factory.pin(pin).state), 3) for pin in pins)


@pytest.mark.parametrize(("active_high", "on", "off"), [(True, 0.3, 0.0), (False, 0.7, 1.0)])
async def test_dimmed_led(active_high: bool, on: float, off: float) -> None:
    config = PanelConfig(
        driver="gpio-mock", led="pwm", led_brightness=0.3, led_active_high=active_high
    )
    header = mock_header(config)
    with GpioPanel(config, lambda _: header) as panel:
        panel.show(IN_CALL)
        assert states(header.factory, 22) == (on,)
        assert panel.lit
        panel.show(DARK)
        assert states(header.factory, 22) == (off,)
        assert not panel.lit


async def test_coloured_led_tells_by_its_colour() -> None:
    config = PanelConfig(driver="gpio-mock", led="rgb", led_brightness=0.5)
    header = mock_header(config)
    with GpioPanel(config, lambda _: header) as panel:
        panel.show(IN_CALL)
        assert states(header.factory, *PINS) == (0, 0.5, 0)
        panel.show(NEEDS_YOU)
        assert states(header.factory, *PINS) == (0.5, 0, 0)
        panel.show(RECORDING)
        assert states(header.factory, *PINS) == (0.5, 0.5, 0.5)
        panel.show(DARK)
        assert states(header.factory, *PINS) == (0, 0, 0)
        assert not panel.lit


def test_every_colour_belongs_to_a_pattern_and_shines() -> None:
    assert set(COLOURS) <= {pattern.name for pattern in PATTERNS}
    assert all(max(colour) == 1 and min(colour) >= 0 for colour in COLOURS.values())


@pytest.mark.parametrize("kind", ["plain", "pwm", "rgb"])
def test_closing_gives_every_pin_back(kind: str) -> None:
    config = PanelConfig(driver="gpio-mock", led=kind)  # type: ignore[arg-type]  # one of them
    header: Header = mock_header(config)
    for _ in range(2):
        led = Led(config, header.factory)
        led.switch(True)
        led.close()
