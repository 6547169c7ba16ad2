"""Asks the kernel about GPIO chips and lines: linux/gpio.h, the second version of its interface."""

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import Final

from appliance.config import PanelConfig
from appliance.errors import DeviceError

DEVICES: Final = Path("/dev")
CONSUMER: Final = "voice-appliance"  # how our lines are called in the kernel
HEADERS: Final = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")  # Pi 5; 4; all before
HOLDERS: Final = {
    "": "the kernel (SPI, I2C, UART or a sound card: see config.txt)",
    "lg": "lg, which is a program on lgpio or gpiozero",
    "sysfs": "sysfs, so somebody exported it in /sys/class/gpio",
}

LIBRARY_CURE: Final = (
    "On a Pi run: sudo apt install python3-lgpio; elsewhere set panel.driver to keyboard."
)

_CHIP: Final = struct.Struct("=32s32sI")  # struct gpiochip_info: name, label, lines
_LINE: Final = struct.Struct("=32s32sIIQ")  # struct gpio_v2_line_info up to its flags
_LINE_SIZE: Final = 256  # all of it
_USED: Final = 1  # GPIO_V2_LINE_FLAG_USED
GET_CHIP: Final = 0x8044B401  # GPIO_GET_CHIPINFO_IOCTL
GET_LINE: Final = 0xC100B405  # GPIO_V2_GET_LINEINFO_IOCTL


@dataclass(frozen=True, slots=True)
class Chip:
    """A GPIO chip: `number` as in /dev/gpiochip0, `label` of its driver, how many lines it has."""

    path: Path
    label: str
    lines: int

    @property
    def number(self) -> int:
        """The number in its name."""
        return _number(self.path)

    def holder(self, line: int) -> str | None:
        """Return the consumer of a line, "" for the kernel itself, None if it is free.

        Raises OSError if the chip is gone.
        """
        with opened(self.path) as descriptor:
            asked = _LINE.pack(b"", b"", line, 0, 0).ljust(_LINE_SIZE, b"\0")
            _, consumer, _, _, flags = _LINE.unpack_from(ioctl(descriptor, GET_LINE, asked))
        return _text(consumer) if flags & _USED else None


def pins_of(config: PanelConfig) -> Mapping[str, int]:
    """Return the settings that name pins, and the pins."""
    pins = {"call_pin": config.call_pin, "photo_pin": config.photo_pin, "led_pin": config.led_pin}
    if config.led == "rgb":
        pins |= {"green_pin": config.green_pin, "blue_pin": config.blue_pin}
    return pins


def find_chip(wanted: int | str = "", devices: Path = DEVICES) -> Chip:
    """Return the chip of this number, name or label; without one, the chip of the 40-pin header.

    Raises DeviceError with the chips there are.
    """
    chips = _chips(devices)
    if wanted == "":
        found = [chip for chip in chips if chip.label in HEADERS]
    else:
        name = f"gpiochip{wanted}" if str(wanted).isdecimal() else str(wanted)
        path = (devices / name).resolve()  # /dev/gpiochip4 may be a link to what it was once
        found = [chip for chip in chips if wanted == chip.label or path == chip.path]
    if found:
        return found[0]
    what = "40-pin header" if wanted == "" else f"chip {wanted} (panel.chip)"
    there = ", ".join(f"{chip.path.name} ({chip.label})" for chip in chips)
    raise DeviceError(
        f"There is no {what} among the chips of this machine: {there}.",
        "Set panel.chip to one of them, or panel.driver to keyboard or none.",
    )


def check_pins(chip: Chip, pins: Mapping[str, int], ours: str | None = None) -> None:
    """Raise DeviceError if a pin is missing or in use, with all such pins and who holds them.

    `pins`: setting to number. `ours`: the consumer that may hold them.
    """
    looked_at = [_fault(chip, key, pin, ours) for key, pin in pins.items()]
    faults = [fault for fault in looked_at if fault]
    if faults:
        raise DeviceError(
            " ".join(faults), "End what uses them, or choose other pins: panel.call_pin and others."
        )


def _fault(chip: Chip, key: str, pin: int, ours: str | None) -> str:
    if pin >= chip.lines:
        return f"GPIO {pin} (panel.{key}) is missing: {chip.path.name} has {chip.lines} lines."
    try:
        holder = chip.holder(pin)
    except OSError as error:
        return f"GPIO {pin} (panel.{key}) cannot be looked at ({error.strerror})."
    if holder in {None, ours}:
        return ""
    return f"GPIO {pin} (panel.{key}) is used by {HOLDERS.get(holder, holder)}."


def _chips(devices: Path) -> Sequence[Chip]:
    """Return all chips, by number. Raises DeviceError if there is none that may be opened."""
    paths = [path for path in devices.glob("gpiochip*") if not path.is_symlink()]
    chips, refused = [], ""
    for path in sorted(paths, key=_number):
        try:
            with opened(path) as descriptor:
                answer = ioctl(descriptor, GET_CHIP, bytes(_CHIP.size))
        except PermissionError:
            refused = path.name
        except OSError:  # it went while we looked, or is none
            continue
        else:
            _, label, lines = _CHIP.unpack(answer)
            chips.append(Chip(path.resolve(), _text(label), lines))
    if chips:
        return chips
    if refused:
        raise DeviceError(f"You may not open {refused}.", "Use sudo, or join the group gpio.")
    raise DeviceError(
        f"This machine has no pins ({devices}/gpiochip*).",
        "Set panel.driver to keyboard or none, or use --profile desktop.",
    )


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a chip for as long as the context lasts; its descriptor. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _number(path: Path) -> int:
    digits = path.name.removeprefix("gpiochip")
    return int(digits) if digits.isdecimal() else -1


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
