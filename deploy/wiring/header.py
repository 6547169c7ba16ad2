"""Which pin of the 40-pin header each wire goes to."""

from dataclasses import dataclass
from typing import Final

from gpiozero import PiBoardInfo

from appliance.config import PanelConfig

ROWS: Final = 20
GROUND: Final = "GND"
FIVE_VOLTS: Final = "5V"
PI_4B: Final = 0xC03111  # a revision; the 40-pin header is the same on every Pi since 2014


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin of the header: its number (1 to 40) and what it is ("GPIO17", "GND", "5V")."""

    number: int
    name: str

    @property
    def row(self) -> int:
        """From 0, at the SD card's end, to 19."""
        return (self.number - 1) // 2

    @property
    def outer(self) -> bool:
        """Whether it is in the row at the edge of the board."""
        return self.number % 2 == 0

    @property
    def label(self) -> str:
        """How the guide calls it."""
        return f"pin {self.number} · {'ground' if self.name == GROUND else self.name}"


@dataclass(frozen=True, slots=True)
class Wired:
    """A part and its two pins. `role` is that of the setting: "call", "photo" or "led"."""

    role: str
    signal: Pin
    ground: Pin


def header() -> tuple[Pin, ...]:
    """Return all 40 pins, by number; the names are gpiozero's."""
    pins = PiBoardInfo.from_revision(PI_4B).headers["J8"].pins
    return tuple(Pin(number, pins[number].name) for number in sorted(pins))


def wired(panel: PanelConfig) -> tuple[Wired, ...]:
    """Return the parts of this panel, each with a ground pin of its own, the nearest that is free.

    Raises ValueError for a panel that the pictures cannot show.
    """
    if panel.pull != "up" or not panel.led_active_high or panel.led == "rgb":
        raise ValueError("The pictures show buttons to ground and one LED that its pin drives.")
    pins = {pin.name: pin for pin in header() if pin.name != GROUND}
    free = [pin for pin in header() if pin.name == GROUND]
    parts = []
    for role in ("call", "photo", "led"):
        signal = pins[f"GPIO{getattr(panel, f'{role}_pin')}"]
        ground = min(free, key=lambda pin: (_distance(pin, signal), pin.number))
        free.remove(ground)
        parts.append(Wired(role, signal, ground))
    return tuple(parts)


def _distance(one: Pin, other: Pin) -> int:
    return (one.row - other.row) ** 2 + (one.outer - other.outer) ** 2
