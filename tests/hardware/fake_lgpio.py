"""lgpio, as far as gpiozero uses it, on the fake kernel: it fails as lgpio 0.2.2 does."""

from dataclasses import dataclass, field

from tests.hardware.gpio_kernel import FakeChip, Kernel

OUT, UP, DOWN = 2, 32, 64  # of gpio_get_mode


class error(Exception):  # noqa: N801, N818 - lgpio's name
    """Raised for every failure."""


@dataclass
class Line:
    """A claimed line."""

    mode: int = 0
    level: int = 0
    duty: float | None = None


@dataclass
class OpenChip:
    """What a handle stands for."""

    number: int
    chip: FakeChip
    lines: dict[int, Line] = field(default_factory=dict)


class FakeLgpio:
    """Stands for the module."""

    error = error
    SET_PULL_UP, SET_PULL_DOWN, SET_PULL_NONE = UP, DOWN, 128
    RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.open: dict[int, OpenChip] = {}
        self._handles = 0

    # What gpiozero calls

    def gpiochip_open(self, number: int) -> int:
        name = f"gpiochip{number}"
        if name not in self.kernel.chips:
            raise error("can not open gpiochip")
        self._handles += 1
        self.open[self._handles] = OpenChip(number, self.kernel.chips[name])
        return self._handles

    def gpiochip_close(self, handle: int) -> None:
        if handle not in self.open:
            raise error("unknown handle")
        closed = self.open.pop(handle)
        for line in closed.lines:
            closed.chip.holders.pop(line, None)

    def _claim(self, handle: int, line: int, mode: int, level: int) -> None:
        opened = self.open[handle]
        ours = opened.lines.pop(line, None)
        if opened.chip not in self.kernel.chips.values():
            raise error("unexpected error")
        if ours is None and opened.chip.held(line):
            raise error("GPIO busy")
        opened.chip.holders[line] = "lg"
        opened.lines[line] = Line(mode, level)

    def gpio_claim_input(self, handle: int, line: int, flags: int = 0) -> None:
        self._claim(handle, line, flags, int(bool(flags & UP)))

    def gpio_claim_output(self, handle: int, line: int) -> None:
        self._claim(handle, line, OUT, 0)

    def gpio_free(self, handle: int, line: int) -> None:
        opened = self.open[handle]
        if opened.lines.pop(line, None) is None:
            raise error("GPIO not allocated")
        opened.chip.holders.pop(line, None)

    def gpio_get_mode(self, handle: int, line: int) -> int:
        return self._line(handle, line, "bad GPIO mode").mode

    def gpio_read(self, handle: int, line: int) -> int:
        return self._line(handle, line, "bad GPIO read").level

    def gpio_write(self, handle: int, line: int, level: int) -> None:
        self._line(handle, line, "bad GPIO write").level = int(level)

    def gpio_set_debounce_micros(self, handle: int, line: int, micros: int) -> None:
        self._line(handle, line, "GPIO not allocated")

    def tx_pwm(self, handle: int, line: int, frequency: float, duty: float) -> None:
        if line in self.open[handle].lines:  # it never looks whether the chip is there
            self.open[handle].lines[line].duty = duty if frequency else None

    def _line(self, handle: int, line: int, complaint: str) -> Line:
        opened = self.open[handle]
        if opened.chip not in self.kernel.chips.values() or line not in opened.lines:
            raise error(complaint)
        return opened.lines[line]
