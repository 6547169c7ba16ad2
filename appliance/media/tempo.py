"""Decides when sound is to run a little faster or slower, to come neither too late nor too soon."""

from collections import deque
from itertools import pairwise
from math import floor

from appliance.media.pcm import BLOCK_SAMPLES, RATE

BLOCK = BLOCK_SAMPLES / RATE  # s
SHORT = 0.0015  # s too little that are let be while somebody speaks

# Each change of the delay costs speech as much as a loss (PESQ, STOI), even one in a short pause.
_SHORT_QUIET = 0.0005  # s too little that are let be in a pause, where silence is put in
_NEAR_END = 0.003  # s too much that are let be when an answer is over, where cutting is free
_NEAR_QUIET = 0.012  # s, the same in a shorter pause
_NEAR = 0.021  # s, the same while somebody speaks; more waits for the next pause, but not longer
_FAR = 0.040  # s; so much does not wait
_VERY_FAR = 0.060  # s; so much is made up for quickly
_ENOUGH = 0.009  # s; once speech is cut, it is cut down to here
_END = 20  # packets of silence, 400 ms; a shorter pause is one in the answer
_PATIENCE = 300  # blocks, 3 s
_REST, _REST_FAR = 8, 2  # blocks between two changes of the tempo
_FEW = 6  # packets, before which nothing is changed
_SEEN = 16  # packets; the least delay of these counts: cards of 1024 samples come round in 320 ms
_ASKED = 8  # blocks, by which a card that asks for several at once is known


class Tempo:
    """Watches how late sound is when it is needed. Seconds; not thread-safe.

    A packet is needed when less than a block is left of the one before, and not earlier. So the
    delay has two parts: what is left, which is of no use against late packets; and how late the
    packet may be, which changes by whole blocks only, because the card asks for whole blocks.
    """

    def __init__(self) -> None:
        self._needs: deque[tuple[float, float]] = deque(maxlen=_SEEN)
        self._asked: deque[float] = deque(maxlen=_ASKED)
        self._rested = 0
        self._long = 0  # blocks for which it has been more than _NEAR too much
        self._hurries = False
        self._quiet = 0  # packets of silence in a row

    def forget(self) -> None:
        """Begin anew: what plays next has nothing to do with what played before."""
        self._needs.clear()
        self._long = 0
        self._hurries = False

    def block(self, now: float) -> None:
        """Take in that another 10 ms are asked for."""
        self._asked.append(now)
        self._rested += 1
        self._long += 1

    def note(self, lateness: float, left: float) -> None:
        """Take in how late a packet may be that is needed now, and how much is left before it."""
        self._needs.append((lateness, left))

    def excess(self, target: float, *, quiet: bool) -> float:
        """Return how many seconds are to be cut out (above 0) or put in (below 0) now; mostly 0.

        `quiet`: the sound is a pause, in which changes go unheard. Too little is put right at once,
        because what comes too late is heard more. A block too much waits for the end of the answer,
        two for the next pause, more for it no longer than 3 s; then all of it is cut.
        """
        if len(self._needs) < _FEW:
            return 0.0
        excess = self._excess(target, _SHORT_QUIET if quiet else SHORT)
        self._quiet = self._quiet + 1 if quiet else 0
        if excess <= _NEAR:
            self._long = 0
        self._hurries = excess > (_ENOUGH if self._hurries else _FAR) or self._long >= _PATIENCE
        near = _NEAR_END if self._quiet >= _END else _NEAR_QUIET
        if excess < 0 or self._hurries or (quiet and excess > near):
            rest = _REST_FAR if excess > _VERY_FAR or quiet else _REST
            return excess if self._rested >= rest else 0.0
        return 0.0

    def changed(self, samples: int) -> None:
        """Take in that so many samples were put in (cut out: below 0)."""
        for number, (lateness, left) in enumerate(self._needs):
            left_now = left + samples / RATE
            blocks = floor(left_now / BLOCK + 1e-6)
            self._needs[number] = (lateness + blocks * BLOCK, left_now - blocks * BLOCK)
        self._rested = 0

    def _excess(self, target: float, short: float) -> float:
        lateness = min(lateness for lateness, _ in self._needs)
        left = min(left for _, left in self._needs)
        if lateness < target - short:
            return left + self._step * floor((lateness - target) / self._step)
        return left + self._step * max(0, floor((lateness - target - SHORT) / self._step))

    @property
    def _step(self) -> float:
        """By how many seconds packets can be needed sooner or later.

        A block; a packet where the card asks for several blocks at once.
        """
        gaps = [after - before for before, after in pairwise(self._asked)]
        several = bool(gaps) and min(gaps) < 0.2 * BLOCK and max(gaps) > 1.5 * BLOCK
        return 2 * BLOCK if several else BLOCK
