"""48 kHz to 16 kHz and back, by short filters: half a millisecond late, 5 us a block."""

import numpy as np
import numpy.typing as npt

from appliance.media.pcm import BLOCK_SAMPLES, RATE

Block = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

FACTOR = 3
WIDE_RATE = RATE // FACTOR  # Hz
WIDE_BLOCK = BLOCK_SAMPLES // FACTOR  # samples, 10 ms
WIDE_SILENCE: Block = np.zeros(WIDE_BLOCK, np.int16)

_TAPS = 49
_CUT_OFF = 7200  # Hz
_BETA = 6.0  # of Kaiser's window: 60 dB down from 8.8 kHz on
_ROW = 48  # samples at 48 kHz, 1 ms: as far as the taps reach back, and one
# Arrays without a dimension: a comparison with them is quicker than with scalars.
_LOWEST, _HIGHEST = np.array(-32768, np.float32), np.array(32767, np.float32)


def _low_pass() -> Floats:
    place = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(2 * _CUT_OFF / RATE * place) * np.kaiser(_TAPS, _BETA)
    low: Floats = (taps / taps.sum()).astype(np.float32)
    return low


class _Filter:
    """A low pass between two rates, given as samples in a millisecond.

    The taps reach over two rows of a millisecond, so that one row of the result is the product of
    two of the sound with a matrix of taps: only what is kept is computed, and nothing of zeros.
    """

    def __init__(self, taken: int, given: int) -> None:
        self._sound = np.zeros((1 + BLOCK_SAMPLES // _ROW, taken), np.float32)
        at = np.arange(given) * (_ROW // given)
        of = np.arange(2 * taken) * (_ROW // taken)
        tap = _TAPS - 1 + at - of[:, None]
        taps = np.where((tap >= 0) & (tap < _TAPS), _low_pass()[tap.clip(0, _TAPS - 1)], 0)
        self._taps = np.hstack((taps[:taken], taps[taken:])) * np.float32(_ROW // taken)
        self._given = given

    def run(self, block: Block) -> Floats:
        """Return 10 ms, behind which it keeps what it needs for the next."""
        self._sound[0] = self._sound[-1]
        self._sound[1:] = block.reshape(-1, self._sound.shape[1])
        parts = self._sound.dot(self._taps)
        sound: Floats = (parts[:-1, : self._given] + parts[1:, self._given :]).reshape(-1)
        return sound


class Narrower:
    """One sound from 48 kHz to 16 kHz, in blocks of 10 ms."""

    def __init__(self) -> None:
        self._filter = _Filter(_ROW, _ROW // FACTOR)

    def convert(self, block: bytes) -> Block:
        """Return the block (s16le) at 16 kHz."""
        return rounded(self._filter.run(np.frombuffer(block, np.int16)))


class Widener:
    """One sound from 16 kHz back to 48 kHz, in blocks of 10 ms."""

    def __init__(self) -> None:
        self._filter = _Filter(_ROW // FACTOR, _ROW)

    def convert(self, block: Block) -> bytes:
        """Return the block at 48 kHz (s16le)."""
        return rounded(self._filter.run(block)).tobytes()


def rounded(sound: npt.NDArray[np.floating]) -> Block:
    """Return it as 16-bit samples, clipped at full scale."""
    samples: Block = np.minimum(np.maximum(sound, _LOWEST), _HIGHEST).astype(np.int16)
    return samples


def ramp(sound: bytes, start: float, stop: float) -> bytes:
    """Return the same as `pcm.ramp`."""
    values = np.frombuffer(sound, np.int16)
    gains = start + (stop - start) / max(1, len(values)) * np.arange(len(values))
    return bytes((values * gains).astype(np.int16).data)


def amplify(sound: bytes, gain: float) -> bytes:
    """Return the same as `pcm.amplify`."""
    return rounded(np.frombuffer(sound, np.int16) * gain).tobytes()


def power(sound: Block | Floats) -> float:
    """Return its mean square, 0 to 1 (full scale)."""
    scaled = sound.astype(np.float32, copy=False)
    return float(scaled.dot(scaled)) / (len(sound) * 32768.0**2)


def product(one: Floats, other: Floats) -> float:
    """Return the mean of their product, sample by sample: what they have in common, as power."""
    return float(one.dot(other)) / (len(one) * 32768.0**2)
