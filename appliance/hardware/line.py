"""An input line of a GPIO chip, whose edges the kernel keeps for us with their times.

lgpio tells edges too, but its thread may sleep through the first claim of a line for good: it waits on a condition
without looking again (xWaitForSignal in lgPthAlerts.c, 0.2.2), so that on a busy machine one start in thirty heard no
press ever. And once awake it polls two thousand times a second.
"""  # noqa: E501

import asyncio
import os
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import Final

from appliance.hardware.gpiochip import CONSUMER, opened

BIAS: Final[Mapping[str, int]] = {"up": 1 << 8, "down": 1 << 9, "floating": 1 << 10}
"""GPIO_V2_LINE_FLAG_BIAS_* by the name that gpiozero has for the resistor."""
EDGES_KEPT: Final = 256  # that the kernel keeps while nobody reads; then the oldest goes

GET_LINE_HANDLE: Final = 0xC250B407  # GPIO_V2_GET_LINE_IOCTL
GET_VALUES: Final = 0xC010B40E  # GPIO_V2_LINE_GET_VALUES_IOCTL
# struct gpio_v2_line_request: offsets, consumer, flags (no attributes), lines, edges kept, fd
REQUEST: Final = struct.Struct("=256s32sQ24x240xII20xi")
VALUES: Final = struct.Struct("=QQ")  # struct gpio_v2_line_values: bits, mask
EVENT: Final = struct.Struct("=QI36x")  # struct gpio_v2_line_event: CLOCK_MONOTONIC in ns, id
_INPUT_BOTH_EDGES: Final = 1 << 2 | 1 << 4 | 1 << 5
_RISING: Final = 1  # GPIO_V2_LINE_EVENT_RISING_EDGE


class InputLine:
    """One line, ours until it is closed. Belongs to the running loop's thread."""

    def __init__(
        self, chip: Path, number: int, pull: str, changed: Callable[[int, bool], None]
    ) -> None:
        """Ask for the line. Raises OSError: EBUSY if another program holds it.

        `pull`: "up", "down" or "floating". `changed`: told of each edge, in its order: the kernel's
        time in nanoseconds of the monotonic clock, and whether the line went high.
        """
        flags = _INPUT_BOTH_EDGES | BIAS[pull]
        asked = REQUEST.pack(
            number.to_bytes(4, "little"), CONSUMER.encode(), flags, 1, EDGES_KEPT, 0
        )
        with opened(chip) as descriptor:
            *_, self._descriptor = REQUEST.unpack(ioctl(descriptor, GET_LINE_HANDLE, asked))
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._read)

    @property
    def high(self) -> bool:
        """Whether it is high now. Raises OSError if the chip is gone."""
        bits, _ = VALUES.unpack(ioctl(self._descriptor, GET_VALUES, VALUES.pack(0, 1)))
        return bool(bits & 1)

    def close(self) -> None:
        """Give the line back."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        told = b""
        with suppress(OSError):
            told = os.read(self._descriptor, EVENT.size * EDGES_KEPT)
        if not told:  # the chip is gone; who watches it closes us
            self._loop.remove_reader(self._descriptor)
        for at, edge in EVENT.iter_unpack(told):
            self._changed(at, edge == _RISING)
