"""How late the loop is, in looks that come as late as the test says, and on a loop that is held."""

import asyncio
import time

import pytest

from appliance.call.loop_lag import EVERY, LoopLag, watch_loop


def test_nothing_is_known_before_the_first_look() -> None:
    lag = LoopLag()
    assert (lag.worst_ms, lag.p99_ms) == (None, None)


def test_punctual_loop_has_no_lag_however_long_it_runs() -> None:
    lag, now = LoopLag(), 1000.0
    for _ in range(36_000):  # an hour
        now = lag.look(now)
    assert lag.worst_ms == lag.p99_ms == 0.0
    assert len(lag._looks) == 1


def test_worst_and_percentile_are_those_of_the_looks() -> None:
    lag = LoopLag()
    late = [number * 7 % 1000 / 10_000 for number in range(1000)]  # each of 0 to 99.9 ms once
    due = lag.look(0.0)
    for each in late:
        due = lag.look(due + each)
    assert lag.worst_ms == 99.9
    assert lag.p99_ms == pytest.approx(98.9, abs=0.15)


def test_one_late_look_in_two_hundred_is_the_worst_and_not_the_percentile() -> None:
    lag = LoopLag()
    due = lag.look(0.0)
    for number in range(200):
        due = lag.look(due + 0.05 * (number == 77))
    assert (lag.worst_ms, lag.p99_ms) == (50.0, 0.0)


def test_standstill_counts_with_every_look_it_has_missed() -> None:
    lag = LoopLag()
    due = lag.look(0.0)
    for _ in range(90):
        due = lag.look(due)
    due = lag.look(due + 0.95)
    assert due == pytest.approx(10.1)  # the rhythm stays
    assert sum(lag._looks.values()) == 101
    assert lag.worst_ms == 950.0
    assert lag.p99_ms == 850.0


def test_machine_that_slept_for_a_day_costs_no_memory() -> None:
    lag = LoopLag()
    lag.look(0.0)
    lag.look(86_400.0)
    assert lag.worst_ms == 60_000.0
    assert len(lag._looks) <= 602


@pytest.mark.looptime
async def test_loop_is_looked_at_ten_times_a_second() -> None:
    lag = LoopLag()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60.05):
            await watch_loop(lag)
    assert sum(lag._looks.values()) == pytest.approx(60 / EVERY, abs=2)
    assert lag.worst_ms is not None
    assert lag.worst_ms < 2


async def test_loop_that_is_held_is_seen() -> None:
    lag = LoopLag()
    asyncio.get_running_loop().call_later(EVERY / 2, hold, 2.5 * EVERY)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(4 * EVERY):
            await watch_loop(lag)
    assert lag.worst_ms is not None
    assert lag.worst_ms >= 1000 * EVERY


def hold(seconds: float) -> None:
    """Keep the loop from everything else."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
