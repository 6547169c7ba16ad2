"""An echo that becomes louder or fainter, because somebody turns the speaker's own volume."""

import numpy as np
import numpy.typing as npt
import pytest

from appliance.media.bands import WIDE_BLOCK, power, product
from appliance.media.knob import Knob

Sound = npt.NDArray[np.float64]

LEAK = 10 ** (-25 / 20)  # what the filter leaves of the echo


class Line:
    """A filter that has learnt a speaker of one loudness, and scales with the knob's gain."""

    def __init__(self) -> None:
        self.knob = Knob()
        self._rng = np.random.default_rng(5)

    def _noise(self, level: float) -> Sound:
        return self._rng.normal(0, 32768 * 10 ** (level / 20), WIDE_BLOCK)

    def run(
        self, blocks: int, *, volume: float = 1.0, echo: float = -20, person: float = -90
    ) -> None:
        """Let it sound. `volume`: of the speaker, a factor. Levels in dBFS, before that."""
        for _ in range(blocks):
            learnt = self._noise(echo)
            near = volume * (learnt + LEAK * self._noise(echo)) + self._noise(person)
            self._take(near, self.knob.gain * learnt)

    def lose(self, blocks: int) -> None:
        """Let an echo come that is not where the filter has it."""
        for _ in range(blocks):
            self._take(self._noise(-20), self._noise(-20))

    def _take(self, near: Sound, echo: Sound) -> None:
        heard, found = near.astype(np.float32), echo.astype(np.float32)
        self.knob.take(power(heard), product(heard, found), power(found))


@pytest.mark.parametrize("volume", [0.25, 0.5, 0.8, 1.25, 2.0, 4.0])
def test_volume_is_known_after_400_ms(volume: float) -> None:
    line = Line()
    line.run(100)
    line.run(40, volume=volume)
    assert line.knob.gain == pytest.approx(volume, rel=0.05)


def test_volume_that_is_turned_back_is_known_too() -> None:
    line = Line()
    line.run(40, volume=2.0)
    line.run(40, volume=1.0)
    assert line.knob.gain == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(("echo", "volume"), [(-33, 0.1), (-36, 0.1), (-44, 0.35)])
def test_volume_that_was_turned_down_to_hardly_anything_comes_back(
    echo: float, volume: float
) -> None:
    line = Line()
    line.run(100, echo=echo)
    line.run(200, echo=echo, volume=volume)
    line.run(200, echo=echo)
    assert line.knob.gain == pytest.approx(1.0, rel=0.05)


def test_filter_that_is_right_stays_as_it_is() -> None:
    line = Line()
    line.run(2000)
    assert line.knob.gain == 1.0


@pytest.mark.parametrize("person", [-40, -28, -20, -10])
def test_person_changes_nothing(person: float) -> None:
    line = Line()
    line.run(500, person=person)
    assert line.knob.gain == pytest.approx(1.0, abs=0.02)


def test_volume_is_not_guessed_while_a_person_speaks_over_it() -> None:
    line = Line()
    line.run(50, volume=2.0, person=-14)
    assert line.knob.gain == 1.0


def test_echo_that_has_jumped_changes_nothing() -> None:
    line = Line()
    line.lose(500)
    assert line.knob.gain == 1.0


def test_nothing_is_learnt_of_a_faint_echo() -> None:
    line = Line()
    line.run(500, volume=2.0, echo=-60)
    assert line.knob.gain == 1.0


@pytest.mark.parametrize(("volume", "bound"), [(0.01, 0.1), (100.0, 10.0)])
def test_gain_stays_within_what_a_knob_does(volume: float, bound: float) -> None:
    line = Line()
    line.run(200, volume=volume, echo=-26)
    assert line.knob.gain == bound
