"""What the pages say was measured is what was measured."""

from pathlib import Path

import pytest

from tests.bench.pages import ALL_ROWS, BEGIN, CLAIMS, END, quoted, renewed, write
from tests.bench.parts import PARTS
from tests.bench.rows import RESULTS, gathered
from tests.pages import page

ROWS = gathered(PARTS)
CURE = "run: python -m tests.bench.pages"


@pytest.mark.parametrize("path", [ALL_ROWS, CLAIMS], ids=str)
def test_page_quotes_the_kept_rows(path: Path) -> None:
    text = page(str(path))
    assert renewed(text, quoted(ROWS)[path]) == text, CURE


def test_every_kept_row_belongs_to_a_part() -> None:
    assert {path.stem for path in RESULTS.glob("*.json")} - {"summary"} <= set(PARTS)


def test_number_that_is_not_its_rows_is_found() -> None:
    row = next(row for row in ROWS if row["id"] == "echo.missed.nominal")
    changed = [{**row, "ours": 3} if row is each else each for each in ROWS]
    for path in (ALL_ROWS, CLAIMS):
        assert quoted(changed)[path] not in page(str(path))


def test_claim_of_how_long_the_machine_talked_is_the_rows() -> None:
    row = next(row for row in ROWS if row["id"] == "echo.own")
    measure = "interruptions by itself in 31 minutes of all rooms (others: 22 minutes)"
    changed = [{**row, "measure": measure} if row is each else each for each in ROWS]
    assert "In 31 minutes of talking" in " ".join(quoted(changed)[CLAIMS].split())


@pytest.mark.parametrize(("times", "said"), [(0, "never"), (1, "once"), (2, "2 times")])
def test_claim_of_how_often_it_took_itself_for_a_person_is_the_rows(times: int, said: str) -> None:
    row = next(row for row in ROWS if row["id"] == "echo.answers")
    changed = [{**row, "ours": times} if row is each else each for each in ROWS]
    assert f", {said} in 12 minutes of short answers;" in " ".join(quoted(changed)[CLAIMS].split())


def test_writing_renews_what_is_between_the_marks_and_nothing_else(tmp_path: Path) -> None:
    for path in (ALL_ROWS, CLAIMS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    write(ROWS, tmp_path)
    for path in (ALL_ROWS, CLAIMS):
        text = (tmp_path / path).read_text("utf-8")
        assert text == f"before\n{BEGIN}\n\n{quoted(ROWS)[path]}\n\n{END}\nafter\n"


def test_claims_stay_while_a_number_of_theirs_is_not_measured() -> None:
    assert set(quoted([row for row in ROWS if row["id"] != "interrupt.median"])) == {ALL_ROWS}


def test_page_without_a_place_for_it_is_told() -> None:
    with pytest.raises(ValueError, match="no place for what is measured"):
        renewed("nothing", "words")
