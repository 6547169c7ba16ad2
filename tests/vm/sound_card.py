"""A USB sound card with a speaker and a microphone (USB Device Class Definition for Audio Devices 1.0)."""  # noqa: E501

import struct
import threading
import time
from typing import Final

import numpy as np

from tests.vm.usb import ENDPOINT, Device, descriptor, interface

SPEAKER, MICROPHONE = 1, 2  # endpoints, and interfaces
WIDTH: Final = 2  # bytes of a sample
PAUSE: Final = 0.1  # s between two looks
AUDIBLE: Final = 300  # of 32767

_AUDIO, _CONTROL, _STREAMING = 1, 1, 2  # A.1, A.2: class and subclasses
_CS_INTERFACE, _CS_ENDPOINT = 0x24, 0x25  # A.4
_HEADER, _INPUT_TERMINAL, _OUTPUT_TERMINAL = 1, 2, 3  # A.5
_GENERAL, _FORMAT = 1, 2  # A.6
_PCM = 1
_USB_STREAM, _IS_MICROPHONE, _IS_SPEAKER = 0x0101, 0x0201, 0x0301  # Terminal Types 1.0
_ADAPTIVE, _ASYNCHRONOUS = 0x09, 0x05  # isochronous, and whose clock it follows


class SoundCard(Device):
    """One fixed rate, 16 bit, mono both ways. Any thread may ask and feed it."""

    interfaces = 3

    def __init__(self, name: str = "Test card", rate: int = 48_000, product: int = 1) -> None:
        super().__init__()
        self.name, self.rate, self.product = name, rate, product
        self._lock = threading.Lock()
        self._said = bytearray()
        self._played = bytearray()
        self._fraction = 0

    def say(self, sound: bytes) -> None:
        """Let the microphone hear this, behind what it has still to hear; silence follows."""
        with self._lock:
            self._said += sound

    @property
    def unheard(self) -> int:
        """How many bytes the microphone has still to hear."""
        with self._lock:
            return len(self._said)

    @property
    def played(self) -> bytes:
        """All that the speaker played since it was made."""
        with self._lock:
            return bytes(self._played)

    @property
    def loud_seconds(self) -> float:
        """How much of what it played was loud: half of speech is."""
        sound = np.abs(np.frombuffer(self.played, "<i2").astype(np.int32))
        return float(np.count_nonzero(sound > AUDIBLE)) / self.rate

    def until_loud(self, seconds: float, limit: float = 60.0) -> None:
        """Wait until it has been loud for this long in all."""
        end = time.monotonic() + limit
        while (loud := self.loud_seconds) < seconds:
            assert time.monotonic() < end, f"it played {loud:.1f} s of sound within {limit:.0f} s"
            time.sleep(PAUSE)

    def give(self, endpoint: int, size: int) -> bytes:
        """Return what a frame of one millisecond hears."""
        self._fraction += self.rate
        samples, self._fraction = divmod(self._fraction, 1000)
        count = min(size, samples * WIDTH)
        with self._lock:
            sound = bytes(self._said[:count])
            del self._said[:count]
        return sound.ljust(count, b"\0")

    def take(self, endpoint: int, data: bytes) -> None:
        """Play."""
        with self._lock:
            self._played += data

    def configuration(self) -> bytes:
        """Two streams, each with a terminal at both ends."""
        terminals = b"".join((
            self._terminal(1, _USB_STREAM, None), self._terminal(2, _IS_SPEAKER, 1),
            self._terminal(3, _IS_MICROPHONE, None), self._terminal(4, _USB_STREAM, 3),
        ))  # fmt: skip
        control = descriptor(
            _CS_INTERFACE, "BHHBBB", _HEADER, 0x100, 10 + len(terminals), 2, SPEAKER, MICROPHONE
        )
        return b"".join((
            interface(0, 0, 0, _AUDIO, _CONTROL), control, terminals,
            self._stream(SPEAKER, 1, SPEAKER, _ADAPTIVE),
            self._stream(MICROPHONE, 4, 0x80 | MICROPHONE, _ASYNCHRONOUS),
        ))  # fmt: skip

    @staticmethod
    def _terminal(number: int, kind: int, source: int | None) -> bytes:
        if source is None:
            return descriptor(
                _CS_INTERFACE, "BBHBBHBB", _INPUT_TERMINAL, number, kind, 0, 1, 0, 0, 0
            )
        return descriptor(_CS_INTERFACE, "BBHBBB", _OUTPUT_TERMINAL, number, kind, 0, source, 0)

    def _stream(self, number: int, terminal: int, endpoint: int, sync: int) -> bytes:
        packet = (-(-self.rate // 1000) + 1) * WIDTH
        return b"".join((
            interface(number, 0, 0, _AUDIO, _STREAMING),
            interface(number, 1, 1, _AUDIO, _STREAMING),
            descriptor(_CS_INTERFACE, "BBBH", _GENERAL, terminal, 1, _PCM),
            descriptor(_CS_INTERFACE, "6B3s", _FORMAT, 1, 1, WIDTH, 8 * WIDTH, 1, struct.pack("<I", self.rate)[:3]),  # noqa: E501
            descriptor(ENDPOINT, "BBHBBB", endpoint, sync, packet, 1, 0, 0),
            descriptor(_CS_ENDPOINT, "BBBH", _GENERAL, 0, 0, 0),
        ))  # fmt: skip
