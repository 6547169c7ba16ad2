"""The kernel's side of GPIO chips: answers the ioctls, and hangs up when a chip is removed."""

import errno
import os
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from appliance.hardware.gpiochip import GET_CHIP, GET_LINE

USED, OUTPUT = 1, 8  # GPIO_V2_LINE_FLAG_*


@dataclass
class FakeChip:
    """A chip, and who holds which of its lines."""

    label: str
    lines: int = 54
    holders: dict[int, str] = field(default_factory=dict)


class Kernel:
    """Chips as pipes in a folder that stands for /dev: a pipe can be polled, and hangs up."""

    def __init__(self, devices: Path) -> None:
        self.devices = devices
        self.chips: dict[str, FakeChip] = {}

    def plug(self, name: str, label: str, lines: int = 54) -> FakeChip:
        """Add a chip."""
        os.mkfifo(self.devices / name)
        self.chips[name] = FakeChip(label, lines)
        return self.chips[name]

    def unplug(self, name: str) -> None:
        """Remove a chip: whoever has it open sees it hang up."""
        del self.chips[name]
        path = self.devices / name
        with suppress(OSError):  # ENXIO: nobody has it open
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        path.unlink()

    def ioctl(self, descriptor: int, request: int, argument: bytes) -> bytes:
        """Answer as drivers/gpio/gpiolib-cdev.c does."""
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        chip = self.chips.get(name)
        if chip is None:
            raise OSError(errno.ENODEV, "No such device")
        if request == GET_CHIP:
            return struct.pack("=32s32sI", name.encode(), chip.label.encode(), chip.lines)
        assert request == GET_LINE
        assert len(argument) == 256, "EFAULT: the kernel writes all of it"
        offset = int.from_bytes(argument[64:68], "little")
        if offset >= chip.lines:
            raise OSError(errno.EINVAL, "Invalid argument")
        holder = chip.holders.get(offset)
        flags = OUTPUT if holder is None else OUTPUT | USED
        told = struct.pack("=32s32sIIQ", b"GPIO", (holder or "").encode(), offset, 0, flags)
        return told.ljust(256, b"\0")
