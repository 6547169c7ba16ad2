"""Lets a person be heard over an echo from their first sound on, once it is clear that they speak."""  # noqa: E501

from collections import deque
from typing import Final, NamedTuple

from appliance.media.bands import WIDE_SILENCE, Block, Floats, power
from appliance.media.double_talk import DoubleTalk
from appliance.media.residual import ResidualSuppressor

_WITHHELD: Final = 20  # blocks, in which it becomes clear that somebody cuts in
_BEFORE: Final = 1  # block heard before the first in which there was more than an echo
_AT_ONCE: Final = 3  # blocks in one, until what was withheld has caught up
_AGREES: Final = 10 ** (-14 / 10)  # of the power that the linear filter leaves; AEC3 leaves more
_FITS: Final = -18.0  # dB of leak; a filter that leaves more is heard if there is no doubt
_DOUBTS: Final = 5  # blocks in a row that are withheld because AEC3 does not agree


class Split(NamedTuple):
    """The microphone in two, by a linear filter."""

    left: Block
    echo: Floats


class _Past(NamedTuple):
    """A block that was withheld. `over`: more was left of it than the filter usually leaves.

    `loud`: how much was left, and `passed`: what AEC3 let through of it, mean squares.
    """

    split: Split
    over: bool
    loud: float
    passed: float


class Release(NamedTuple):
    """What is heard now: one block of 10 ms, or up to three while what was withheld comes.

    None where a person begins with nothing withheld: the filter's part of them is one block late.
    `instead`: how many of the silent blocks before are replaced by these and those that follow.
    """

    blocks: list[Block]
    instead: int = 0


class OverTheEcho:
    """Takes in blocks of 10 ms at 16 kHz. Not thread-safe."""

    def __init__(self) -> None:
        self._withheld: deque[_Past] = deque(maxlen=_WITHHELD)
        self._residual: ResidualSuppressor | None = None  # while a person is heard over the echo
        self._said: deque[_Past] = deque()  # by a person, and still to be heard
        self._doubts = 0

    def gone(self) -> None:
        """Take in that there is no echo to be heard over."""
        self._forget()
        self._withheld.clear()

    def heard(self, clean: Block, split: Split, talk: DoubleTalk, *, passes: bool) -> Release:
        """Return what is heard: this block, or silence; and what was withheld, when it begins.

        `clean`: what AEC3 makes of the block. `passes`: whether the gate is open for it.
        """
        self._withheld.append(_Past(split, talk.over, power(split.left), power(clean)))
        if passes:
            return self._person(clean, talk)
        self._forget()
        return Release([WIDE_SILENCE])

    def _forget(self) -> None:
        """Nobody is heard over the echo now; what is left of their words is not for the next."""
        self._residual, self._doubts = None, 0
        self._said.clear()

    def _person(self, clean: Block, talk: DoubleTalk) -> Release:
        """Return what a person says over the echo; AEC3's part if that takes it for none.

        It comes to that 10 to 50 ms later, and is right where the filter has lost the echo.
        """
        said = [self._withheld[-1]] if self._residual else self._beginning()
        passed, loud = sum(past.passed for past in said), sum(past.loud for past in said)
        agrees = talk.certain or (passed >= loud * _AGREES and talk.leak <= _FITS)
        self._doubts = 0 if agrees else self._doubts + 1
        if self._residual is None and (0 < self._doubts <= _DOUBTS or not talk.person):
            return Release([WIDE_SILENCE])
        self._withheld.clear()
        if self._doubts > _DOUBTS or not talk.suspected:
            self._said.clear()
            if self._residual:
                self._residual = ResidualSuppressor()  # what it still has is not for later words
            return Release([clean])
        begins = self._residual is None
        if self._residual is None:
            self._residual = ResidualSuppressor()
        self._said.extend(said)
        past = [self._said.popleft().split for _ in range(min(_AT_ONCE, len(self._said)))]
        blocks = [self._residual.process(each.left, each.echo, talk.leak) for each in past]
        # The first of a suppressor has nothing in it yet.
        return Release(blocks[begins:], len(said) - 1 if begins else 0)

    def _beginning(self) -> list[_Past]:
        """Return what was withheld of the words of somebody who is now known to speak."""
        past = list(self._withheld)
        first = next((n for n, each in enumerate(past) if each.over), len(past) - 1)
        return past[max(0, first - _BEFORE) :]
