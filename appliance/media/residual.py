"""What a linear filter leaves of an echo, taken out of what it lets through - pure."""

from typing import Final

import numpy as np

from appliance.media.bands import WIDE_BLOCK, Block, Floats, rounded

_WINDOW: Final = 2 * WIDE_BLOCK  # samples, 20 ms; each is half of the one before
_SHAPE: Final = np.sqrt(np.hanning(_WINDOW + 1)[:-1]).astype(np.float32)
_SMEAR: Final = np.array([0.2, 0.2, 1.2, 0.2, 0.2])  # what is left of a tone lies beside it too
_TIMES: Final = 2.0  # the usual residue; more of it colours speech
_LEAST: Final = 0.003  # of the power of each frequency is kept: no holes in the spectrum
_NOTHING: Final = 1e-3  # of the power of one step of 16 bits


class ResidualSuppressor:
    """Follows one sound in blocks of 10 ms at 16 kHz; each comes out one block late.

    AEC3 takes a person away with the echo for 0.1 to 0.3 s when they cut in, and some of every
    word they say after; from here a recogniser understands more of it (tests/bench, `cut_in`). But
    that needs somebody to know that a person speaks. Not thread-safe.
    """

    def __init__(self) -> None:
        self._near: Floats = np.zeros(_WINDOW, np.float32)
        self._echo: Floats = np.zeros(_WINDOW, np.float32)
        self._rest: Floats = np.zeros(WIDE_BLOCK, np.float32)

    def process(self, near: Block, echo: Floats, leak: float) -> Block:
        """Return `near`, what the filter let through, without what it usually leaves.

        `echo`: what the filter took out. `leak`: what it usually leaves over that, dB.
        """
        for lately, new in ((self._near, near), (self._echo, echo)):
            lately[:WIDE_BLOCK] = lately[WIDE_BLOCK:]
            lately[WIDE_BLOCK:] = new
        sound = np.fft.rfft(self._near * _SHAPE)
        left = np.convolve(np.abs(np.fft.rfft(self._echo * _SHAPE)) ** 2, _SMEAR, "same")
        share = _TIMES * 10 ** (leak / 10) * left / (np.abs(sound) ** 2 + _NOTHING)
        kept = np.sqrt(np.maximum(_LEAST, 1 - share))
        clean = (np.fft.irfft(sound * kept) * _SHAPE).astype(np.float32)
        whole = self._rest + clean[:WIDE_BLOCK]
        self._rest = clean[WIDE_BLOCK:]
        return rounded(whole)
