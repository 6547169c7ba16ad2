"""How fast clocks run apart is known within seconds, and well enough for ten of silence."""

import numpy as np
import pytest

from appliance.media.clocks import Clocks

OFF = 8e-6  # s by which a look is usually off


def looked(clocks: Clocks, seconds: range, growth: float, delay: float = 0.08) -> None:
    """Take a look each second at a delay that was `delay` at first."""
    off = np.random.default_rng(seconds.start).normal(0, OFF, len(seconds))
    for second, wrong in zip(seconds, off, strict=True):
        clocks.take(second, delay + growth * second + wrong)


@pytest.mark.parametrize("growth", [-300e-6, 0.0, 50e-6])
def test_growth_is_known_roughly_at_once_and_then_exactly(growth: float) -> None:
    clocks = Clocks()
    looked(clocks, range(4), growth)
    assert clocks.growth == pytest.approx(growth, abs=8e-6)
    looked(clocks, range(4, 40), growth)
    assert clocks.growth == pytest.approx(growth, abs=0.5e-6)


def test_delay_is_known_after_ten_seconds_without_a_look() -> None:
    clocks = Clocks()
    looked(clocks, range(50), 100e-6)
    assert clocks.delay(60) == pytest.approx(0.08 + 60 * 100e-6, abs=12e-6)


def test_delay_is_not_known_before_a_look() -> None:
    assert Clocks().delay(1) is None


def test_one_wrong_look_changes_nothing() -> None:
    clocks = Clocks()
    looked(clocks, range(30), 50e-6)
    before = clocks.growth, clocks.delay(31)
    clocks.take(30, 0.0805)
    assert (clocks.growth, clocks.delay(31)) == before


def test_wrong_looks_with_a_right_one_between_them_change_nothing() -> None:
    clocks = Clocks()
    looked(clocks, range(30), 50e-6)
    for second in (30, 32, 34):
        clocks.take(second, 0.09)
        looked(clocks, range(second + 1, second + 2), 50e-6)
    assert clocks.growth == pytest.approx(50e-6, abs=1e-6)


def test_clock_that_runs_another_way_is_known_within_seconds() -> None:
    clocks = Clocks()
    looked(clocks, range(60), 0.0)
    looked(clocks, range(60, 72), 200e-6, delay=0.08 - 60 * 200e-6)
    assert clocks.growth == pytest.approx(200e-6, abs=4e-6)


def test_clocks_go_on_as_they_were_when_the_echo_jumps() -> None:
    clocks = Clocks()
    looked(clocks, range(40), 300e-6)
    growth = clocks.growth
    clocks.jump()
    assert clocks.delay(40) is None
    clocks.take(41, 0.5)
    assert (clocks.growth, clocks.delay(41)) == (growth, 0.5)
