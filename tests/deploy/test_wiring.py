"""The wiring guide shows the pins and lights there are, in pictures and in words."""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from appliance.config import PanelConfig
from appliance.core.lights import DARK, IN_CALL, PATTERNS, PHOTO, REFUSED, Pattern
from appliance.core.timers import NOTICE_TIME
from deploy.packaging import tree
from deploy.wiring.guide import HERE, pictures
from deploy.wiring.header import Wired, wired
from deploy.wiring.lights import ONCE, PAUSE, file_name, light, told
from deploy.wiring.svg import NAMESPACE
from tests.pages import page, rows

DRAWN = pictures()
BLINKING = [pattern for pattern in PATTERNS if pattern.steps[0][1]]
IMAGE = re.compile(r"!\[(.*?)\]\(deploy/wiring/(.+?)\)")


def name_of(pattern: Pattern) -> str:
    return pattern.name


def tags(svg: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(f"{{{NAMESPACE}}}{tag}"))  # noqa: S314 - our own


@pytest.mark.parametrize("name", DRAWN)
def test_pictures_are_those_that_the_code_draws(name: str) -> None:
    drawn = (HERE / name).read_text(encoding="utf-8")
    assert drawn == DRAWN[name], "run: .venv/bin/python -m deploy.wiring"


def test_no_picture_is_left_of_what_is_no_more() -> None:
    assert {path.name for path in HERE.glob("*.svg")} == set(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_pictures_speak_and_adapt_to_dark_pages(name: str) -> None:
    svg = DRAWN[name]
    root = ET.fromstring(svg)  # noqa: S314 - our own
    spoken = [tags(svg, tag)[0] for tag in ("title", "desc")]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == " ".join(part.get("id", "") for part in spoken)
    assert all(part.text for part in spoken)
    style = tags(svg, "style")[0].text or ""
    plain, dark = style.split("@media (prefers-color-scheme:dark){")
    rules = re.compile(r"\.([a-z]+-(?:fill|line))\{")
    assert rules.findall(plain) == rules.findall(dark)
    used = {part.get("class", "") for part in root.iter()} - {"", "glow", "hand"}
    assert used == set(rules.findall(plain))


def test_default_pins_are_wired_as_the_readme_says() -> None:
    said = [
        (row[1], int(row[2]), int(row[3].split()[0]))
        for row in rows("README.md", "part | pin (BCM)")
    ]
    parts = wired(PanelConfig())
    assert said == [(part.signal.name, part.signal.number, part.ground.number) for part in parts]
    told = {name: text for text, name in IMAGE.findall(page("README.md"))}
    numbers = [number for _, *pair in said for number in pair]
    assert [int(number) for number in re.findall(r"\d+", told["wiring.svg"])] == numbers
    assert said == [("GPIO17", 11, 9), ("GPIO27", 13, 14), ("GPIO22", 15, 20)]


@pytest.mark.parametrize("name", ["wiring.svg", "schematic.svg"])
def test_other_pins_make_other_pictures(name: str) -> None:
    svg = pictures(PanelConfig(call_pin=5))[name]
    assert "pin 29 · GPIO5 " in (tags(svg, "desc")[0].text or "")
    written = " ".join(text.text or "" for text in tags(svg, "text"))
    assert "GPIO5" in written
    assert "GPIO17" not in written


@pytest.mark.parametrize("panel", [PanelConfig(), PanelConfig(call_pin=21, led_pin=2)])
def test_each_part_has_a_ground_of_its_own(panel: PanelConfig) -> None:
    grounds = {part.ground for part in wired(panel)}
    assert len(grounds) == 3
    assert {pin.name for pin in grounds} == {"GND"}


def level(part: Wired) -> list[float]:
    """Where its wires leave the header, in rows; an inner pin's goes below the outer one's."""
    return sorted(pin.row + (0 if pin.outer else 0.5) for pin in (part.signal, part.ground))


def test_no_wire_crosses_another() -> None:
    levels = [level(part) for part in sorted(wired(PanelConfig()), key=level)]
    flat = [end for ends in levels for end in ends]
    assert flat == sorted(set(flat))


@pytest.mark.parametrize(
    "panel",
    [PanelConfig(pull="down"), PanelConfig(led_active_high=False), PanelConfig(led="rgb")],
)
def test_a_panel_wired_in_another_way_is_not_drawn_wrongly(panel: PanelConfig) -> None:
    with pytest.raises(ValueError, match="pictures show"):
        wired(panel)


@pytest.mark.parametrize("pattern", BLINKING, ids=name_of)
def test_light_blinks_as_the_pattern_does(pattern: Pattern) -> None:
    style = tags(light(pattern), "style")[0].text or ""
    found = re.search(r"\.glow\{animation:light ([\d.]+)s step-end infinite\}", style)
    assert found
    period = float(found[1])
    steps = (*pattern.steps, (False, PAUSE)) if pattern in ONCE else pattern.steps
    assert period == pytest.approx(sum(time for _, time in steps))
    frames = re.findall(r"([\d.]+)%\{opacity:([01])\}", style)
    begins = [float(at) / 100 * period for at, _ in frames] + [period]
    played = [
        (lit == "1", end - begin)
        for (_, lit), (begin, end) in zip(frames, pairwise(begins), strict=True)
    ]
    assert [lit for lit, _ in played] == [lit for lit, _ in steps]
    assert [time for _, time in played] == pytest.approx([time for _, time in steps], abs=1e-4)


@pytest.mark.parametrize("pattern", BLINKING, ids=name_of)
def test_lights_stand_still_for_who_wants_no_motion(pattern: Pattern) -> None:
    style = tags(light(pattern), "style")[0].text or ""
    still = style.split("@media (prefers-reduced-motion:no-preference){")
    assert "animation:" not in still[0]
    assert "animation:" not in still[1].split("@media (prefers-reduced-motion:reduce)")[1]


def test_steady_lights_do_not_move() -> None:
    assert "animation" not in light(IN_CALL) + light(DARK)
    assert ".glow{opacity:0}" in light(DARK)
    assert ".glow{opacity:0}" not in light(IN_CALL)


def test_what_is_shown_once_is_what_lasts_as_long_as_a_notice() -> None:
    assert set(ONCE) == {PHOTO, REFUSED}
    for pattern in ONCE:
        assert sum(time for _, time in pattern.steps) == pytest.approx(NOTICE_TIME)


def test_readme_shows_and_describes_every_light_in_its_row() -> None:
    shown = {}
    for cells in rows("README.md", "the LED"):
        name = cells[0].split('"')[1] if '"' in cells[0] else cells[0]
        shown[name] = IMAGE.findall(cells[1])
    assert shown == {pattern.name: [(told(pattern), file_name(pattern))] for pattern in PATTERNS}


def test_every_picture_is_in_the_readme_with_words_instead_of_it() -> None:
    shown = IMAGE.findall(page("README.md"))
    assert {name for _, name in shown} == set(DRAWN)
    assert all(words for words, _ in shown)


def test_package_brings_the_pictures_where_its_readme_looks_for_them(tmp_path: Path) -> None:
    tree.lay_documents(tmp_path)
    documents = tmp_path / tree.DOC
    for _, name in IMAGE.findall((documents / "README.md").read_text(encoding="utf-8")):
        assert (documents / "deploy/wiring" / name).is_file()
