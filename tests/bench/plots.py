"""The pictures beside the results: drawn from the kept rows, as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from xml.etree import ElementTree as ET

from deploy.wiring.svg import box, disc, element, line, picture, words
from tests.bench import rows as results
from tests.bench.echo import CUTS_IN

Values: TypeAlias = Mapping[str, float]  # of ours and the others, by their names
Rows: TypeAlias = Mapping[str, Values]  # by the ids of the rows

WIDTH: Final = 720  # px
LEFT: Final = 200  # where bars begin: left of it their names stand
LOSSES: Final = {"clean": 0, "1": 1, "5": 5, "10": 10, "20": 20}  # %
DELAYS: Final = {
    "loop.clean": "loop, clean",
    "loop.after_one_lost_packet": "after one lost packet",
    "loop.40_ms_of_jitter": "40 ms of jitter",
    "loop.3_lost_30_ms_of_jitter": "3 % lost, 30 ms of jitter",
    "call.first": "offer to first sound",
    "interrupt.median": "interruption to silence",
}
ROOMS: Final = (
    "nominal", "soft", "loud", "reverb", "distorted", "delay 150 ms", "drift 50 ppm",
    "drift 300 ppm", "noise", "delay jumps", "six xruns",
)  # fmt: skip
# Told apart by colour, and in lines by the form of their points too.
COLOURS: Final = {
    "ours": "call",
    "stock aiortc": "ground",
    "Chromium": "led",
    "AEC3 and NS": "led",
    "Speex": "ground",
}
WORST, BEST = 1.0, 4.6  # PESQ-WB, more or less (ITU-T P.862.2)


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars below one another: what they measure, and between which px they are."""

    title: str
    x: float
    end: float
    values: Sequence[Values]

    @property
    def scale(self) -> float:
        """The length of a unit, px: the longest bar just fits."""
        most = max(value for values in self.values for value in values.values())
        return (self.end - self.x) / max(most, 1e-9)


def pictures(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the pictures by their files' names; without those whose rows are not there."""
    known: Rows = {row["id"]: {"ours": row["ours"], **row["against"]} for row in rows}
    drawn = {"pesq.svg": _quality(known), "delays.svg": _delays(known), "echo.svg": _echo(known)}
    return {name: text for name, text in drawn.items() if text is not None}


def write(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write every picture beside the results."""
    for name, text in pictures(rows).items():
        (results.RESULTS / name).write_text(text, encoding="utf-8")


# PESQ over loss

_TOP, _HEIGHT, _AXIS = 64, 250, 56  # px
_ACROSS: Final = (WIDTH - 2 * _AXIS) / max(LOSSES.values())  # px for a percent
_UP: Final = _HEIGHT / (BEST - WORST)  # px for a point of PESQ


def _quality(rows: Rows) -> str | None:
    kinds = {"": "with copies", "_no_copies": "without copies"}
    lines: list[tuple[str, str, list[tuple[float, float]]]] = []
    for end in kinds:
        found = {
            loss: row
            for name, loss in LOSSES.items()
            if (row := rows.get(f"audio.pesq.{name}{end}"))
        }
        names = list(dict.fromkeys(who for row in found.values() for who in row))
        lines += [
            (who, end, [(loss, row[who]) for loss, row in found.items() if who in row])
            for who in names
        ]
    if not lines:
        return None
    told = "; ".join(
        f"{who}, {kinds[end]}: " + ", ".join(f"{value:.2f} at {loss:g} %" for loss, value in points)
        for who, end, points in lines
    )
    who = list(dict.fromkeys(name for name, _, _ in lines))
    parts = [
        *_heading("Speech quality over lost packets (PESQ-WB)", who),
        *_grid(),
        *(part for name, end, points in lines for part in _curve(name, end, points)),
        *_dashes(kinds),
    ]
    title = "Speech quality over lost packets"
    return picture((WIDTH, _TOP + _HEIGHT + 66), title, f"PESQ-WB. {told}.", parts)


def _place(loss: float, value: float) -> tuple[float, float]:
    return _AXIS + loss * _ACROSS, _TOP + _HEIGHT - (value - WORST) * _UP


def _grid() -> Iterator[ET.Element]:
    for value in (1, 2, 3, 4):
        x, y = _place(0, value)
        yield line(f"M{x:g} {y:.1f}h{WIDTH - 2 * _AXIS}", "quiet", 0.5)
        yield words(x - 10, round(y + 5, 1), f"{value}", text_anchor="end")
    for loss in LOSSES.values():
        x, y = _place(loss, WORST)
        unit = " % lost" if loss == max(LOSSES.values()) else ""
        yield words(round(x, 1), y + 22, f"{loss}{unit}", text_anchor="middle")


def _curve(who: str, end: str, points: Sequence[tuple[float, float]]) -> Iterator[ET.Element]:
    places = [_place(*point) for point in points]
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dashed = {"stroke_dasharray": "6 5"} if end else {}
    yield line(f"M{way}", COLOURS[who], 2, **dashed)
    for x, y in places:
        yield _point(who, x, y)


def _point(who: str, x: float, y: float) -> ET.Element:
    colour = f"{COLOURS[who]}-fill"
    match COLOURS[who]:
        case "call":
            return disc(round(x, 1), round(y, 1), 4.5, class_=colour)
        case "led":
            return box(round(x - 4, 1), round(y - 4, 1), 8, 8, class_=colour)
        case _:
            return element("path", d=f"M{x:.1f} {y - 5:.1f}l5 9h-10z", class_=colour)


def _dashes(kinds: Mapping[str, str]) -> Iterator[ET.Element]:
    """Say what a dashed line is."""
    y = _TOP + _HEIGHT + 50
    for x, (end, name) in zip((_AXIS, _AXIS + 300), kinds.items(), strict=True):
        dashed = {"stroke_dasharray": "6 5"} if end else {}
        yield line(f"M{x} {y - 5}h36", "ink", 2, **dashed)
        yield words(x + 46, y, f"{name} of the packet before")


# Bars

_BAR, _BETWEEN, _FIRST = 13, 12, 84  # px


def _delays(rows: Rows) -> str | None:
    found = {name: row for ident, name in DELAYS.items() if (row := rows.get(ident))}
    panel = Panel("milliseconds, median: fewer is better", LEFT, WIDTH - 60, list(found.values()))
    title = "Delays of a call"
    return _bars(title, list(found), [panel]) if found else None


def _echo(rows: Rows) -> str | None:
    idents = {name: name.replace(" ", "_") for name in ROOMS}
    found = [name for name, ident in idents.items() if f"echo.erle.{ident}" in rows]
    if not found:
        return None
    erle, missed = (
        [rows[f"echo.{kind}.{idents[name]}"] for name in found] for kind in ("erle", "missed")
    )
    panels = [
        Panel("echo taken out or withheld, dB: more is better", 130, 360, erle),
        Panel(f"interruptions missed of {CUTS_IN}: fewer is better", 420, 660, missed),
    ]
    return _bars("Echo and interruptions in simulated rooms", found, panels)


def _bars(title: str, names: Sequence[str], panels: Sequence[Panel]) -> str:
    """Draw bars of each name, those of ours and the others below one another."""
    who = list(dict.fromkeys(one for panel in panels for each in panel.values for one in each))
    step = len(who) * _BAR + _BETWEEN
    parts = list(_heading(title, who))
    told = []
    for panel in panels:
        parts.append(words(panel.x, _FIRST - 10, panel.title, font_size=13, font_style="italic"))
        for number, (name, values) in enumerate(zip(names, panel.values, strict=True)):
            parts += _group(panel, _FIRST + number * step, values)
            each = ", ".join(f"{one} {value:.0f}" for one, value in values.items())
            told.append(f"{panel.title} {name}: {each}".strip())
    for number, name in enumerate(names):
        y = _FIRST + number * step + len(who) * _BAR / 2 + 5
        parts.append(words(panels[0].x - 10, y, name, text_anchor="end"))
    size = (WIDTH, _FIRST + len(names) * step + 4)
    return picture(size, title, f"{'; '.join(told)}.", parts)


def _group(panel: Panel, y: float, values: Values) -> Iterator[ET.Element]:
    for number, (who, value) in enumerate(values.items()):
        top = y + number * _BAR
        length = round(max(value, 0) * panel.scale, 1)
        yield box(panel.x, top, length, _BAR - 2, class_=f"{COLOURS[who]}-fill")
        label = f"{value:.0f}"
        yield words(panel.x + length + 5, top + _BAR - 3, label, font_size=11)


def _heading(title: str, who: Sequence[str]) -> Iterator[ET.Element]:
    yield words(20, 28, title, font_size=16, font_weight="bold")
    x = 20.0
    for name in who:
        yield _point(name, x + 5, 47)
        yield words(x + 18, 52, name)
        x += 40 + 8.2 * len(name)
