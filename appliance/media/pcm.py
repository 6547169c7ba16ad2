"""Sound as bytes: levels, mixing, channels, fades and WAV headers of 16-bit samples.

Everything inside the appliance is mono, s16le, 48 kHz, in blocks of 10 ms. `array` is in the order
of the machine, and every machine we run on (x86-64, aarch64) is little-endian like the samples.
"""

import math
import struct
from array import array
from collections.abc import Iterator
from operator import add

RATE = 48_000  # Hz, the clock of Opus in RTP (RFC 7587, section 4.1)
BLOCK_SAMPLES = 480  # 10 ms
BLOCK_BYTES = 2 * BLOCK_SAMPLES
SILENCE = bytes(BLOCK_BYTES)
FLOOR_DBFS = -90.0  # what we call the level of nothing; 16 bits reach down to -96

_FULL_SCALE = 32768.0
_LOWEST, _HIGHEST = -32768, 32767
_METER_STRIDE = 4  # a level needs no more than every fourth sample
_WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_WAV_MAX_DATA = 0xFFFF_FFFF - 36  # the sizes in a RIFF header have 32 bits


def samples(pcm: bytes | bytearray | memoryview) -> "array[int]":
    """Return the samples of `pcm` as a new array of 16-bit integers."""
    values = array("h")
    values.frombytes(pcm)
    return values


def energy(pcm: bytes) -> float:
    """Return the mean square of `pcm` (0..1, 1 is full scale), seen through every fourth sample."""
    values = samples(pcm)[::_METER_STRIDE]
    if not values:
        return 0.0
    return math.hypot(*values) ** 2 / (len(values) * _FULL_SCALE * _FULL_SCALE)


def dbfs(mean_square: float) -> float:
    """Return the level of a mean square in dB below full scale, never below FLOOR_DBFS."""
    return max(FLOOR_DBFS, 10 * math.log10(mean_square)) if mean_square > 0 else FLOOR_DBFS


def level_dbfs(pcm: bytes) -> float:
    """Return the root mean square of `pcm` in dBFS: a full-scale square wave is 0, a sine -3."""
    return dbfs(energy(pcm))


def peak(pcm: bytes) -> int:
    """Return the largest absolute sample, 0..32768."""
    values = samples(pcm)
    highest, lowest = max(values, default=0), min(values, default=0)
    return max(highest, -lowest)


def mix(one: bytes, other: bytes) -> bytes:
    """Return the sum of two sounds of the same length, clipped at full scale."""
    left, right = samples(one), samples(other)
    try:
        return array("h", map(add, left, right)).tobytes()
    except OverflowError:
        return array("h", map(_clip, map(add, left, right))).tobytes()


def ramp(pcm: bytes, start: float, stop: float) -> bytes:
    """Return `pcm` with its gain going from `start` towards `stop` (0..1) in a straight line."""
    values = samples(pcm)
    step = (stop - start) / max(1, len(values))
    return array("h", [int(v * (start + step * i)) for i, v in enumerate(values)]).tobytes()


def amplify(pcm: bytes, gain: float) -> bytes:
    """Return `pcm` times `gain` (0 or more), clipped at full scale."""
    values = [int(gain * value) for value in samples(pcm)]
    try:
        return array("h", values).tobytes()
    except OverflowError:
        return array("h", map(_clip, values)).tobytes()


def decay(sample: int, length: int) -> bytes:
    """Return `length` samples that go from `sample` to zero: the quiet end of a sound cut short."""
    return array("h", [sample * (length - i) // length for i in range(1, length + 1)]).tobytes()


def mono(pcm: bytes, channels: int) -> bytes:
    """Return interleaved `pcm` of 1, 2 or more channels as their mean."""
    if channels == 1:
        return pcm
    values = samples(pcm)
    parts = [values[i::channels] for i in range(channels)]
    if all(part == parts[0] for part in parts):  # mono in disguise, as Opus decoders give it
        return parts[0].tobytes()
    return array("h", [sum(group) // channels for group in zip(*parts, strict=True)]).tobytes()


def spread(pcm: bytes, channels: int) -> bytes:
    """Return mono `pcm` on every one of `channels` interleaved channels."""
    if channels == 1:
        return pcm
    values = samples(pcm)
    wide = array("h", bytes(2 * channels * len(values)))
    for channel in range(channels):
        wide[channel::channels] = values
    return wide.tobytes()


def blocks(pcm: bytes) -> Iterator[bytes]:
    """Yield `pcm` in blocks of 10 ms, the last one filled up with silence."""
    for start in range(0, len(pcm), BLOCK_BYTES):
        yield pcm[start : start + BLOCK_BYTES].ljust(BLOCK_BYTES, b"\0")


def wav_header(data_bytes: int, rate: int = RATE, channels: int = 1) -> bytes:
    """Return the 44 bytes in front of `data_bytes` of 16-bit samples (RIFF WAVE, PCM)."""
    size = min(data_bytes, _WAV_MAX_DATA)
    width = 2 * channels
    return _WAV_HEADER.pack(
        b"RIFF", 36 + size, b"WAVE",
        b"fmt ", 16, 1, channels, rate, rate * width, width, 16,
        b"data", size,
    )  # fmt: skip


def _clip(value: int) -> int:
    return _LOWEST if value < _LOWEST else min(value, _HIGHEST)
