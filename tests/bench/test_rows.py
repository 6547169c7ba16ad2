"""The bench says honestly whether a goal is reached."""

from typing import Any

import pytest

from tests.bench.rows import Row, table


@pytest.mark.parametrize(("ours", "holds"), [(29.9, True), (30.0, True), (30.1, False)])
def test_goal_holds_up_to_its_limit(ours: float, holds: bool) -> None:
    assert Row("call.post", "press to offer", "ms", ours, 30).holds is holds


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_what_was_not_measured_is_no_row(number: float) -> None:
    with pytest.raises(ValueError, match="loop could not be measured: ours"):
        Row("loop", "loop delay", "ms", number)
    with pytest.raises(ValueError, match="loop could not be measured: Chromium"):
        Row("loop", "loop delay", "ms", 1.0, None, {"Chromium": number, "stock aiortc": 1.0})


def test_row_without_goal_neither_holds_nor_fails() -> None:
    row: dict[str, Any] = Row("x", "x", "MB", 1.0).plain()
    assert (row["goal"], row["holds"]) == (None, None)


def test_missed_goal_stands_out_in_the_table() -> None:
    row = Row("x", "memory", "MB", 91.0, 90, {"stock aiortc": 78.85}).plain()
    assert table([row]).splitlines()[2] == "| memory | MB | 91 | stock aiortc 78.85 | <= 90 | NO |"
