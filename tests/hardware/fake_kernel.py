"""The kernel's side of V4L2, as far as the appliance uses it, with the failures of real webcams."""

import errno
import os
import struct
from dataclasses import dataclass, field

from typing_extensions import override

from appliance.hardware import video_device as v4l2
from appliance.hardware.video_device import Kernel

BUFFER_SIZE = 1 << 20  # bytes


@dataclass
class Webcam:
    """What is behind one /dev/video*.

    `frames`: delivered in turn, the last for ever; None is a damaged one. `refuses`: the errno of
    an open that is refused. `silent`: no frame comes. `gone`: it is unplugged.
    """

    name: str = "HD Webcam"
    driver: str = "uvcvideo"
    formats: tuple[str, ...] = ("MJPG", "YUYV")
    capabilities: int = v4l2.CAN_CAPTURE | v4l2.CAN_STREAM
    size: tuple[int, int] = (960, 720)
    frames: list[bytes | None] = field(default_factory=list)
    refuses: int = 0
    silent: bool = False
    gone: bool = False
    busy: bool = False
    streaming: bool = False
    opens: int = 0
    taken: int = 0
    queued: list[int] = field(default_factory=list)
    filled: list[tuple[int, int, int]] = field(default_factory=list)  # index, bytes, flags


class FakeKernel(Kernel):
    """Answers the system calls for the webcams at these paths."""

    def __init__(self, webcams: dict[str, Webcam]) -> None:
        self.webcams = webcams
        self._open: dict[int, Webcam] = {}

    @property
    def open_devices(self) -> int:
        return len(self._open)

    @override
    def open(self, path: str) -> int:
        webcam = self.webcams[path]
        if webcam.refuses:
            raise OSError(webcam.refuses, os.strerror(webcam.refuses))
        if webcam.gone:
            raise OSError(errno.ENOENT, "No such file or directory")
        device = os.memfd_create("webcam")
        os.truncate(device, v4l2.BUFFERS * BUFFER_SIZE)
        webcam.opens += 1
        self._open[device] = webcam
        return device

    @override
    def ioctl(self, device: int, request: int, argument: bytearray) -> None:
        webcam = self._open[device]
        if webcam.gone:
            raise OSError(errno.ENODEV, "No such device")
        match request:
            case v4l2.QUERYCAP:
                names = (webcam.driver.encode(), webcam.name.encode(), b"usb-1")
                can = (webcam.capabilities | v4l2.HAS_DEVICE_CAPS, webcam.capabilities)
                argument[:] = struct.pack("16s32s32sIII12x", *names, 0x060C00, *can)
            case v4l2.ENUM_FMT:
                index = struct.unpack_from("I", argument)[0]
                if index >= len(webcam.formats):
                    raise OSError(errno.EINVAL, "Invalid argument")
                argument[44:48] = webcam.formats[index].encode()
            case v4l2.S_FMT:
                if webcam.busy:
                    raise OSError(errno.EBUSY, "Device or resource busy")
                width, height = webcam.size  # the nearest it has
                struct.pack_into("II", argument, 8, width, height)
                struct.pack_into("I", argument, 24, 2 * width + 64 if self._raw(argument) else 0)
            case v4l2.REQBUFS:
                if webcam.busy:
                    raise OSError(errno.EBUSY, "Device or resource busy")
            case v4l2.QUERYBUF:
                index = struct.unpack_from("I", argument)[0]
                struct.pack_into("QI", argument, 64, index * BUFFER_SIZE, BUFFER_SIZE)
            case v4l2.QBUF:
                webcam.queued.append(struct.unpack_from("I", argument)[0])
            case v4l2.STREAMON:
                webcam.streaming = True
            case v4l2.DQBUF:
                if not webcam.streaming:
                    raise OSError(errno.EINVAL, "Invalid argument")
                if not webcam.filled:
                    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
                index, used, flags = webcam.filled.pop(0)
                struct.pack_into("I", argument, 0, index)
                struct.pack_into("II", argument, 8, used, flags)
            case _:
                raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    def fill(self, device: int) -> None:
        """Have the webcam deliver its next frame into the buffer that waits longest."""
        webcam = self._open[device]
        if not webcam.queued:
            return
        index = webcam.queued.pop(0)
        frame = webcam.frames[min(webcam.taken, len(webcam.frames) - 1)]
        webcam.taken += 1
        os.pwrite(device, frame or b"torn", index * BUFFER_SIZE)
        webcam.filled.append((index, len(frame or b"torn"), 0 if frame else v4l2.DAMAGED))

    def fill_all(self) -> None:
        """Let time pass in which nobody takes a frame."""
        for device in self._open:
            for _ in range(v4l2.BUFFERS):
                self.fill(device)

    @override
    def wait(self, device: int, limit: float) -> None:
        if self._open[device].silent:
            never = os.eventfd(0)
            super().wait(never, limit)
            os.close(never)
        elif not self._open[device].gone:
            self.fill(device)

    @override
    def close(self, device: int) -> None:
        webcam = self._open.pop(device)
        webcam.streaming = False
        webcam.queued.clear()
        webcam.filled.clear()
        os.close(device)

    @staticmethod
    def _raw(argument: bytearray) -> bool:
        return argument[16:20] == b"YUYV"
