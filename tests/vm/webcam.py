"""A USB webcam that shows given JPEG pictures (USB Device Class Definition for Video Devices 1.1)."""  # noqa: E501

import struct
import time
from collections.abc import Sequence
from typing import Final

from tests.vm.usb import ENDPOINT, HIGH_SPEED, Device, Request, Transfer, descriptor, interface

EYE = 1  # endpoint, and interface

_VIDEO, _CONTROL, _STREAMING = 0x0E, 1, 2  # A.1, A.2: class and subclasses
_CS_INTERFACE = 0x24  # A.4
_HEADER, _INPUT_TERMINAL, _OUTPUT_TERMINAL = 1, 2, 3  # A.5
_INPUT_HEADER, _FORMAT_MJPEG, _FRAME_MJPEG = 1, 6, 7  # A.6
_USB_STREAM, _IS_CAMERA = 0x0101, 0x0201  # B.1, B.2
_SET_CUR, _GET_LEN, _GET_INFO = 0x01, 0x85, 0x86  # A.8; all others ask for values
_PROBE, _COMMIT = 1, 2  # A.9.7
_END_OF_FRAME = 0x02  # 2.4.3.3, of the payload header
_BULK, _PACKET, _PAYLOAD = 2, 512, 32 * 512  # as much as the kernel's driver takes at once
_UNIT_NS = 100  # of times in descriptors
PAUSE: Final = 0.1  # s between two pictures
FROZEN: Final = 3600.0  # s until a frozen one goes on


class Webcam(Device):
    """Shows its pictures one after another, over and over. All have to be of this size."""

    speed = HIGH_SPEED
    kind = (0xEF, 2, 1)  # its interfaces belong together (Interface Association Descriptor)
    interfaces = 2
    name = "Test camera"

    def __init__(self, pictures: Sequence[bytes], width: int, height: int) -> None:
        super().__init__()
        self._pictures = [*pictures]
        self._size = width, height
        self._shown = 0
        self._at = 0
        self._next = 0.0
        self._chosen = self._probe()
        self.product = 2
        self.seen = 0
        """How many whole pictures the machine took."""
        self.frozen = False
        """Whether it hangs: plugged in, streaming, and no picture comes."""

    def show(self, picture: bytes) -> None:
        """Show this from the next picture on."""
        self._pictures = [picture]

    def configuration(self) -> bytes:
        """Two interfaces: its terminals, and a stream of pictures."""
        terminals = descriptor(
            _CS_INTERFACE, "BBHBBHHHB3s", _INPUT_TERMINAL, 1, _IS_CAMERA, 0, 0, 0, 0, 0, 3, bytes(3)
        ) + descriptor(_CS_INTERFACE, "BBHBBB", _OUTPUT_TERMINAL, 2, _USB_STREAM, 0, 1, 0)
        header = descriptor(
            _CS_INTERFACE, "BHHIBB", _HEADER, 0x110, 13 + len(terminals), 6_000_000, 1, EYE
        )
        pace = round(PAUSE * 1e9 / _UNIT_NS)
        forms = descriptor(_CS_INTERFACE, "9B", _FORMAT_MJPEG, 1, 1, 1, 1, 0, 0, 0, 0) + descriptor(
            _CS_INTERFACE, "BBBHHIIIIBI", _FRAME_MJPEG, 1, 0, *self._size, 1 << 20, 1 << 24, 1 << 20, pace, 1, pace  # noqa: E501
        )  # fmt: skip
        stream = descriptor(
            _CS_INTERFACE, "BBHBBBBBBBB", _INPUT_HEADER, 1, 14 + len(forms), 0x80 | EYE, 0, 2, 0, 0, 0, 1, 0  # noqa: E501
        )  # fmt: skip
        return b"".join((
            descriptor(0x0B, "6B", 0, 2, _VIDEO, 3, 0, 0),  # these two interfaces are one camera
            interface(0, 0, 0, _VIDEO, _CONTROL), header, terminals,
            interface(EYE, 0, 1, _VIDEO, _STREAMING), stream, forms,
            descriptor(ENDPOINT, "BBHB", 0x80 | EYE, _BULK, _PACKET, 0),
        ))  # fmt: skip

    def request(self, request: Request, _out: bytes) -> bytes | None:
        """Agree on the one thing there is to agree on (4.3.1.1)."""
        if request.index != EYE or request.value >> 8 not in {_PROBE, _COMMIT}:
            return None
        if request.number == _SET_CUR:
            self._at = 0  # a new stream
        answers = {
            _SET_CUR: b"",
            _GET_LEN: struct.pack("<H", len(self._chosen)),
            _GET_INFO: b"\x03",  # may be read and set
        }
        return answers.get(request.number, self._chosen)

    def due(self, transfer: Transfer) -> float:
        """Return when a piece is there: the first of a picture when its time has come."""
        now = time.monotonic()
        self._next = max(self._next + transfer.length / (1 << 26), now)
        return now + FROZEN if self.frozen else self._next

    def give(self, endpoint: int, size: int) -> bytes:
        """Return the next piece of the picture, behind its header."""
        picture = self._pictures[self._shown % len(self._pictures)]
        piece = picture[self._at : self._at + min(size, _PAYLOAD) - 2]
        self._at += len(piece)
        flags = 0x80 | self._shown & 1
        if self._at >= len(picture):
            flags |= _END_OF_FRAME
            self._at = 0
            self._shown += 1
            self.seen += 1
            self._next = time.monotonic() + PAUSE
        return bytes([2, flags]) + piece

    def _probe(self) -> bytes:
        pace = round(PAUSE * 1e9 / _UNIT_NS)
        return struct.pack("<HBBIHHHHHII", 1, 1, 1, pace, 0, 0, 0, 0, 0, 1 << 20, _PAYLOAD).ljust(
            34, b"\0"
        )
