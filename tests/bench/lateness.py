"""How late this computer is by itself, whatever the processes do that are measured on it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final

_NAP_S: Final = 0.01  # as often as a card asks for a block
_PRIORITY: Final = 2  # of SCHED_RR; what `processes.at_once` puts before all others has 1


class Lateness:
    """A thread on each processor that only sleeps, and sees how late it is woken.

    As root it runs before card, room and appliance: then none of them can make it late.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        """The longest that one was late so far, s."""
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"lateness-{number}")
            for number in os.sched_getaffinity(0)
        ]

    def start(self) -> None:
        """Begin to measure."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Measure no longer; returns when the threads have ended."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, processor: int) -> None:
        thread = threading.get_native_id()
        os.sched_setaffinity(thread, {processor})
        with suppress(PermissionError):
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(_PRIORITY))
        due = monotonic() + _NAP_S
        while not self._ended.wait(_NAP_S):
            self.longest = max(self.longest, monotonic() - due)
            due = monotonic() + _NAP_S


@contextmanager
def lateness() -> Iterator[Lateness]:
    """Measure until the context ends."""
    measured = Lateness()
    measured.start()
    try:
        yield measured
    finally:
        measured.end()
