"""What a measurement is, how it is kept, and how it is shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One number. `at_most` or `at_least` is the goal; without both there is nothing to reach.

    Raises ValueError if a number is infinite or none at all: then nothing was measured.
    """

    id: str
    measure: str
    unit: str
    ours: float
    at_most: float | None = None
    against: Mapping[str, float] = field(default_factory=dict)
    at_least: float | None = None

    def __post_init__(self) -> None:
        numbers = {"ours": self.ours, **self.against}
        if lost := [who for who, value in numbers.items() if not isfinite(value)]:
            raise ValueError(f"{self.id} could not be measured: {', '.join(lost)}")

    @property
    def holds(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.at_least is not None:
            return self.ours >= self.at_least
        return None if self.at_most is None else self.ours <= self.at_most

    @property
    def goal(self) -> str | None:
        """The goal in signs."""
        if self.at_least is not None:
            return f">= {self.at_least:.3g}"
        return None if self.at_most is None else f"<= {self.at_most:g}"

    def plain(self) -> dict[str, Any]:
        """Return the row as it is written."""
        return {
            "id": self.id,
            "measure": self.measure,
            "unit": self.unit,
            "ours": round(self.ours, 3),
            "against": {name: round(value, 3) for name, value in self.against.items()},
            "goal": self.goal,
            "holds": self.holds,
        }


def keep(part: str, state: str, rows: Sequence[Row]) -> None:
    """Write the rows of a part; `state` says which code they speak of."""
    kept = {"part": part, "state": state, "rows": [row.plain() for row in rows]}
    _write(RESULTS / f"{part}.json", kept)


def unfinished(state: str) -> str:
    """Return the state of rows that the part will tell again, with more behind them."""
    return f"{state}, unfinished"


def kept_state(part: str) -> str | None:
    """Return which code the kept rows of a part speak of."""
    path = RESULTS / f"{part}.json"
    return str(msgspec.json.decode(path.read_bytes())["state"]) if path.exists() else None


def kept(part: str) -> list[dict[str, Any]]:
    """Return the kept rows of a part, as they were written."""
    path = RESULTS / f"{part}.json"
    rows: list[dict[str, Any]] = (
        msgspec.json.decode(path.read_bytes())["rows"] if path.exists() else []
    )
    return rows


def kept_rows(part: str) -> Mapping[str, float]:
    """Return the kept numbers of a part by their ids."""
    return {row["id"]: row["ours"] for row in kept(part)}


def gathered(parts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the kept rows of all parts."""
    return [row for part in parts for row in kept(part)]


def summarise(parts: Iterable[str]) -> list[dict[str, Any]]:
    """Gather the kept rows of all parts in `summary.json` and return them."""
    rows = gathered(parts)
    _write(RESULTS / "summary.json", {"rows": rows})
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    words = {True: "yes", False: "NO", None: ""}
    lines = ["| measure | unit | ours | against | goal | holds |", "|---|---|---|---|---|---|"]
    for row in rows:
        against = ", ".join(f"{name} {value:g}" for name, value in row["against"].items())
        cells = (row["measure"], row["unit"], f"{row['ours']:g}", against, row["goal"] or "")
        lines.append(f"| {' | '.join(cells)} | {words[row['holds']]} |")
    return "\n".join(lines)


def _write(path: Path, what: Mapping[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n")
