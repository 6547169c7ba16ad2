"""Shortens and lengthens speech by single periods of its pitch, which nobody hears as a cut."""

from array import array
from itertools import accumulate
from operator import mul

from appliance.media.pcm import RATE, samples

LONGEST = RATE // 80  # samples of a period: 12.5 ms, a low voice of 80 Hz
SHORTEST = RATE // 400  # 2.5 ms, a high one of 400 Hz

_AS_GOOD = 0.96  # of the best likeness
_STEP = 6  # the search runs at 8 kHz: enough for a pitch, and 36 times cheaper
_WINDOW = RATE // 100 // _STEP  # 10 ms are compared


def period(pcm: bytes, first: int = SHORTEST, last: int = LONGEST) -> int:
    """Return after how many samples, `first` to `last`, the beginning of `pcm` repeats best.

    Of periods that are about as good the one next to `first` counts, which may be the longest or
    the shortest. None is below SHORTEST. 0 if `pcm` is too short to tell. A search costs as
    much as decoding five packets.
    """
    thin = samples(pcm[: 2 * (LONGEST + _WINDOW * _STEP)])[::_STEP]
    head = thin[:_WINDOW]
    least, most = sorted((first, last))
    lags = range(-(-max(SHORTEST, least) // _STEP), min(most // _STEP, len(thin) - _WINDOW) + 1)
    energies = list(accumulate(map(mul, thin, thin), initial=0))
    scores = {
        lag: _likeness(head, thin[lag : lag + _WINDOW], energies[lag + _WINDOW] - energies[lag])
        for lag in lags
    }
    enough = _AS_GOOD * max(scores.values(), default=0.0)
    good = [lag * _STEP for lag, score in scores.items() if score >= enough]
    return min(good, key=lambda lag: abs(lag - first), default=0)


def _likeness(one: "array[int]", other: "array[int]", energy: int) -> float:
    """Return the square of their correlation, normalised for the `energy` of `other`."""
    dot: int = sum(map(mul, one, other))
    return max(0, dot) ** 2 / (energy + 1)


def shorten(pcm: bytes, by: int) -> bytes:
    """Return `pcm` with its first two stretches of `by` samples faded into one."""
    return fade(pcm[: 2 * by], pcm[2 * by : 4 * by]) + pcm[4 * by :]


def lengthen(pcm: bytes, by: int) -> bytes:
    """Return `pcm` with its first `by` samples played twice."""
    again = fade(pcm[2 * by : 4 * by], pcm[: 2 * by])
    return pcm[: 2 * by] + again + pcm[2 * by :]


def fade(one: bytes, other: bytes) -> bytes:
    """Return a straight cross-fade between two sounds of the same length."""
    left, right = samples(one), samples(other)
    length = len(left)
    if not length:
        return b""
    return array(
        "h", [a + (b - a) * i // length for i, (a, b) in enumerate(zip(left, right, strict=True))]
    ).tobytes()
