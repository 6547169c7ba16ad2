"""Brings the speaker's sound to the moment in which its echo comes, however the clocks run."""

from collections import deque
from statistics import fmean

import numpy as np

from appliance.media.bands import WIDE_BLOCK, WIDE_RATE, Block, Floats, rounded
from appliance.media.clocks import Clocks

LEAD = 0.025  # s by which the reference is before its echo: what a linear filter needs in front
STEADY = 0.004  # s; a jump that is not larger a filter behind follows by itself

_NEAR_ENOUGH = (0.012, 0.060)  # s; a reference so far before its echo is left where it is
_REACH = 0.4  # s of delay that are looked for
_BEHIND = 0.1  # s by which the reference may have come to be too late
PAST = 30  # blocks of the reference that may be asked for again
_KEPT = 12288  # samples of reference at 16 kHz: 0.77 s, for the reach and the past
_MOST = _KEPT - (PAST + 2) * WIDE_BLOCK  # samples of delay
_THIN = 4  # the search runs at 4 kHz, enough for a tenth of a millisecond by interpolation
_WINDOW = 8192  # samples at 4 kHz: 2 s
_WINDOW_BLOCKS = -(-_WINDOW * _THIN // WIDE_BLOCK)
# Of its transforms: window and reach. With more than 64 KiB glibc would map them anew.
_SIZE = 10240
_CLEAR = 10.0  # times the usual height of the correlation; echoes have 17 to 30
_EVERY = 50  # blocks between two looks, and of sound from the speaker that one takes
_SOON, _OFTEN, _AT_LAST = 15, 5, 60  # blocks after a jump: the first look, the next, and no more
_JUMPED = 0.001  # s; with less it is a drift, and the filter follows
_HOLD = 150  # blocks until it is looked again for what was no jump
_AGREE = 0.0005  # s; two looks that say the same are right
_FOLLOWS = 2.0  # s in which the reference follows the echo, for the most part
_BLOCK = WIDE_BLOCK / WIDE_RATE  # s
_SAMPLES = np.arange(WIDE_BLOCK)
_AROUND = np.arange(-1, 3)[:, None]
# Between two samples runs a cubic through them and their neighbours (Catmull-Rom): its coefficients
# from the sample before, the two, and the one beyond.
_CUBIC: Floats = np.array(
    [[0, 1, 0, 0], [-0.5, 0, 0.5, 0], [1, -2.5, 2, -0.5], [-0.5, 1.5, -1.5, 0.5]], np.float32
)


class Alignment:
    """Delays the far end, to a fraction of a sample, until it is LEAD before its echo.

    Not thread-safe. Looks for the echo up to twice a second while the speaker sounds (GCC-PHAT:
    Knapp and Carter, 1976), which takes about half a millisecond; follows clocks that drift apart
    by resampling, so that a filter behind it sees a room that stands still.
    """

    def __init__(self) -> None:
        self._sound = _Tape(_KEPT)
        self._scratch: Floats = np.empty(_WINDOW_BLOCKS * WIDE_BLOCK, np.float32)
        self._lag = 0.0  # samples behind the newest
        self._rate = 0.0
        self._clocks = Clocks()
        self._now = 0  # blocks since the begin
        self._lags: deque[float] = deque(maxlen=_WINDOW_BLOCKS)  # of what is searched
        self._point: float | None = None  # s; where the echo is held
        self._echo: float | None = None
        self.jumps = 0
        """Times that an echo which was sought had jumped, and was brought back."""
        self.forget()

    @property
    def delay(self) -> float | None:
        """Seconds from the far end's block to its echo; None if none was found."""
        return None if self._echo is None else self._lag / WIDE_RATE + self._echo

    @property
    def drift(self) -> float:
        """By what share the speaker's clock is fast (1e-6: 1 ppm), as far as it is known."""
        return -self._clocks.growth

    def forget(self) -> None:
        """Look for the echo anew: it is not where it was."""
        self._look_anew()
        self._clocks.jump()
        self._point = None
        self._heard = 0
        self._blocks = 0
        self._seeking = self._hold = 0
        self._sought: float | None = None

    def _look_anew(self) -> None:
        """Search nothing of what was before."""
        self._far, self._near = _silence(), _silence()
        self._lags.clear()

    @property
    def seeking(self) -> bool:
        """Whether the echo has jumped, and is being sought."""
        return self._seeking > 0

    def seek(self) -> bool:
        """Look where the echo jumps to just now; return whether there is anything to go by.

        It is brought back to where it was, to a fraction of a sample, so that a filter behind
        still fits. `seeking` until then.
        """
        if self._point is None or self._hold:
            return False
        self._near = _silence()
        self._lags.clear()
        self._seeking, self._sought = 1, None
        return True

    def reference(self, far: Block) -> Block:
        """Take 10 ms of the far end, return the 10 ms whose echo is due."""
        self._sound.add(far)
        self._now += 1
        least, most = (self._lag - _MOST) / WIDE_BLOCK, self._lag / WIDE_BLOCK
        self._rate = min(max(self._wanted_rate(), least), most)
        due = self._sound.block(WIDE_BLOCK + self._lag + 2, 1 + self._rate)
        self._lag -= WIDE_BLOCK * self._rate
        return rounded(due)

    def _wanted_rate(self) -> float:
        """Return by what share the reference has to be faster, for its echo to be held."""
        delay = self._clocks.delay(self._now * _BLOCK)
        if delay is None or self._point is None:
            return self.drift
        return self.drift + (self._lag / WIDE_RATE + self._point - delay) / _FOLLOWS

    def past(self, blocks: int) -> Block:
        """Return the reference of so many blocks ago (PAST at most), as it is aligned now."""
        lag = self._lag + WIDE_BLOCK * (blocks + 1) * self._rate
        return rounded(self._sound.block(WIDE_BLOCK * (blocks + 1) + lag + 2, 1.0))

    def watch(self, reference: Block, near: Block, *, sounding: bool) -> bool:
        """Take in the reference and the microphone; return whether the delay was set anew.

        `sounding`: there is something in the reference that can be heard.
        """
        self._far.append(reference)
        self._near.append(near)
        self._lags.append(self._lag)
        if self._seeking:
            return self._seek(sounding=sounding)
        self._hold = max(0, self._hold - 1)
        self._heard += sounding
        self._blocks += 1
        if self._blocks % _EVERY or self._heard < _EVERY:
            return False
        self._heard = 0
        found, clarity = self._look()
        return clarity >= _CLEAR and self._settle(found)

    def _look(self) -> tuple[float, float]:
        far, near = (_thinned(kept, self._scratch) for kept in (self._far, self._near))
        return _echo_in(far, near)

    def _seek(self, *, sounding: bool) -> bool:
        self._seeking += sounding
        if self._seeking > _AT_LAST:
            self._seeking, self._hold = 0, _HOLD
            return False
        if not sounding or self._seeking < _SOON or self._seeking % _OFTEN:
            return False
        found, clarity = self._look()
        before, self._sought = self._sought, found if clarity >= _CLEAR else None
        if self._sought is None or before is None or abs(found - before) > _AGREE:
            return False
        if abs(found - (self._point or 0.0)) < _JUMPED:
            self._seeking, self._hold = 0, _HOLD
            return False
        lost = self._bring_back(found)
        self.jumps += not lost
        return lost

    def _bring_back(self, found: float) -> bool:
        """Hold the echo where it was before it jumped; return whether it cannot be."""
        point = self._point or 0.0
        lag = self._lag + (found - point) * WIDE_RATE
        self.forget()
        if not 0 <= lag <= _MOST:
            return True
        self._lag, self._point, self._echo = lag, point, point
        return False

    def _settle(self, found: float) -> bool:
        self._echo = found
        if self._point is None:
            if _NEAR_ENOUGH[0] < found < _NEAR_ENOUGH[1]:
                self._point = found
                return False
            lag = min(max(0.0, self._lag + (found - LEAD) * WIDE_RATE), _MOST)
            moved, self._lag = (lag - self._lag) / WIDE_RATE, lag
            self._point = self._echo = found - moved
            self._look_anew()
            return moved != 0.0
        if not self._learn(found):
            return False
        if abs(found - self._point) < STEADY and _NEAR_ENOUGH[0] < found < _NEAR_ENOUGH[1]:
            self._point = found  # the filter has followed it there
            return False
        self._bring_back(found)
        return True

    def _learn(self, found: float) -> bool:
        """Take in where the echo was in what was searched; return whether it has jumped.

        As if all of that were sound: where its begin is silent, only the growth that is known
        already makes up for the difference.
        """
        middle = self._now - (len(self._lags) - 1) / 2
        return self._clocks.take(middle * _BLOCK, fmean(self._lags) / WIDE_RATE + found)


class _Tape:
    """The newest samples of a sound, and what is between them."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._sound: Floats = np.zeros(2 * length, np.float32)  # moved to the front when it is full
        self._end = length

    def add(self, block: Block) -> None:
        """Take in a block, and forget what is older than the length."""
        if self._end + WIDE_BLOCK > len(self._sound):
            self._sound[: self._length] = self._sound[self._end - self._length : self._end]
            self._end = self._length
        self._sound[self._end : self._end + WIDE_BLOCK] = block
        self._end += WIDE_BLOCK

    def block(self, back: float, step: float) -> Floats:
        """Return a block of samples, `step` apart, the first of them `back` before the end."""
        places = self._end - back + _SAMPLES * step
        index = places.astype(np.intp)
        part = (places - index).astype(np.float32)
        here, slope, bend, twist = _CUBIC.dot(self._sound[index + _AROUND])
        between: Floats = here + part * (slope + part * (bend + part * twist))
        return between


def _silence() -> deque[Block]:
    return deque([np.zeros(WIDE_BLOCK, np.int16)] * _WINDOW_BLOCKS, _WINDOW_BLOCKS)


def _thinned(blocks: deque[Block], scratch: Floats) -> Floats:
    """Return the window that is searched: the mean of each _THIN samples."""
    sound = np.concatenate(blocks, out=scratch).reshape(-1, _THIN)
    thin: Floats = sound.dot(np.full(_THIN, 1 / _THIN, np.float32))[-_WINDOW:]
    return thin


def _echo_in(far: Floats, near: Floats) -> tuple[float, float]:
    """Return how many seconds `far` is before its echo, and how clear that is."""
    cross = np.fft.rfft(near, _SIZE) * np.conj(np.fft.rfft(far, _SIZE))
    strength = np.abs(cross)
    cross *= 1 / (strength + (1e-3 * strength.max() + 1e-9))
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
