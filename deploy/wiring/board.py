"""The picture: the board with its header, and the parts as they look."""

from typing import Final
from xml.etree import ElementTree as ET

from deploy.wiring.header import FIVE_VOLTS, ROWS, Pin, Wired, header
from deploy.wiring.svg import box, disc, element, line, picture, words

SIZE: Final = (900, 750)
PITCH, RADIUS = 28, 10  # px, from pin to pin; of a pin
INNER, FIRST = 232, 92  # px: the inner row's x, the first pin's y
EDGE: Final = INNER + PITCH + 22  # of the board
BEND, STRAIGHT, END = 330, 480, 630  # px: where a wire leaves the board, has arrived, ends
SLOTS: Final = {"call": (112, 164), "photo": (292, 344), "led": (490, 542)}  # y of a part's ends
NAMES: Final = {"call": "Call button", "photo": "Photo button", "led": "LED"}
BANDS: Final = ("#e8730c", "#e8730c", "#7a3b12", "#c9a227")  # 330 Ω, 5 %: IEC 60062


def told(parts: tuple[Wired, ...]) -> str:
    """Say what goes where."""
    return (
        "The Raspberry Pi seen from above, its 40-pin header at the right edge, pin 1 at the top, "
        "where the SD card is, the USB sockets at the bottom. "
        + " ".join(
            f"{NAMES[part.role]}{' with its 330 Ω resistor' if part.role == 'led' else ''}: "
            f"{part.signal.label} and {part.ground.label}."
            for part in parts
        )
    )


def board(parts: tuple[Wired, ...]) -> str:
    """Return the picture of these parts on the header."""
    drawn = [*_board()]
    ends = {}
    for part, places in zip(sorted(parts, key=_height), SLOTS.values(), strict=True):
        pins = sorted((part.signal, part.ground), key=_level)
        ends[part.role] = dict(zip(pins, places, strict=True))
        drawn += [
            _wire(pin, y, "ground" if pin == part.ground else part.role)
            for pin, y in ends[part.role].items()
        ]
    drawn += _pins({part.signal.number: part.role for part in parts}, parts)
    for part in parts:
        for pin, y in ends[part.role].items():
            drawn.append(words(END - 6, y - 9, pin.label, text_anchor="end"))
        signal, ground = ends[part.role][part.signal], ends[part.role][part.ground]
        draw = _led if part.role == "led" else _button
        drawn += draw(part.role, signal, ground)
    return picture(SIZE, "Buttons and LED on the Raspberry Pi's header", told(parts), drawn)


def _level(pin: Pin) -> float:
    """The y at which a wire leaves the header: an inner pin's goes between two outer ones."""
    return FIRST + PITCH * (pin.row + (0 if pin.outer else 0.5))


def _height(part: Wired) -> float:
    return min(_level(part.signal), _level(part.ground))


def _wire(pin: Pin, end: float, colour: str) -> ET.Element:
    x, y = INNER + PITCH * pin.outer, FIRST + PITCH * pin.row
    level, middle = _level(pin), (BEND + STRAIGHT) / 2
    start = f"M{x} {y}"
    if not pin.outer:
        start += f"C{x + 8} {y + 2} {x + 8} {level:g} {x + 20} {level:g}"
    curve = f"H{BEND}C{middle:g} {level:g} {middle:g} {end} {STRAIGHT} {end}H{END}"
    return line(start + curve, colour, 4, stroke_linecap="round")


def _pins(used: dict[int, str], parts: tuple[Wired, ...]) -> list[ET.Element]:
    used |= {part.ground.number: "ground" for part in parts}
    drawn = []
    for pin in header():
        x, y = INNER + PITCH * pin.outer, FIRST + PITCH * pin.row
        colour = used.get(pin.number, "danger" if pin.name == FIVE_VOLTS else "brass")
        kind = f"{colour}-fill"
        side = 2 * RADIUS
        drawn += [
            box(x - RADIUS, y - RADIUS, side, side, class_=kind)
            if pin.number == 1
            else disc(x, y, RADIUS, class_=kind),
            words(
                x,
                y + 4,
                str(pin.number),
                class_="number-fill" if colour == "brass" else "paper-fill",
                font_size=11,
                font_weight="bold",
                text_anchor="middle",
            ),
        ]
    return drawn


def _board() -> list[ET.Element]:
    bottom = FIRST + PITCH * (ROWS - 1)
    left, top, floor, middle = 24, 40, bottom + 92, 122
    strip = (INNER - 16, FIRST - 16, PITCH + 32, bottom - FIRST + 32)
    bracket = f"M{EDGE + 8} {FIRST - 8}h6v{PITCH + 16}h-6"
    return [
        box(middle - 32, 24, 64, 30, rx=3, class_="metal-fill"),
        words(middle, 20, "SD card", text_anchor="middle", class_="quiet-fill", font_size=12),
        box(left, top, EDGE - left, floor - top, rx=12, class_="board-fill"),
        box(left, top, EDGE - left, floor - top, rx=12, class_="quiet-line"),
        *(disc(x, y, 7, class_="paper-fill") for x in (44, EDGE - 16) for y in (60, bottom + 36)),
        *(box(x, floor - 34, 90, 56, rx=3, class_="metal-fill") for x in (48, 166)),
        words((left + EDGE) / 2, floor - 46, "USB sockets", text_anchor="middle"),
        words(middle, 330, "Raspberry Pi", text_anchor="middle", font_size=18),
        words(middle, 352, "seen from above", text_anchor="middle", class_="quiet-fill"),
        box(*strip, rx=4, class_="socket-fill"),
        words(INNER - 22, FIRST + 5, "pin 1", text_anchor="end"),
        line(bracket, "danger"),
        words(EDGE + 22, FIRST + PITCH / 2 + 5, "5 V: leave free", class_="danger-fill"),
    ]


def _caption(x: float, y: float, title: str, *lines: str) -> list[ET.Element]:
    quiet = {"class_": "quiet-fill", "font_size": 13}
    below = (words(x, y + 20 * row, text, **quiet) for row, text in enumerate(lines, 1))
    return [words(x, y, title, font_weight="bold", font_size=16), *below]


def _button(role: str, signal: float, ground: float) -> list[ET.Element]:
    middle = (signal + ground) / 2
    return [
        *(box(END - 4, y - 5, 22, 10, rx=2, class_="metal-fill") for y in (signal, ground)),
        box(END + 16, middle - 48, 96, 96, rx=10, class_="body-fill"),
        box(END + 16, middle - 48, 96, 96, rx=10, class_="quiet-line"),
        disc(END + 64, middle, 32, class_=f"{role}-fill"),
        disc(END + 64, middle, 32, class_="quiet-line"),
        *_caption(END + 126, middle - 10, NAMES[role], "either way round"),
    ]


def _led(role: str, signal: float, ground: float) -> list[ET.Element]:
    resistor, rim, middle = END, END + 150, (signal + ground) / 2
    bands = (
        box(resistor + 14 + 13 * at, signal - 9, 6, 18, fill=colour)
        for at, colour in enumerate(BANDS)
    )
    dome = f"M{rim + 12} {middle - 40}h34a40 40 0 0 1 0 80h-34z"
    flat = (-46, 84) if signal < ground else (-38, 84)  # the rim lacks a piece where the cathode is
    small = {"font_size": 12, "class_": "quiet-fill"}
    return [
        line(f"M{END} {signal}H{rim}M{END} {ground}H{rim}", "metal", 4),
        box(resistor, signal - 9, 74, 18, rx=8, class_="resistor-fill"),
        *bands,
        element("path", d=dome, class_="light-fill", opacity=0.85),
        element("path", d=dome, class_="quiet-line"),
        box(rim, middle + flat[0], 12, flat[1], class_="light-fill"),
        box(rim, middle + flat[0], 12, flat[1], class_="quiet-line"),
        words(resistor + 37, signal - 18, "330 Ω", text_anchor="middle"),
        words(rim - 6, signal - 9, "long leg", text_anchor="end", **small),
        words(rim - 6, ground + 20, "short leg, flat side of the rim", text_anchor="end", **small),
        *_caption(END, max(signal, ground) + 62, NAMES[role], "always with its resistor"),
    ]
