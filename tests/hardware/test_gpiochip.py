"""What the kernel tells of chips and lines."""

from pathlib import Path

import pytest

from appliance.errors import DeviceError
from appliance.hardware.gpiochip import HEADERS, check_pins, find_chip
from tests.hardware.gpio_kernel import Kernel

PINS = {"call_pin": 17, "photo_pin": 27, "led_pin": 22}


@pytest.mark.parametrize("label", HEADERS)
def test_header_is_found_by_its_label_whatever_its_number(kernel: Kernel, label: str) -> None:
    kernel.plug("gpiochip0", "raspberrypi-exp-gpio")
    kernel.plug("gpiochip2", "gpio-brcmstb@107d508500")
    kernel.plug("gpiochip11", label)
    chip = find_chip(devices=kernel.devices)
    assert (chip.number, chip.label, chip.lines) == (11, label, 54)


@pytest.mark.parametrize("wanted", [1, "1", "gpiochip1", "/dev/gpiochip1", "gpio-sim"], ids=repr)
def test_chip_can_be_named(kernel: Kernel, wanted: int | str) -> None:
    kernel.plug("gpiochip0", "pinctrl-rp1")
    kernel.plug("gpiochip1", "gpio-sim")
    if str(wanted).startswith("/dev/"):
        wanted = str(kernel.devices / "gpiochip1")
    assert find_chip(wanted, kernel.devices).number == 1


def test_chip_that_was_renamed_is_found_by_its_old_name(kernel: Kernel) -> None:
    kernel.plug("gpiochip0", "pinctrl-rp1")
    (kernel.devices / "gpiochip4").symlink_to("gpiochip0")
    assert find_chip(4, kernel.devices).number == 0
    assert find_chip(devices=kernel.devices).number == 0


@pytest.mark.parametrize("wanted", ["", 7, "pinctrl-bcm2711"])
def test_chip_that_is_not_there_is_told_with_those_that_are(
    kernel: Kernel, wanted: int | str
) -> None:
    kernel.plug("gpiochip0", "gpio-sim")
    with pytest.raises(DeviceError, match=r"gpiochip0 \(gpio-sim\)") as caught:
        find_chip(wanted, kernel.devices)
    assert "panel.chip" in caught.value.cure


def test_machine_without_chips_is_told(kernel: Kernel) -> None:
    with pytest.raises(DeviceError, match="no pins"):
        find_chip(devices=kernel.devices)


def test_chip_that_may_not_be_opened_is_told(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    kernel.plug("gpiochip0", "pinctrl-rp1")
    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(DeviceError, match="may not open gpiochip0") as caught:
        find_chip(devices=kernel.devices)
    assert "group gpio" in caught.value.cure


def test_free_pins_are_fine(kernel: Kernel) -> None:
    kernel.plug("gpiochip0", "pinctrl-rp1").holders[4] = "onewire@4"
    check_pins(find_chip(devices=kernel.devices), PINS)


@pytest.mark.parametrize(
    ("holder", "told"),
    [("gpiomon", "used by gpiomon"), ("lg", "gpiozero"), ("", "config.txt"), ("sysfs", "exported")],
)
def test_whoever_holds_a_pin_is_named(kernel: Kernel, holder: str, told: str) -> None:
    kernel.plug("gpiochip0", "pinctrl-rp1").holders[22] = holder
    with pytest.raises(DeviceError, match=told) as caught:
        check_pins(find_chip(devices=kernel.devices), PINS)
    assert caught.value.cause.startswith("GPIO 22 (panel.led_pin) is used by ")


def test_every_pin_in_use_or_missing_is_named_at_once(kernel: Kernel) -> None:
    kernel.plug("gpiochip0", "gpio-sim", lines=20).holders[17] = "gpioset"
    with pytest.raises(DeviceError) as caught:
        check_pins(find_chip(0, kernel.devices), PINS)
    assert caught.value.cause == (
        "GPIO 17 (panel.call_pin) is used by gpioset. "
        "GPIO 27 (panel.photo_pin) is missing: gpiochip0 has 20 lines. "
        "GPIO 22 (panel.led_pin) is missing: gpiochip0 has 20 lines."
    )


def test_chip_that_goes_while_its_pins_are_looked_at_is_told(kernel: Kernel) -> None:
    kernel.plug("gpiochip0", "pinctrl-rp1")
    chip = find_chip(devices=kernel.devices)
    kernel.chips.clear()
    with pytest.raises(DeviceError, match="No such device"):
        check_pins(chip, PINS)
