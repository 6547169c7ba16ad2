"""Shortens and lengthens speech by single periods of its pitch, which nobody hears as a cut."""

from array import array
from operator import mul

from appliance.media.pcm import RATE, samples

LONGEST = RATE // 80  # samples of a period: 12.5 ms, a low voice of 80 Hz
SHORTEST = RATE // 400  # 2.5 ms, a high one of 400 Hz

_STEP = 6  # the search runs at 8 kHz: enough for a pitch, and 36 times cheaper
_WINDOW = RATE // 100 // _STEP  # 10 ms are compared


def period(pcm: bytes, most: int = LONGEST) -> int:
    """Return the samples after which the beginning of `pcm` repeats best: SHORTEST to LONGEST.

    At most `most`; 0 if `pcm` is too short to tell. A search costs about as much as decoding a
    packet.
    """
    thin = samples(pcm[: 2 * (LONGEST + _WINDOW * _STEP)])[::_STEP]
    head = thin[:_WINDOW]
    best, best_score = 0, -1.0
    for lag in range(SHORTEST // _STEP, min(min(LONGEST, most) // _STEP, len(thin) - _WINDOW) + 1):
        other = thin[lag : lag + _WINDOW]
        dot = sum(map(mul, head, other))
        score = max(dot, 0) ** 2 / (sum(map(mul, other, other)) + 1)
        if score > best_score:
            best, best_score = lag * _STEP, score
    return best


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
