"""Learns by how much two clocks differ from how an echo's delay grows - pure."""

from typing import Final

# A straight line through the looks, each of them as heavy (a g-h filter whose memory grows:
# Brookner, "Tracking and Kalman Filtering Made Easy", 1998, 1.2.10). Looks are 5 to 10 us off and a
# second apart; 40 of them leave 0.1 ppm, and clocks that grow warmer change by less in that time.
_LOOKS: Final = 40
_WRONG: Final = 100e-6  # s off the line: somebody spoke into the look. Two in a row are a new line
_SETTLED: Final = 6  # looks, after which one may be wrong


class Clocks:
    """Takes in looks at a delay; all times are seconds. Not thread-safe."""

    def __init__(self) -> None:
        self.growth = 0.0
        """Seconds by which the delay grows in one."""
        self._looks = 1
        self._latest: tuple[float, float] | None = None  # when, and how long the delay was
        self._doubted = False

    def jump(self) -> None:
        """Take in that the delay has become another, and the clocks are the same."""
        self._latest = None

    def take(self, at: float, delay: float) -> None:
        """Take in how long the delay was at a time after the one before."""
        expected = self.delay(at)
        if self._latest is None or expected is None:
            self._latest = at, delay
            return
        error = delay - expected
        if abs(error) > _WRONG and self._looks >= _SETTLED:
            self._doubted = not self._doubted
            if not self._doubted:
                self._looks, self._latest = 1, (at, delay)
            return
        self._doubted = False
        self._looks = looks = min(_LOOKS, self._looks + 1)
        weight = looks * (looks + 1)
        self.growth += error / (at - self._latest[0]) * 6 / weight
        self._latest = at, expected + error * (4 * looks - 2) / weight

    def delay(self, at: float) -> float | None:
        """Return how long the delay is at a time after the latest look; None before the first."""
        if self._latest is None:
            return None
        before, delay = self._latest
        return delay + self.growth * (at - before)
