"""Tells whether the microphone hears much of the speaker; with headphones it does not - pure."""

from typing import Final

_WINDOW: Final = 50  # blocks of 10 ms: longer than the way through card and room
_WINDOWS: Final = 2  # in a row
_LOUD: Final = 10 ** (-35 / 10)  # mean square of the speaker's sound; less says nothing
_DEAF: Final = 1e-10  # mean square; exact silence is a muted microphone
_NEVER: Final = 10 ** (-25 / 10)  # of it, below which the microphone's loudest block stays


class Coupling:
    """Watches both powers in blocks of 10 ms. Not thread-safe."""

    def __init__(self) -> None:
        self._none = False
        self._blocks = self._apart = 0
        self._far = self._nearest = 0.0

    @property
    def none(self) -> bool:
        """Whether the speaker was loud for a second and the microphone heard hardly anything."""
        return self._none

    def take(self, near: float, far: float) -> None:
        """Take in the mean squares of a block of the microphone and of the speaker, 0 to 1."""
        self._blocks += 1
        self._far += far / _WINDOW
        self._nearest = max(self._nearest, near)
        if self._blocks == _WINDOW:
            heard = self._nearest > _DEAF
            apart = heard and self._far > _LOUD and self._nearest < self._far * _NEVER
            self._apart = self._apart + 1 if apart else 0
            self._none = self._none or self._apart >= _WINDOWS
            self._blocks, self._far, self._nearest = 0, 0.0, 0.0

    def found(self) -> None:
        """Take in that an echo was found where none was before: look anew how loud it is."""
        self._none, self._apart = False, 0
