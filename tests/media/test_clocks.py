"""How fast clocks run apart is known within seconds, and well enough for ten of silence."""

from collections.abc import Iterable

import numpy as np
import pytest

from appliance.media.clocks import Clocks

OFF = 8e-6  # s by which a look is usually off


def looked(clocks: Clocks, seconds: Iterable[float], growth: float, delay: float = 0.08) -> bool:
    """Take looks at a delay that was `delay` at first; return whether one said that it jumped."""
    rng = np.random.default_rng(5)
    return sum(clocks.take(at, delay + growth * at + rng.normal(0, OFF)) for at in seconds) > 0


def after(seconds: int, growth: float) -> Clocks:
    clocks = Clocks()
    assert not looked(clocks, range(seconds), growth)
    return clocks


@pytest.mark.parametrize("growth", [-300e-6, 100e-6, 300e-6])
def test_growth_is_known_roughly_at_once_and_then_exactly(growth: float) -> None:
    assert after(4, growth).growth == pytest.approx(growth, abs=12e-6)
    assert after(40, growth).growth == pytest.approx(growth, abs=0.5e-6)


@pytest.mark.parametrize("looks", [2, 3, 5, 8])
def test_one_clock_for_both_ways_is_not_taken_for_two(looks: int) -> None:
    assert abs(after(looks, 0.0).growth) < 2e-6


def test_delay_is_known_after_ten_seconds_without_a_look() -> None:
    assert after(50, 100e-6).delay(59) == pytest.approx(0.08 + 59 * 100e-6, abs=12e-6)


def test_growth_is_known_from_short_answers_with_long_pauses() -> None:
    clocks = Clocks()
    assert not looked(clocks, (begin + n for begin in range(0, 48, 12) for n in (0, 1, 2)), 50e-6)
    assert clocks.growth == pytest.approx(50e-6, abs=0.5e-6)


def test_delay_is_not_known_before_a_look() -> None:
    assert Clocks().delay(1) is None


def test_one_wrong_look_changes_nothing() -> None:
    clocks = after(30, 50e-6)
    before = clocks.growth, clocks.delay(31)
    assert not clocks.take(30, 0.0835)
    assert (clocks.growth, clocks.delay(31)) == before


@pytest.mark.parametrize("number", range(1, 6))
def test_wrong_look_among_the_first_does_not_last(number: int) -> None:
    clocks = Clocks()
    looked(clocks, range(number), 0.0)
    clocks.take(number, 0.0839)
    looked(clocks, range(number + 1, number + 9), 0.0)
    assert abs(clocks.growth) < 10e-6


def test_wrong_looks_with_a_right_one_between_them_change_nothing() -> None:
    clocks = after(30, 50e-6)
    for second in (30, 32, 34):
        assert not clocks.take(second, 0.09)
        assert not looked(clocks, [second + 1], 50e-6)
    assert clocks.growth == pytest.approx(50e-6, abs=1e-6)


def test_two_wrong_looks_in_a_row_are_a_jump() -> None:
    clocks = after(30, 50e-6)
    assert not clocks.take(30, 0.0835)
    assert clocks.take(31, 0.0835)
    assert clocks.delay(31) == 0.0835
    looked(clocks, range(32, 35), 50e-6, delay=0.0835 - 31 * 50e-6)
    assert clocks.growth == pytest.approx(50e-6, abs=10e-6)


def test_wrong_looks_before_and_after_a_jump_are_not_two_in_a_row() -> None:
    clocks = after(30, 50e-6)
    clocks.take(30, 0.0835)
    clocks.jump()
    looked(clocks, [31], 50e-6, delay=0.2)
    assert not clocks.take(32, 0.3)


def test_clock_that_runs_another_way_is_known_within_seconds() -> None:
    clocks = after(60, 0.0)
    looked(clocks, range(60, 72), 200e-6, delay=0.08 - 60 * 200e-6)
    assert clocks.growth == pytest.approx(200e-6, abs=5e-6)


def test_clocks_go_on_as_they_were_when_the_echo_jumps() -> None:
    clocks = after(40, 300e-6)
    clocks.jump()
    assert clocks.delay(40) is None
    assert not looked(clocks, range(41, 44), 300e-6, delay=0.5)
    assert clocks.growth == pytest.approx(300e-6, abs=1e-6)
    assert clocks.delay(44) == pytest.approx(0.5 + 44 * 300e-6, abs=15e-6)


def test_growth_has_a_limit() -> None:
    clocks, growths = Clocks(), []
    for at in np.arange(0, 40, 0.5):
        looked(clocks, [at], 600e-6)
        growths.append(clocks.growth)
    assert 450e-6 < max(growths) <= 500e-6
