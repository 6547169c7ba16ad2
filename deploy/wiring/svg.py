"""Writes SVG that can be read on light and dark pages, aloud, and by people who want no motion."""

from collections.abc import Container, Iterable
from typing import Final
from xml.etree import ElementTree as ET

NAMESPACE: Final = "http://www.w3.org/2000/svg"

# (light, dark). Blue, green and vermilion are told apart by people who see fewer colours
# (Okabe and Ito, "Color Universal Design", 2008); on dark pages they are lighter.
PALETTE: Final = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "quiet": ("#59636e", "#9da7b1"),
    "body": ("#eef1f4", "#21262d"),
    "metal": ("#afb8c1", "#6e7681"),
    "board": ("#dcefe2", "#173324"),
    "call": ("#0072b2", "#56b4e9"),
    "photo": ("#00785a", "#2fc99b"),
    "led": ("#c44e00", "#ff9a52"),
    "ground": ("#3d444d", "#b1bac4"),
    "danger": ("#cf222e", "#ff7b72"),
    "light": ("#ffb000", "#ffc83d"),
    "brass": ("#d4a72c", "#d4a72c"),
    "socket": ("#24292f", "#010409"),
    "number": ("#1f2328", "#1f2328"),
    "resistor": ("#d8c08f", "#d8c08f"),
}
FONT: Final = "system-ui, 'DejaVu Sans', sans-serif"


def element(tag: str, *children: ET.Element, **attributes: object) -> ET.Element:
    """Return an element; `stroke_width=2` is written stroke-width, `class_` class."""
    named = {
        name.rstrip("_").replace("_", "-"): f"{value:g}" if isinstance(value, float) else f"{value}"
        for name, value in attributes.items()
    }
    made = ET.Element(tag, named)
    made.extend(children)
    return made


def words(x: float, y: float, text: str, **attributes: object) -> ET.Element:
    """Return a line of text that begins (or ends, with text_anchor) at x on the base line y."""
    made = element("text", x=x, y=y, **{"class_": "ink-fill", **attributes})
    made.text = text
    return made


def line(path: str, colour: str, width: float = 2, **attributes: object) -> ET.Element:
    """Return a line along an SVG path, in a colour of the palette."""
    return element("path", d=path, class_=f"{colour}-line", stroke_width=width, **attributes)


def box(x: float, y: float, width: float, height: float, **attributes: object) -> ET.Element:
    """Return a rectangle."""
    return element("rect", x=x, y=y, width=width, height=height, **attributes)


def disc(x: float, y: float, radius: float, **attributes: object) -> ET.Element:
    """Return a circle."""
    return element("circle", cx=x, cy=y, r=radius, **attributes)


def picture(
    size: tuple[float, float],
    title: str,
    told: str,
    parts: Iterable[ET.Element],
    style: str = "",
) -> str:
    """Return a whole SVG file of this size (px).

    `title` is its name, `told` what is to be seen, both for people who hear it; `style` is CSS of
    its own. The paper is drawn, so that it can be read whatever page it stands on.
    """
    width, height = size
    root = element(
        "svg",
        *(element("title", id="title"), element("desc", id="told"), element("style")),
        xmlns=NAMESPACE,
        role="img",
        aria_labelledby="title told",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        font_family=FONT,
        font_size=14,
    )
    root.append(box(0, 0, width, height, rx=8, class_="paper-fill"))
    root.extend(parts)
    used = {element.get("class", "") for element in root.iter()}
    for child, text in zip(root, (title, told, _style(used, style)), strict=False):
        child.text = text
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _style(used: Container[str], more: str) -> str:
    """The rules of the classes that are used, for light and dark pages, and more of its own."""
    dark = f"@media (prefers-color-scheme:dark){{\n{_rules(used, 1)}\n}}"
    return f"\n{_rules(used, 0)}\n{dark}\n{more}"


def _rules(used: Container[str], column: int) -> str:
    rules = []
    for name, colours in PALETTE.items():
        colour = colours[column]
        for kind, rule in (("fill", f"fill:{colour}"), ("line", f"stroke:{colour};fill:none")):
            if f"{name}-{kind}" in used:
                rules.append(f".{name}-{kind}{{{rule}}}")
    return "\n".join(rules)
