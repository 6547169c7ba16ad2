"""Gaps between blocks are counted from when the echo is known, and held to the card's stock."""

import pytest

from tests.bench.engine import (
    ALWAYS,
    APART,
    DEFAULT,
    IDLE,
    OURS,
    SETTLING_S,
    SPELL,
    STOCK_MS,
    gaps,
    rows_of,
)


def test_gaps_of_the_beginning_do_not_count() -> None:
    ends = [100.0, 100.5, 100.0 + SETTLING_S, 100.01 + SETTLING_S, 100.04 + SETTLING_S]
    assert gaps(ends) == pytest.approx([0.01, 0.03])


def test_longest_hundredth_is_held_to_the_cards_stock() -> None:
    even, late = [0.01] * 97, [0.01] * 97 + [0.05] * 3
    found = {(place, busy): even for place in (OURS, DEFAULT, APART) for busy in (ALWAYS, SPELL)}
    rows = {
        row.id: row
        for row in rows_of(found | {(OURS, SPELL): late, (IDLE, 0.0): even}, {OURS: 1.0})
    }
    assert rows["engine.spell"].ours == rows["engine.spell_worst"].ours == pytest.approx(50.0)
    assert rows["engine.spell"].at_most == STOCK_MS
    assert rows["engine.spell"].holds is False
    assert rows["engine.busy"].holds is None
    assert set(rows["engine.busy"].against) == {DEFAULT, APART, IDLE}
