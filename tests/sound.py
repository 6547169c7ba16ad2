"""Sounds to test with, and an ear for them."""

import asyncio
import math
from array import array
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from appliance.media import pcm


def sine(pitch: float, seconds: float, rate: int = pcm.RATE, strength: float = 0.3) -> bytes:
    step = 2 * math.pi * pitch / rate
    count = round(seconds * rate)
    return array("h", [int(32767 * strength * math.sin(step * i)) for i in range(count)]).tobytes()


def strength_of(pitch: float, sound: bytes) -> float:
    """Share of the sound's energy that is at `pitch` (one bin of a Fourier sum)."""
    values = pcm.samples(sound)
    step = 2 * math.pi * pitch / pcm.RATE
    real = sum(v * math.cos(step * i) for i, v in enumerate(values))
    imaginary = sum(v * math.sin(step * i) for i, v in enumerate(values))
    total = sum(v * v for v in values)
    return 2 * (real * real + imaginary * imaginary) / (len(values) * total) if total else 0.0


def heard_at(pitch: float, sound: bytes, seconds: float = 0.1) -> list[bool]:
    """Tell for each piece of `seconds` whether it is mostly `pitch`, and not silence."""
    size = 2 * round(seconds * pcm.RATE)
    pieces = [sound[at : at + size] for at in range(0, len(sound) - size + 1, size)]
    return [pcm.peak(piece) > 300 and strength_of(pitch, piece) > 0.5 for piece in pieces]


def likeness(tone: bytes, sound: bytes) -> float:
    """How like the tone the sound is where it is most like it: 1 is the same, at any loudness.

    Cross-correlation, so that the few steps of noise of a decoder beside it make no difference.
    """
    wanted, heard = (np.frombuffer(each, "<i2").astype(np.float64) for each in (tone, sound))
    size = len(heard) + len(wanted)
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    places = len(heard) - len(wanted) + 1
    if places < 1:
        return 0.0
    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    beside = energy[len(wanted) :] - energy[:places]
    scale = np.sqrt(np.maximum(beside, 1.0) * np.sum(wanted**2))
    return float(np.max(np.fft.irfft(product, size)[:places] / scale))


class Latch:
    """A capture latch that remembers."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.history: list[str] = []
        self.used = asyncio.Event()
        self.dark = asyncio.Event()

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        self.held.append(what)
        self.history.append(f"+{what}")
        self.used.set()
        try:
            yield
        finally:
            self.held.remove(what)
            self.history.append(f"-{what}")
            self.dark.set()
