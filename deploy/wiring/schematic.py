"""The schematic: the same parts in symbols (IEC 60617)."""

from typing import Final
from xml.etree import ElementTree as ET

from deploy.wiring.header import Wired
from deploy.wiring.svg import box, disc, element, line, picture, words

SIZE: Final = (736, 450)
LEFT, RIGHT = 24, 236  # px, of the Pi's box
FIRST, STEP = 134, 118  # px: the first wire's y, and the distance of wires
START, DOWN = 380, 640  # px: where the part begins, where its wire turns to ground
NAMES: Final = {"call": "S1, call", "photo": "S2, photo"}


def told(parts: tuple[Wired, ...]) -> str:
    """Say what is connected to what."""
    says = {
        "call": "{} through push button S1, call, to {}.",
        "photo": "{} through push button S2, photo, to {}.",
        "led": "{} through resistor R1, 330 Ω, and LED D1 to {}.",
    }
    wires = " ".join(says[part.role].format(part.signal.label, part.ground.label) for part in parts)
    return f"{wires} The buttons' pull-up resistors to 3.3 V are inside the Raspberry Pi."


def schematic(parts: tuple[Wired, ...]) -> str:
    """Return the schematic of these parts."""
    height = SIZE[1] - 48
    drawn = [
        box(LEFT, 24, RIGHT - LEFT, height, class_="body-fill"),
        box(LEFT, 24, RIGHT - LEFT, height, class_="ink-line"),
        words(LEFT + 14, 50, "Raspberry Pi", font_weight="bold", font_size=16),
    ]
    for at, part in enumerate(parts):
        drawn += _row(part, FIRST + STEP * at)
    return picture(SIZE, "Schematic of buttons and LED", told(parts), drawn)


def _row(part: Wired, y: float) -> list[ET.Element]:
    """One part on its wire, from its pin to ground."""
    inside = _output(y) if part.role == "led" else _pull_up(y)
    symbol = _led(y) if part.role == "led" else _switch(NAMES[part.role], y)
    ground = f"M{DOWN - 16} {y + 40}h32m-26 7h20m-15 7h10"
    return [
        *inside,
        words(RIGHT - 12, y + 20, part.signal.name, text_anchor="end"),
        line(f"M{RIGHT} {y}H{START}", part.role, 3),
        words(RIGHT + 14, y - 10, f"pin {part.signal.number}"),
        *symbol,
        line(f"M{DOWN} {y}v40", "ground", 3),
        line(ground, "ground", 3),
        words(DOWN + 28, y + 52, f"pin {part.ground.number}"),
    ]


def _pull_up(y: float) -> list[ET.Element]:
    x = LEFT + 66
    return [
        line(f"M{RIGHT} {y}H{x}v-10m0 -30v-8", "ink"),
        box(x - 6, y - 40, 12, 30, class_="ink-line"),
        line(f"M{x - 10} {y - 48}h20", "ink"),
        disc(x, y, 3, class_="ink-fill"),
        words(x + 16, y - 42, "3.3 V", font_size=12),
        words(x + 16, y - 22, "pull-up", font_size=12, class_="quiet-fill"),
    ]


def _output(y: float) -> list[ET.Element]:
    x = LEFT + 90
    return [
        line(f"M{RIGHT} {y}H{x + 26}M{x} {y - 16}v32l26 -16z", "ink"),
        words(x - 8, y + 5, "output", font_size=12, class_="quiet-fill", text_anchor="end"),
    ]


def _switch(name: str, y: float) -> list[ET.Element]:
    """A push button that makes contact while it is pressed."""
    one, other = START + 90, START + 160
    middle = (one + other) / 2
    return [
        words(middle, y - 38, name, text_anchor="middle"),
        line(f"M{START} {y}H{one - 4}M{other + 4} {y}H{DOWN}", "ink"),
        line(f"M{one - 4} {y - 12}H{other + 4}M{middle} {y - 12}v-16m-9 0h18", "ink"),
        *(disc(x, y, 4, class_="ink-line", stroke_width=2) for x in (one, other)),
    ]


def _led(y: float) -> list[ET.Element]:
    resistor, diode = START + 40, START + 166
    arrow = "l14 -14m-7 1l7 -1l-1 7"
    return [
        line(f"M{START} {y}h40M{resistor + 64} {y}H{diode}M{diode + 30} {y}H{DOWN}", "ink"),
        box(resistor, y - 11, 64, 22, class_="ink-line"),
        words(resistor + 32, y - 20, "R1", text_anchor="middle"),
        words(resistor + 32, y + 30, "330 Ω", text_anchor="middle"),
        words(diode + 15, y + 36, "D1", text_anchor="middle"),
        element("path", d=f"M{diode} {y - 16}v32l30 -16z", class_="led-fill"),
        line(f"M{diode} {y - 16}v32l30 -16zM{diode + 30} {y - 16}v32", "ink"),
        line(f"M{diode + 10} {y - 20}{arrow}M{diode + 26} {y - 20}{arrow}", "ink", 1.5),
    ]
