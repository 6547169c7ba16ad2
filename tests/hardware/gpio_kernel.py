"""The kernel's side of GPIO chips: answers the ioctls, and hangs up when a chip is removed."""

import errno
import os
import select
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from appliance.hardware.gpiochip import GET_CHIP, GET_LINE
from appliance.hardware.line import BIAS, EVENT, GET_LINE_HANDLE, GET_VALUES, REQUEST

USED, OUTPUT = 1, 8  # GPIO_V2_LINE_FLAG_*


@dataclass
class FakeLine:
    """A line that somebody asked for with its edges: a pipe, whose other end is theirs."""

    reader: int
    writer: int
    high: bool

    def closed(self) -> bool:
        """Whether they gave it back; told once, for the end of the pipe here goes too."""
        poll = select.poll()
        poll.register(self.writer, 0)
        gone = bool(poll.poll(0))
        if gone:
            os.close(self.writer)
        return gone


@dataclass
class FakeChip:
    """A chip, and who holds which of its lines."""

    label: str
    lines: int = 54
    holders: dict[int, str] = field(default_factory=dict)
    inputs: dict[int, FakeLine] = field(default_factory=dict)

    def held(self, line: int) -> bool:
        """Whether a line is somebody's."""
        for number in [number for number, each in self.inputs.items() if each.closed()]:
            del self.inputs[number], self.holders[number]
        return line in self.holders


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
        for line in self.chips.pop(name).inputs.values():
            os.close(line.writer)
        path = self.devices / name
        with suppress(OSError):  # ENXIO: nobody has it open
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        path.unlink()

    def move(self, line: int, high: bool, at: float = 0.0) -> None:
        """Change the level of an input, as a button does, at `at` seconds of the machine's clock.

        An edge that does not fit in any more is lost.
        """
        for chip in self.chips.values():
            if chip.held(line) and line in chip.inputs:
                held = chip.inputs[line]
                held.high = high
                with suppress(BlockingIOError):
                    os.write(held.writer, EVENT.pack(int(at * 1e9), 1 if high else 2))

    def ioctl(self, descriptor: int, request: int, argument: bytes) -> bytes:
        """Answer as drivers/gpio/gpiolib-cdev.c does."""
        if request == GET_VALUES:
            return self._values(descriptor, argument)
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        chip = self.chips.get(name)
        if chip is None:
            raise OSError(errno.ENODEV, "No such device")
        if request == GET_CHIP:
            return struct.pack("=32s32sI", name.encode(), chip.label.encode(), chip.lines)
        if request == GET_LINE_HANDLE:
            return self._request(chip, argument)
        assert request == GET_LINE
        assert len(argument) == 256, "EFAULT: the kernel writes all of it"
        offset = int.from_bytes(argument[64:68], "little")
        if offset >= chip.lines:
            raise OSError(errno.EINVAL, "Invalid argument")
        holder = chip.holders[offset] if chip.held(offset) else None
        flags = OUTPUT if holder is None else OUTPUT | USED
        told = struct.pack("=32s32sIIQ", b"GPIO", (holder or "").encode(), offset, 0, flags)
        return told.ljust(256, b"\0")

    def _request(self, chip: FakeChip, argument: bytes) -> bytes:
        assert len(argument) == 592, "EFAULT: the kernel writes all of it"
        offsets, consumer, flags, lines, *_ = REQUEST.unpack(argument)
        assert (lines, flags & 0b1111111) == (1, 0b0110100), "an input with both its edges"
        offset = int.from_bytes(offsets[:4], "little")
        if chip.held(offset):
            raise OSError(errno.EBUSY, "Device or resource busy")
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        chip.inputs[offset] = FakeLine(reader, writer, high=bool(flags & BIAS["up"]))
        chip.holders[offset] = consumer.rstrip(b"\0").decode()
        return REQUEST.pack(offsets, consumer, flags, lines, 0, reader)

    def _values(self, descriptor: int, argument: bytes) -> bytes:
        for chip in self.chips.values():
            for line in chip.inputs.values():
                if line.reader == descriptor:
                    _, mask = struct.unpack("=QQ", argument)
                    return struct.pack("=QQ", int(line.high) & mask, mask)
        raise OSError(errno.ENODEV, "No such device")
