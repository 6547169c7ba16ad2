"""Brings the speaker's sound to the moment in which its echo comes, however the clocks run."""

import numpy as np
import numpy.typing as npt

from appliance.media.bands import WIDE_BLOCK, WIDE_RATE, Block, rounded

Floats = npt.NDArray[np.float32]

LEAD = 0.025  # s by which the reference is before its echo: what a linear filter needs in front
STEADY = 0.004  # s; farther than that the delay has jumped, and not drifted

_NEAR_ENOUGH = (0.012, 0.060)  # s; a reference so far before its echo is left where it is
_REACH = 0.4  # s of delay that are looked for
_BEHIND = 0.1  # s by which the reference may have come to be too late
_KEPT = 8192  # samples of reference at 16 kHz: 0.5 s
_THIN = 4  # the search runs at 4 kHz, enough for a tenth of a millisecond by interpolation
_WINDOW = 8192  # samples at 4 kHz: 2 s
_CLEAR = 10.0  # times the usual height of the correlation; echoes have 17 to 30
_EVERY = 50  # blocks between two looks, and of sound from the speaker that one takes
_FOLLOW, _LEARN = 0.4, 0.03  # of the error, at each look, to the rate: for now, for good


class Alignment:
    """Delays the far end, to a fraction of a sample, until it is LEAD before its echo.

    Not thread-safe. Looks for the echo twice a second while the speaker sounds (GCC-PHAT: Knapp
    and Carter, 1976), which takes about a millisecond; follows clocks that drift apart by
    resampling, so that a filter behind it sees a room that stands still.
    """

    def __init__(self) -> None:
        self._sound: Floats = np.zeros(_KEPT, np.float32)
        self._lag = 0.0  # samples behind the newest
        self._rate = 0.0
        self._learned = 0.0
        self._point: float | None = None  # s; where the echo is held
        self._strayed = 0
        self._echo: float | None = None
        self.forget()

    @property
    def delay(self) -> float | None:
        """Seconds from the far end's block to its echo; None if none was found."""
        return None if self._echo is None else self._lag / WIDE_RATE + self._echo

    @property
    def drift(self) -> float:
        """By what share the speaker's clock is fast (1e-6: 1 ppm), as far as it is known."""
        return self._learned

    def forget(self) -> None:
        """Look for the echo anew: it is not where it was."""
        self._far: Floats = np.zeros(_WINDOW, np.float32)
        self._near: Floats = np.zeros(_WINDOW, np.float32)
        self._point = None
        self._heard = 0
        self._blocks = 0

    def reference(self, far: Block) -> Block:
        """Take 10 ms of the far end, return the 10 ms whose echo is due."""
        self._sound[:-WIDE_BLOCK] = self._sound[WIDE_BLOCK:]
        self._sound[-WIDE_BLOCK:] = far
        places = _KEPT - WIDE_BLOCK - self._lag - 2 + np.arange(WIDE_BLOCK) * (1 + self._rate)
        self._lag = max(0.0, self._lag - WIDE_BLOCK * self._rate)
        return rounded(_between(self._sound, places))

    def watch(self, reference: Block, near: Block, *, sounding: bool) -> bool:
        """Take in the reference and the microphone; return whether the delay was set anew.

        `sounding`: there is something in the reference that can be heard.
        """
        for kept, new in ((self._far, reference), (self._near, near)):
            step = WIDE_BLOCK // _THIN
            kept[:-step] = kept[step:]
            kept[-step:] = new.reshape(-1, _THIN).mean(1)
        self._heard += sounding
        self._blocks += 1
        if self._blocks % _EVERY or self._heard < _EVERY:
            return False
        self._heard = 0
        found, clarity = _echo_in(self._far, self._near)
        return clarity >= _CLEAR and self._settle(found)

    def _settle(self, found: float) -> bool:
        self._echo = found
        if self._point is None:
            self._strayed = 0
            self._rate = self._learned
            if _NEAR_ENOUGH[0] < found < _NEAR_ENOUGH[1]:
                self._point = found
                return False
            most = _KEPT - 2 * WIDE_BLOCK
            lag = min(max(0.0, self._lag + (found - LEAD) * WIDE_RATE), most)
            moved, self._lag = (lag - self._lag) / WIDE_RATE, lag
            self._point = self._echo = found - moved
            return moved != 0.0
        error = found - self._point
        if abs(error) > STEADY:
            self._strayed += 1
            if self._strayed >= 2:  # one look may be wrong
                self._point = None
            return False
        self._strayed = 0
        self._learned -= error * _LEARN
        self._rate = self._learned - error * _FOLLOW
        return False


def _between(sound: Floats, places: npt.NDArray[np.floating]) -> Floats:
    """Return the sound at places between its samples (cubic: Catmull-Rom)."""
    index = places.astype(np.intp)
    part = (places - index).astype(np.float32)
    before, here, after, beyond = (sound[index + n] for n in (-1, 0, 1, 2))
    bend = 2 * before - 5 * here + 4 * after - beyond
    twist = 3 * (here - after) + beyond - before
    return here + 0.5 * part * (after - before + part * (bend + part * twist))


def _echo_in(far: Floats, near: Floats) -> tuple[float, float]:
    """Return how many seconds `far` is before its echo, and how clear that is."""
    size = 2 * _WINDOW
    cross = np.fft.rfft(near, size) * np.conj(np.fft.rfft(far, size))
    strength = np.abs(cross)
    cross /= strength + 1e-3 * strength.max() + 1e-9
    rate = WIDE_RATE // _THIN
    behind, reach = round(_BEHIND * rate), round(_REACH * rate)
    row = np.fft.irfft(cross)
    height = np.abs(np.concatenate((row[-behind:], row[:reach])))
    top = int(height.argmax())
    clarity = height[top] / (np.sqrt(np.mean(height**2)) + 1e-9)
    if 0 < top < len(height) - 1:  # a parabola through three points
        left, middle, right = (float(height[top + n]) for n in (-1, 0, 1))
        offset = (left - right) / (2 * (left - 2 * middle + right) - 1e-12)
    else:
        offset = 0.0
    return (top + offset - behind) / rate, float(clarity)
