"""How late the loop comes to what is due: everything of a call but the sound card waits for it."""

import asyncio
from collections import Counter

EVERY = 0.1  # s between two looks
_SHARE = 0.99  # of the looks, that were not later
_EARLY = 1e-6  # s; a timer may fire before its time by the resolution of the clock
_LATEST = 60.0  # s; all that is later counts as this


class LoopLag:
    """Pure; times in seconds of one clock, results in milliseconds.

    A loop that stood still counts with every look it has missed, so that the percentile is that of
    all moments and not of those in which it went on. epoll wakes up to 1 ms late by itself (CPython
    rounds its time-outs up to that, `selectors.EpollSelector`).
    """

    def __init__(self) -> None:
        self._due: float | None = None
        self._looks: Counter[int] = Counter()  # by how late, 0.1 ms: at most 600,000 of them

    def look(self, now: float) -> float:
        """Take in that the loop has come to it at `now`; return when to look again."""
        due = now if self._due is None else self._due
        while due <= now + _EARLY:
            self._looks[round(max(0.0, min(now - due, _LATEST)) * 10_000)] += 1
            due += EVERY
        self._due = due
        return due

    @property
    def worst_ms(self) -> float | None:
        """How late it was at worst; None before the first look."""
        return max(self._looks) / 10 if self._looks else None

    @property
    def p99_ms(self) -> float | None:
        """How late it was at most in 99 of 100 looks; None before the first."""
        wanted = self._looks.total() * _SHARE
        for late in sorted(self._looks):
            wanted -= self._looks[late]
            if wanted <= 0:
                return late / 10
        return None


async def watch_loop(lag: LoopLag) -> None:
    """Look ten times a second, for ever."""
    clock = asyncio.get_running_loop().time
    while True:  # noqa: ASYNC110 - the time itself is what is waited for
        await asyncio.sleep(lag.look(clock()) - clock())
