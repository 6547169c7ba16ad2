"""The pictures show the results that are there, to everybody."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from deploy.wiring.svg import NAMESPACE
from tests.bench.parts import PARTS
from tests.bench.plots import pictures
from tests.bench.rows import RESULTS, Row, kept
from tests.pages import page

ROWS: list[dict[str, Any]] = [row for part in PARTS for row in kept(part)]
DRAWN = pictures(ROWS)


def found(name: str, tag: str) -> Iterator[ET.Element]:
    return ET.fromstring(DRAWN[name]).iter(f"{{{NAMESPACE}}}{tag}")  # noqa: S314 - our own text


def test_kept_pictures_are_those_of_the_kept_results() -> None:
    there = {path.name: path.read_text("utf-8") for path in RESULTS.glob("*.svg")}
    assert there == DRAWN, "run: deploy/desktop bench"


def test_page_shows_every_picture_and_says_what_it_is() -> None:
    shown = re.findall(r"!\[(.+?)\]\(results/(.+?\.svg)\)", page("tests/bench/README.md"))
    assert {name for _, name in shown} == set(DRAWN)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_every_number_is_told_to_those_who_hear_the_picture(name: str) -> None:
    (told,) = found(name, "desc")
    labels = {text.text for text in found(name, "text")} - {None}
    numbers = {label for label in labels if label and re.fullmatch(r"\d+", label)}
    assert told.text
    assert len(told.text) > 200
    if name != "pesq.svg":  # whose numbers are the points of its lines
        assert numbers <= set(re.findall(r"\d+", told.text))


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_nothing_is_drawn_beyond_the_paper(name: str) -> None:
    root = ET.fromstring(DRAWN[name])  # noqa: S314 - our own text
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    for bar in found(name, "rect"):
        x, y = float(bar.attrib["x"]), float(bar.attrib["y"])
        assert x + float(bar.attrib["width"]) <= width
        assert y + float(bar.attrib["height"]) <= height


def test_longer_bar_is_a_larger_number() -> None:
    rows = [Row("loop.clean", "", "ms", 30.0, None, {"Chromium": 60.0}).plain()]
    root = ET.fromstring(pictures(rows)["delays.svg"])  # noqa: S314 - our own text
    bars = {
        bar.get("class"): float(bar.attrib["width"])
        for bar in root.iter(f"{{{NAMESPACE}}}rect")
        if float(bar.attrib["height"]) == 11
    }
    assert bars["led-fill"] == pytest.approx(2 * bars["call-fill"], rel=0.01)


def test_what_was_not_measured_is_not_drawn() -> None:
    assert pictures([]) == {}
    assert pictures([Row("call.post", "press to offer", "ms", 5.0).plain()]) == {}
