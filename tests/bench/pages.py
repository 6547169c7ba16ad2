"""The pages that quote the kept rows: what stands there between two marks is written by the bench.

Marks are comments, which nobody sees in the page. `python -m tests.bench.pages` brings the pages up
to date without a run.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from appliance.call.self_hearing import TIMES, WITHIN
from tests.bench.echo import CUTS_IN
from tests.bench.parts import PARTS
from tests.bench.processes import ROOT
from tests.bench.rows import gathered, table

BEGIN: Final = "<!-- measured: written by `deploy/desktop bench` -->"
END: Final = "<!-- end of what is measured -->"
ALL_ROWS: Final = Path("tests", "bench", "README.md")
CLAIMS: Final = Path("README.md")
LOSSES: Final = ("1", "5", "10", "20")  # %; of the ids
WIDTH: Final = 140  # characters of a line

Rows = Sequence[Mapping[str, Any]]


def write(rows: Rows, root: Path = ROOT) -> None:
    """Bring the pages up to date. Raises ValueError if one has lost its marks."""
    for path, words in quoted(rows).items():
        page = root / path
        page.write_text(renewed(page.read_text("utf-8"), words), "utf-8")


def quoted(rows: Rows) -> dict[Path, str]:
    """Return what each page has to say of these rows; a page without all its numbers says none."""
    told = {ALL_ROWS: table(rows)}
    with suppress(KeyError):
        told[CLAIMS] = sound(rows)
    return told


def renewed(page: str, words: str) -> str:
    """Return the page with these words between its marks. Raises ValueError if it has none."""
    before, begin, rest = page.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"\n{END}")
    if not begin or not end:
        raise ValueError(f"the page has no place for what is measured: {BEGIN} ... {END}")
    return f"{before}{begin}\n{words}\n{end}{after}"


def sound(rows: Rows) -> str:
    """Return the claims about sound, each number from its row. Raises KeyError without the row."""
    kept = {row["id"]: row for row in rows}
    lines = [
        "| | ours | Chromium | aiortc as it comes |",
        "|---|---|---|---|",
        _line(
            "speech quality (PESQ-WB) at 1 / 5 / 10 / 20 % loss",
            [kept[f"audio.pesq.{loss}"] for loss in LOSSES],
            ".2f",
        ),
        _line(
            "the same without error correction in the stream",
            [kept[f"audio.pesq.{loss}_no_copies"] for loss in LOSSES],
            ".2f",
        ),
        _line(
            "speech missing at 15 % loss in bursts", [kept["audio.missing.bursts_15"]], ".1f", " %"
        ),
        _line(
            "interruption to silence at the speaker, median",
            [kept["interrupt.median"]],
            ".0f",
            " ms",
        ),
        "",
        *wrap(_in_rooms(kept), WIDTH),
    ]
    return "\n".join(lines)


def _in_rooms(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what became of echo and interruptions in the simulated rooms."""
    (talked,) = re.findall(r" in (.+) of all rooms", kept["echo.own"]["measure"])
    (answered,) = re.findall(r" in (.+) of short answers", kept["echo.answers"]["measure"])
    missed = [row for ident, row in kept.items() if ident.startswith("echo.missed.")]
    late = [row["ours"] for ident, row in kept.items() if ident.startswith("echo.latency.")]
    people = CUTS_IN * len(missed)
    heard = people - sum(row["ours"] for row in missed)
    by_aec3 = people - sum(row["against"]["AEC3 and NS"] for row in missed)
    return (
        f"In {len(missed)} simulated rooms (loud, live, distorting, with clocks that drift and "
        f"delays that jump) {heard:g} of {people} interruptions by a person are heard, after "
        f"{min(late):g} to {max(late):g} ms in the middle; WebRTC's own canceller as it comes "
        f"hears {by_aec3:g}. In {talked} of talking the machine "
        f"{_times(kept['echo.own']['ours'])} took itself for a person, "
        f"{_times(kept['echo.answers']['ours'])} in {answered} of short answers; after {TIMES} "
        f"times in {WITHIN:g} s it closes the microphone while it speaks."
    )


def _times(number: float) -> str:
    few: dict[float, str] = {0: "never", 1: "once"}
    return few.get(number, f"{number:g} times")


def _line(measure: str, rows: Rows, form: str, unit: str = "") -> str:
    """Return a line of the table: what each row says of ours, Chromium and stock aiortc."""
    found = ([row["ours"] for row in rows], *_others(rows))
    cells = (" / ".join(format(number, form) for number in numbers) + unit for numbers in found)
    return f"| {measure} | {' | '.join(cells)} |"


def _others(rows: Rows) -> list[list[float]]:
    return [[row["against"][who] for row in rows] for who in ("Chromium", "stock aiortc")]


if __name__ == "__main__":
    write(gathered(PARTS))
