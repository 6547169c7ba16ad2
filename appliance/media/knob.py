"""Follows how loud an echo is while somebody turns the speaker's own volume - pure."""

from typing import Final

# All measured in simulated rooms (tests/bench, echo), with other walls than the bench's.
_KEEPS: Final = 0.7  # of each sum, for each block: 30 ms
_COHERENT: Final = 0.95  # of the microphone's power is the echo, louder or fainter
_EXPLAINED: Final = 0.12  # of what the filter leaves would be gone
_LOUD: Final = 10 ** (-50 / 10)  # mean square of the echo; below nothing is learnt
_OF_USUAL: Final = 0.2  # of how loud it was lately; nor from less: the first sound of a word
_USUAL_KEEPS: Final = 0.99  # for each block in which there is an echo
_STEP: Final = 1.06  # times, at most in a block: 15 dB in 0.3 s
_FAINTEST, _LOUDEST = 0.1, 10.0  # gain


class Knob:
    """Compares in blocks of 10 ms the microphone with the echo that a filter found in it.

    A filter has thousands of taps to turn, and takes seconds; one gain follows 15 dB in 0.3 s. A
    person has nothing in common with the echo, and changes nothing of it. Not thread-safe.
    """

    def __init__(self) -> None:
        self.gain = 1.0
        """How many times as loud as the filter has learnt it the echo is now."""
        self._heard = self._both = self._found = self._usual = 0.0

    def take(self, heard: float, both: float, found: float) -> None:
        """Take in mean squares: of the microphone, its product with the echo, and of the echo.

        The echo is what was found with the gain of now.
        """
        self._heard = self._heard * _KEEPS + heard
        self._both = self._both * _KEEPS + both
        self._found = self._found * _KEEPS + found
        lately = self._found * (1 - _KEEPS)
        played = lately / self.gain**2  # were nothing turned
        if max(lately, played) < _LOUD:
            return
        self._usual = max(played, self._usual * _USUAL_KEEPS)
        if played < self._usual * _OF_USUAL or self._both <= 0:
            return
        if self._both**2 < self._found * self._heard * _COHERENT:
            return
        left = self._heard - 2 * self._both + self._found
        if (self._found - self._both) ** 2 < left * self._found * _EXPLAINED:
            return
        by = min(max(self._both / self._found, 1 / _STEP), _STEP)
        gain = min(max(self.gain * by, _FAINTEST), _LOUDEST)
        by, self.gain = gain / self.gain, gain
        self._both *= by
        self._found *= by**2
