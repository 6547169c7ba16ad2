"""Learns by how much two clocks differ from how an echo's delay grows - pure."""

import math
from typing import Final

# Measured in simulated rooms (tests/bench, echo): looks are 5 to 10 us off, and those that follow
# each other are not independent.
_LOOK: Final = 15e-6**2  # variances: s by which a look is off
_CRYSTALS: Final = 150e-6**2  # by which two clocks differ
_WANDER: Final = 0.05e-6**2  # by which that changes in a second: 0.4 ppm in a minute
_MOST: Final = 500e-6  # by which they differ at most
# s off the line, or so many standard deviations of it: somebody spoke into the look, or it jumped.
_WRONG, _DEVIATIONS = 100e-6, 4.0


class Clocks:
    """Takes in looks at a delay; all times are seconds. Not thread-safe.

    A Kalman filter of the delay and its growth (Kalman, 1960), as for a target that moves evenly.
    """

    def __init__(self) -> None:
        self._growth = 0.0
        self._latest: tuple[float, float] | None = None  # when, and how long the delay was
        # Covariances: of delay and delay, delay and growth, growth and growth.
        self._spread = (_LOOK, 0.0, _CRYSTALS)
        self._doubted = False

    @property
    def growth(self) -> float:
        """Seconds by which the delay grows in one; less, down to 0, while it is not sure.

        One sound card for both ways has one clock.
        """
        if self._growth == 0:
            return 0.0
        return self._growth * max(0.0, 1 - self._spread[2] / self._growth**2)

    def jump(self) -> None:
        """Take in that the delay has become another, and the clocks are the same."""
        self._latest = None
        self._doubted = False

    def take(self, at: float, delay: float) -> bool:
        """Take in how long the delay was at a time after the one before.

        Returns whether it has jumped: two looks in a row are wrong, and the growth is unsure again.
        One of them changes nothing.
        """
        growth = self._spread[2]
        if self._latest is None:
            self._latest, self._spread = (at, delay), (_LOOK, 0.0, growth)
            return False
        before, last = self._latest
        elapsed = at - before
        growth += _WANDER * elapsed
        both = self._spread[1] + elapsed * growth
        own = self._spread[0] + elapsed * (self._spread[1] + both)
        error = delay - (last + self._growth * elapsed)
        if abs(error) > max(_WRONG, _DEVIATIONS * math.sqrt(own + _LOOK)):
            self._doubted = not self._doubted
            if self._doubted:
                return False
            self._latest, self._spread = (at, delay), (_LOOK, 0.0, _CRYSTALS)
            return True
        self._doubted = False
        delay_gain, growth_gain = own / (own + _LOOK), both / (own + _LOOK)
        self._latest = at, delay - error * (1 - delay_gain)
        self._growth = min(max(self._growth + error * growth_gain, -_MOST), _MOST)
        self._spread = own * (1 - delay_gain), both * (1 - delay_gain), growth - growth_gain * both
        return False

    def delay(self, at: float) -> float | None:
        """Return how long the delay is at a time after the latest look; None before the first."""
        if self._latest is None:
            return None
        before, delay = self._latest
        return delay + self.growth * (at - before)
