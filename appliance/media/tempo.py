"""Decides when sound is to run a little faster or slower, to come neither too late nor too soon."""

from collections import deque

from appliance.media.pcm import RATE

NEAR = 0.012  # s of delay too much that are let be while somebody speaks: cards ask every 10 ms
_NEAR_QUIET = 0.003  # s, the same in a pause, where cutting is free
_SHORT = -0.006  # s too little
_FAR = 0.060  # s; beyond it is made up for quickly
_SEEN = 6  # packets, 120 ms; the least delay of these counts: cards ask in bursts
_REST, _REST_FAR = 8, 2  # blocks between two changes of the tempo


class Tempo:
    """Watches how late sound is when it is needed. Seconds; not thread-safe."""

    def __init__(self) -> None:
        self._lateness: deque[float] = deque(maxlen=_SEEN)
        self._rested = 0

    @property
    def latest(self) -> float:
        """The lateness noted last; only while something is noted."""
        return self._lateness[-1]

    def forget(self) -> None:
        """Begin anew: what plays next has nothing to do with what played before."""
        self._lateness.clear()

    def block(self) -> None:
        """Take in that another 10 ms are played."""
        self._rested += 1

    def note(self, lateness: float) -> None:
        """Take in how late a packet may be that is needed now."""
        self._lateness.append(lateness)

    def excess(self, target: float, *, quiet: bool) -> float:
        """Return how many seconds are to be cut out (above 0) or put in (below 0) now; mostly 0.

        `quiet`: the sound is a pause, in which changes go unheard.
        """
        if len(self._lateness) < _SEEN:
            return 0.0
        excess = min(self._lateness) - target
        if excess > (_NEAR_QUIET if quiet else NEAR):
            rest = _REST_FAR if excess > _FAR or quiet else _REST
        elif excess < _SHORT:
            rest = _REST
        else:
            return 0.0
        return excess if self._rested >= rest else 0.0

    def changed(self, samples: int) -> None:
        """Take in that so many samples were put in (cut out: below 0)."""
        self._lateness = deque((late + samples / RATE for late in self._lateness), maxlen=_SEEN)
        self._rested = 0
