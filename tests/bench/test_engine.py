"""Gaps between blocks are counted from when the echo is known; those over the stock are few."""

from collections.abc import Mapping

import pytest

from tests.bench.engine import (
    ALWAYS,
    APART,
    DEFAULT,
    IDLE,
    OURS,
    SETTLING_S,
    SPELL,
    gaps,
    rows_of,
)
from tests.bench.rows import Row


def test_gaps_of_the_beginning_do_not_count() -> None:
    ends = [100.0, 100.5, 100.0 + SETTLING_S, 100.01 + SETTLING_S, 100.04 + SETTLING_S]
    assert gaps(ends) == pytest.approx([0.01, 0.03])


def rows(ours: list[float], idle: list[float]) -> Mapping[str, Row]:
    """Return the rows of 20 s in each place; the others' gaps are even."""
    found = {(place, busy): EVEN for place in (OURS, DEFAULT, APART) for busy in (ALWAYS, SPELL)}
    told = rows_of(found | {(OURS, SPELL): ours, (IDLE, 0.0): idle}, {OURS: 1.0})
    return {row.id: row for row in told}


def late(times: int) -> list[float]:
    """Return the gaps of 20 s, so many of them 50 ms, and after each an early block."""
    return [0.05, 0.0, 0.0, 0.0, 0.0] * times + [0.01] * (2000 - 5 * times)


EVEN = late(0)


def test_gaps_that_the_percentile_does_not_see_are_counted() -> None:
    found = rows(late(19), EVEN)
    assert found["engine.spell"].ours == pytest.approx(10.0)
    assert found["engine.spell_worst"].ours == pytest.approx(50.0)
    assert found["engine.spell_heard"].ours == pytest.approx(57.0)
    assert found["engine.spell_heard"].holds is False
    assert found["engine.busy_heard"].holds is None
    assert set(found["engine.spell_heard"].against) == {DEFAULT, APART, IDLE}


@pytest.mark.parametrize(("ours", "idle", "holds"), [(2, 0, True), (3, 0, False), (6, 2, True)])
def test_one_spell_in_ten_may_be_heard_beside_what_the_computer_does(
    ours: int, idle: int, holds: bool
) -> None:
    assert rows(late(ours), late(idle))["engine.spell_heard"].holds is holds
