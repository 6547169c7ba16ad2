"""Watches power and heat of the board: too little voltage, or too hot, becomes a problem."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.core.events import BoardChanged, Event
from appliance.core.model import Problem
from appliance.hardware.hwmon import ALARM_TIME, SLOWED_DOWN, SYS, Board, read_board
from appliance.messages import BOARD_WELL, PROBLEMS

log = logging.getLogger(__name__)

SEARCH_PAUSE: Final = 60.0  # s between looks for sensors; their drivers may be loaded after us
CALM_TIME: Final = 60.0  # s without the alarm after which the supply is trusted again
COOL: Final = SLOWED_DOWN - 5.0  # °C; between the two it stays what it was

UNDERVOLTAGE: Final = Problem(
    "power",
    "The power supply gives too little voltage; the processor is slowed down.",
    "Use the supply made for this Pi and a short cable, and unplug what it need not feed.",
)
HEAT: Final = Problem(
    "power",
    "The processor is too hot and is slowed down.",
    "Give it air: a heat sink, a fan, a larger or open case.",
)


class Strain:
    """What the readings mean, told late enough not to flicker. Knows no clock."""

    def __init__(self) -> None:
        self.undervoltages = 0  # times that the supply was found too weak, after it was trusted
        self.problem: Problem | None = None
        self._weak_until: float | None = None
        self._hot = False

    def feed(self, board: Board, now: float) -> Problem | None:
        """Take a reading at `now` (s) and return what is wrong. What is not known is not wrong."""
        if board.undervoltage:
            self.undervoltages += self._weak_until is None
            self._weak_until = now + CALM_TIME
        elif self._weak_until is not None and now >= self._weak_until:
            self._weak_until = None
        self._hot = board.celsius is not None and board.celsius >= (
            COOL if self._hot else SLOWED_DOWN
        )
        weak = self._weak_until is not None
        self.problem = UNDERVOLTAGE if weak else HEAT if self._hot else None
        return self.problem


class PowerWatch:
    """Reads the sensors for ever, posts and logs changes. Loop thread only."""

    def __init__(self, post: Callable[[Event], None], sys: Path = SYS) -> None:
        """`sys`: where sysfs is."""
        self.board = Board()
        self.strain = Strain()
        self._post = post
        self._sys = sys

    async def run(self) -> None:
        """Look as often as the kernel does: its alarm tells of the time since its last look."""
        loop = asyncio.get_running_loop()
        while True:
            before = self.strain.problem
            self.board = read_board(self._sys)
            problem = self.strain.feed(self.board, loop.time())
            if problem != before:
                self._tell(problem)
            await asyncio.sleep(ALARM_TIME if self.board != Board() else SEARCH_PAUSE)

    def _tell(self, problem: Problem | None) -> None:
        if problem is None:
            log.info("Power and heat are right again.", extra={"MESSAGE_ID": BOARD_WELL})
        else:
            extra = {"PROBLEM": problem.kind, "MESSAGE_ID": PROBLEMS[problem.kind]}
            log.warning("%s %s", problem.cause, problem.cure, extra=extra)
        self._post(BoardChanged(problem))
