"""48 kHz to 16 kHz and back, by short filters: half a millisecond late, 10 us a block."""

import numpy as np
import numpy.typing as npt

from appliance.media.pcm import BLOCK_SAMPLES, RATE

Block = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

FACTOR = 3
WIDE_RATE = RATE // FACTOR  # Hz
WIDE_BLOCK = BLOCK_SAMPLES // FACTOR  # samples, 10 ms

_TAPS = 49
_CUT_OFF = 7200  # Hz
_BETA = 6.0  # of Kaiser's window: 60 dB down from 8.8 kHz on


def _low_pass() -> npt.NDArray[np.float32]:
    place = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(2 * _CUT_OFF / RATE * place) * np.kaiser(_TAPS, _BETA)
    low: npt.NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return low


class _Filter:
    """A low pass that keeps what it needs of the block before."""

    def __init__(self, gain: float) -> None:
        self._taps = _low_pass() * np.float32(gain)
        self._sound = np.zeros(_TAPS - 1 + BLOCK_SAMPLES, np.float32)

    def run(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        self._sound[: _TAPS - 1] = self._sound[-(_TAPS - 1) :]
        self._sound[_TAPS - 1 :] = block
        return np.convolve(self._sound, self._taps, "valid")


class Narrower:
    """One sound from 48 kHz to 16 kHz, in blocks of 10 ms."""

    def __init__(self) -> None:
        self._filter = _Filter(1.0)

    def convert(self, block: bytes) -> Block:
        """Return the block (s16le) at 16 kHz."""
        sound = np.frombuffer(block, np.int16).astype(np.float32)
        return rounded(self._filter.run(sound)[::FACTOR])


class Widener:
    """One sound from 16 kHz back to 48 kHz, in blocks of 10 ms."""

    def __init__(self) -> None:
        self._filter = _Filter(FACTOR)
        self._spread = np.zeros(BLOCK_SAMPLES, np.float32)

    def convert(self, block: Block) -> bytes:
        """Return the block at 48 kHz (s16le)."""
        self._spread[::FACTOR] = block
        return rounded(self._filter.run(self._spread)).tobytes()


def rounded(sound: npt.NDArray[np.float32]) -> Block:
    """Return it as 16-bit samples, clipped at full scale."""
    return np.clip(sound, -32768, 32767).astype(np.int16)


def power(sound: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> float:
    """Return its mean square, 0 to 1 (full scale)."""
    scaled = sound.astype(np.float32)
    return float(np.dot(scaled, scaled)) / (len(sound) * 32768.0**2)


def product(one: Block, other: Floats) -> float:
    """Return the mean of their product, sample by sample: what they have in common, as power."""
    return float(np.dot(one.astype(np.float32), other)) / (len(one) * 32768.0**2)
