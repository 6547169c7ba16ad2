"""Tells a person from what a linear filter leaves of the echo, and a lost echo from both - pure."""

import math
from collections import deque
from typing import Final

# All measured in simulated rooms (tests/bench, echo), with other walls than the bench's. Leak: what
# the filter leaves, over the echo that it found, dB.
_UNKNOWN: Final = -6.0  # dB of leak at first; a filter that has settled leaves -20 to -35
_KNOWN: Final = -12.0  # dB; with more of it nobody can be told from the echo
_SLOWEST: Final = 500.0  # blocks that count for the usual leak; fewer while it is new
# dB by which a filter is worse that had to do without the echo. In 64 rooms 4 own interruptions
# instead of 13, and 2 missed of 384 instead of 6; with 8 dB somebody was not heard for a second.
_WORSE: Final = 6.0
_FAR_ABOVE, _ABOVE, _ALWAYS = 12.0, 8.0, -10.0  # dB over the usual leak; and that is always enough
# dB over the usual leak, of an echo that has changed by less than a tenth, in so many blocks in a
# row: a person.
_BEYOND_DOUBT, _ALIKE, _CERTAIN = 20.0, 0.1, 3
# dB more of it at first, falling to none over so many blocks of echo: a filter that has heard few
# sounds leaves more of others. In 49 minutes of short answers nobody was heard who was not there,
# and 5 times without; of 72 who cut in when it had talked for 4 s 27 are missed instead of 21.
_YOUNG, _YOUTH = 3.0, 600
_LEAST: Final = -18.0  # dB of leak; less says nothing
_FAINT: Final = 10 ** (-45 / 10)  # mean square; a person leaves more
_ECHOES: Final = 10 ** (-50 / 10)  # mean square; with less of an echo nothing is learnt
_KEEP: Final = 0.5  # for each block, of both powers
_ECHO_KEEPS: Final = 10 ** (-0.3 / 10)  # a room goes on: RT60 of 2 s
_SUSPECT, _SUSPECT_OF, _SUSPECTED = 3, 4, 12  # blocks with more, of so many; and how long it counts
_BELIEVE, _BELIEVE_OF, _BELIEVED = 4, 6, 5
_LIKENESS_KEEPS: Final = 0.7  # for each block, of all three powers
# Times the latest echo that those before count at most: a jump at the end of a loud syllable, that
# is compared for another 80 ms, let the machine be heard. With 2 people are taken for jumps.
_BEFORE: Final = 4.0
_UNLIKE: Final = 0.6  # 1: the echo is in the microphone as the filter has it; 0: it is not there
_UNLIKE_BLOCKS, _UNLIKE_WITH_PERSON = 2, 10  # more than like it
_HARM, _HARMFUL_BLOCKS = 0.3, 3  # times the microphone's power that the filter adds
_COMPARABLE: Final = 0.3  # times the microphone's power: an echo that would have to be in it
_LOUD: Final = 10 ** (-42 / 10)  # of the last blocks; below there is too little echo to compare
_NOTHING: Final = 1e-7  # mean square, -70 dBFS


class DoubleTalk:
    """Watches a linear echo canceller in blocks of 10 ms. Not thread-safe.

    A person adds to what the filter leaves, at once, and AEC3 takes 0.1 to 0.8 s to believe it. An
    echo that has jumped is known by its likeness to what the filter makes of the speaker's sound:
    a person changes nothing of it.
    """

    def __init__(self) -> None:
        self.leak = _UNKNOWN
        """What the filter usually leaves over the echo, dB."""
        self._blocks = self._age = 0
        self._left = self._latest = self._echo = 0.0
        self._heard = self._both = self._found = 0.0
        self._unlike = self._harmful = self._suspected = self._believed = self._certain = 0
        self._over: deque[bool] = deque([False] * _BELIEVE_OF, _BELIEVE_OF)

    @property
    def suspected(self) -> bool:
        """Whether a person may be speaking: what comes next must leave them in."""
        return self._suspected > 0

    @property
    def person(self) -> bool:
        """Whether the filter leaves so much that somebody speaks."""
        return self._believed > 0

    @property
    def certain(self) -> bool:
        """Whether the filter leaves so much that AEC3 need not agree, which takes vowels out."""
        return self.person and self._certain >= _CERTAIN

    @property
    def over(self) -> bool:
        """Whether the filter left more of the latest block than it usually does."""
        return self._over[-1]

    def astray(self, *, person: bool) -> bool:
        """Return whether the echo is not any more where the filter takes it out.

        `person`: somebody is known to speak, which takes longer to tell from a lost echo.
        """
        enough = _UNLIKE_WITH_PERSON if person else _UNLIKE_BLOCKS
        return self._unlike >= enough and self.leak <= _KNOWN

    @property
    def harmful(self) -> bool:
        """Whether the filter puts an echo in instead of taking one out."""
        return self._harmful >= _HARMFUL_BLOCKS

    def take(self, heard: float, both: float, found: float) -> None:
        """Take in mean squares: of the microphone, its product with the echo, and of the echo.

        The echo is what the filter found in it. 10 ms each.
        """
        self._compare(heard, both, found)
        left = max(0.0, heard - 2 * both + found)
        self._left += (left - self._left) * (1 - _KEEP)
        self._latest += (found - self._latest) * (1 - _KEEP)
        self._echo = max(self._latest, self._echo * _ECHO_KEEPS)
        leak = 10 * math.log10((self._left + _NOTHING / 1000) / (self._echo + _NOTHING))
        over = leak > self._limit()
        if self._echo > _ECHOES and (not over or self.leak > _KNOWN):
            self._blocks += 1
            self._age += 1
            self.leak += (leak - self.leak) / min(20 + self._blocks / 3, _SLOWEST)
        self._count(over=over and self._left > _FAINT)
        as_it_was = abs(self._both - self._found) < self._found * _ALIKE
        certain = as_it_was and leak > self.leak + _BEYOND_DOUBT
        self._certain = self._certain + 1 if certain else 0

    def miss(self) -> None:
        """Take in that nobody can be told from the echo now."""
        self._heard = self._both = self._found = 0.0
        self._unlike = self._harmful = self._suspected = self._believed = self._certain = 0
        self._over.extend([False] * _BELIEVE_OF)

    def learn_anew(self) -> None:
        """Take in that the echo has jumped: a filter that had to do without it leaves more.

        Not so much that nobody could be told from the echo, or the next jump not be seen.
        """
        self.leak = max(self.leak, min(_KNOWN, self.leak + _WORSE))
        self._blocks = 0

    def _limit(self) -> float:
        """Return from which leak on there is more than the echo's own, dB."""
        limit = max(_LEAST, min(self.leak + _FAR_ABOVE, max(_ALWAYS, self.leak + _ABOVE)))
        return limit + _YOUNG * max(0.0, 1 - self._age / _YOUTH)

    def _compare(self, heard: float, both: float, found: float) -> None:
        keep = min(_LIKENESS_KEEPS, _BEFORE * found / max(self._found, _NOTHING))
        self._heard = self._heard * keep + heard
        self._both = self._both * keep + both
        self._found = self._found * keep + found
        harmful = self._found - 2 * self._both > self._heard * _HARM and self._found > _LOUD
        self._harmful = self._harmful + 1 if harmful else 0
        there = self._found > max(_LOUD, self._heard * _COMPARABLE)
        unlike = there and self._both < self._found * _UNLIKE
        self._unlike = self._unlike + 1 if unlike else max(0, self._unlike - 1)

    def _count(self, *, over: bool) -> None:
        self._over.append(over and not self._unlike and self.leak <= _KNOWN)
        lately = list(self._over)
        suspect = sum(lately[-_SUSPECT_OF:]) >= _SUSPECT
        self._suspected = _SUSPECTED if suspect else max(0, self._suspected - 1)
        believe = sum(lately) >= _BELIEVE
        self._believed = _BELIEVED if believe else max(0, self._believed - 1)
