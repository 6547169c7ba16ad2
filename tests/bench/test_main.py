"""What a part has measured is on disk, also when it is stopped or breaks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import pages, parts, rows
from tests.bench.processes import measured_code
from tests.bench.rows import Row, kept_rows, kept_state


@pytest.fixture(autouse=True)
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(rows, "RESULTS", tmp_path)
    monkeypatch.setattr(pages, "write", lambda _: None)  # they speak of the real results
    return tmp_path


def put(monkeypatch: pytest.MonkeyPatch, part: parts.Part) -> None:
    monkeypatch.setattr(bench, "PARTS", {"x": part})


async def whole() -> AsyncIterator[list[Row]]:
    """In two steps."""
    for number in range(2):
        yield [Row("x.done", "done", "", number)]


async def broken() -> AsyncIterator[list[Row]]:
    """Its second step fails."""
    yield [Row("x.done", "done", "", 1)]
    raise BrokenPipeError


def test_finished_part_speaks_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, whole)
    assert bench.main(["x"]) == 0
    assert (kept_state("x"), kept_rows("x")) == (measured_code(), {"x.done": 1})


def test_part_that_breaks_keeps_its_steps_and_is_due_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(monkeypatch, broken)
    assert bench.main(["x"]) == 1
    assert kept_rows("x") == {"x.done": 1}
    assert kept_state("x") != measured_code()
