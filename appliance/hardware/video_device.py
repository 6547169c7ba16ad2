"""A video device of the kernel (V4L2), by its own system calls: nothing here waits unbounded.

Numbers and layouts are those of linux/videodev2.h for machines with 64 bits.
"""

import fcntl
import mmap
import os
import select
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

CAPTURE: Final = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
MMAP: Final = 1  # V4L2_MEMORY_MMAP
CAN_CAPTURE: Final = 0x1
CAN_STREAM: Final = 0x0400_0000
HAS_DEVICE_CAPS: Final = 0x8000_0000
PART_OF_A_PIPELINE: Final = 0x2000_0000  # V4L2_CAP_IO_MC: of use to libcamera alone
DAMAGED: Final = 0x40  # V4L2_BUF_FLAG_ERROR
BUFFERS: Final = 3

_CAPABILITY: Final = struct.Struct("16s32s32sIII12x")
_DESCRIPTION: Final = struct.Struct("III32s4s16x")
_FORMAT: Final = struct.Struct("I4xII4sIII176x")
_REQUEST: Final = struct.Struct("IIIII")
_BUFFER: Final = struct.Struct("IIIIIxxxxqq16xIIQIIIxxxx")


def _ioc(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP: Final = _ioc(2, 0, _CAPABILITY.size)
ENUM_FMT: Final = _ioc(3, 2, _DESCRIPTION.size)
S_FMT: Final = _ioc(3, 5, _FORMAT.size)
REQBUFS: Final = _ioc(3, 8, _REQUEST.size)
QUERYBUF: Final = _ioc(3, 9, _BUFFER.size)
QBUF: Final = _ioc(3, 15, _BUFFER.size)
DQBUF: Final = _ioc(3, 17, _BUFFER.size)
STREAMON: Final = _ioc(1, 18, 4)


class Kernel:
    """The system calls; each raises OSError."""

    def open(self, path: str) -> int:
        """Open a device without blocking."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ioctl(self, device: int, request: int, argument: bytearray) -> None:
        """Control the device; `argument` is read and written."""
        fcntl.ioctl(device, request, argument)

    def mmap(self, device: int, length: int, offset: int) -> mmap.mmap:
        """Map one of the device's buffers."""
        return mmap.mmap(device, length, offset=offset)

    def wait(self, device: int, limit: float) -> None:
        """Return when the device has a frame or an error, after at most `limit` seconds."""
        poll = select.poll()
        poll.register(device, select.POLLIN)
        poll.poll(limit * 1000)

    def close(self, device: int) -> None:
        """Close the device, which ends its stream."""
        os.close(device)


@dataclass(frozen=True, slots=True)
class Card:
    """What a device says of itself. `formats`: its pixel formats, as four characters each."""

    driver: str
    name: str
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a frame lies in memory. `stride`: bytes from row to row, 0 where there are no rows."""

    width: int
    height: int
    format: str
    stride: int


class VideoDevice:
    """An open device. Any thread, one at a time."""

    def __init__(self, path: str, kernel: Kernel) -> None:
        """Open it. Raises OSError."""
        self._kernel = kernel
        self._device = kernel.open(path)
        self._buffers: list[mmap.mmap] = []

    def card(self) -> Card | None:
        """Ask what it is; None if it does not deliver frames by itself. Raises OSError."""
        answer = self._ask(QUERYCAP, _CAPABILITY)
        driver, name, _, _, everything, own = _CAPABILITY.unpack(answer)
        can = own if everything & HAS_DEVICE_CAPS else everything
        if not (can & CAN_CAPTURE and can & CAN_STREAM) or can & PART_OF_A_PIPELINE:
            return None
        return Card(_text(driver), _text(name), self._formats())

    def configure(self, format: str, width: int, height: int) -> Layout:  # noqa: A002 - its name
        """Ask for a format and size; return what it takes instead. Raises OSError."""
        asked = (CAPTURE, width, height, format.encode(), 0, 0, 0)
        answer = _FORMAT.unpack(self._ask(S_FMT, _FORMAT, *asked))
        return Layout(answer[1], answer[2], _text(answer[3]), answer[5])

    def start(self) -> None:
        """Give it buffers and have it fill them. Raises OSError."""
        count = _REQUEST.unpack(self._ask(REQBUFS, _REQUEST, BUFFERS, CAPTURE, MMAP, 0, 0))[0]
        for index in range(count):
            buffer = self._ask(QUERYBUF, _BUFFER, *_buffer(index))
            *_, offset, length, _, _ = _BUFFER.unpack(buffer)
            self._buffers.append(self._kernel.mmap(self._device, length, offset))
            self._ask(QBUF, _BUFFER, *_buffer(index))
        self._kernel.ioctl(self._device, STREAMON, bytearray(struct.pack("I", CAPTURE)))

    def frame(self, limit: float) -> bytes:
        """Return the next whole frame. Raises TimeoutError, or OSError if the device is gone."""
        end = time.monotonic() + limit
        while True:
            with suppress(BlockingIOError):
                if (frame := self._take()) is not None:
                    return frame
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._kernel.wait(self._device, left)

    def drop_waiting(self) -> None:
        """Forget the frames that were filled while nobody asked. Raises OSError."""
        with suppress(BlockingIOError):
            for _ in self._buffers:
                self._take()

    def close(self) -> None:
        """End the stream, and give everything back."""
        self._kernel.close(self._device)
        while self._buffers:
            self._buffers.pop().close()

    def _take(self) -> bytes | None:
        """Return the next frame, None if it is damaged. Raises BlockingIOError if there is none."""
        answer = _BUFFER.unpack(self._ask(DQBUF, _BUFFER, *_buffer(0)))
        index, _, used, flags = answer[:4]
        frame = None if flags & DAMAGED or not used else self._buffers[index][:used]
        self._ask(QBUF, _BUFFER, *_buffer(index))
        return frame

    def _formats(self) -> tuple[str, ...]:
        formats: list[str] = []
        with suppress(OSError):  # EINVAL after the last one
            while True:
                asked = (len(formats), CAPTURE, 0, b"", b"")
                answer = _DESCRIPTION.unpack(self._ask(ENUM_FMT, _DESCRIPTION, *asked))
                formats.append(_text(answer[4]))
        return tuple(formats)

    def _ask(self, request: int, shape: struct.Struct, *values: int | bytes) -> bytearray:
        argument = bytearray(shape.pack(*values) if values else shape.size)
        self._kernel.ioctl(self._device, request, argument)
        return argument


def _buffer(index: int) -> tuple[int, ...]:
    """Return the fields of a v4l2_buffer that names one."""
    return (index, CAPTURE, 0, 0, 0, 0, 0, 0, MMAP, 0, 0, 0, 0)


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("ascii", "replace").strip()
