"""What the daemon asks for its process is so afterwards, each in a process of its own."""

import subprocess
import sys

import pytest

from appliance.tuning import LONGEST, SHORTEST, TIMER_SLACK, switch_interval

ALLOCATION = """
import threading
from pathlib import Path
from appliance.tuning import return_memory

def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

return_memory()
before = resident()

def picture() -> None:
    pieces = [bytearray(100_000) for _ in range(300)]  # 30 MB, as the rows of a large picture
    pieces[::2] = []

for _ in range(4):
    thread = threading.Thread(target=picture)
    thread.start()
    thread.join()
print((resident() - before) // 1_000_000)
"""

SEALED = """
import ctypes
from appliance.tuning import seal_memory

dumpable = lambda: ctypes.CDLL(None).prctl(3)  # PR_GET_DUMPABLE
before = dumpable()
seal_memory()
print(before, dumpable())
"""

SOUND = """
import ctypes, sys, threading
from appliance.tuning import give_way_to_sound

give_way_to_sound()
print(sys.getswitchinterval())
slack = lambda: print(ctypes.CDLL(None).prctl(30))  # PR_GET_TIMERSLACK
thread = threading.Thread(target=slack)
thread.start()
thread.join()
"""


def told(program: str) -> list[float]:
    """Return the numbers that a program prints."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=20
    )
    return [float(word) for word in done.stdout.split()]


def test_memory_of_pictures_goes_back_to_the_system() -> None:
    assert told(ALLOCATION)[0] < 5


def test_sealed_memory_is_not_to_be_dumped() -> None:
    assert told(SEALED) == [1, 0]


def test_threads_that_begin_later_are_woken_in_time_and_let_in_soon() -> None:
    interval, slack = told(SOUND)
    assert interval * 1.0001 >= SHORTEST
    assert interval <= LONGEST * 1.0001
    assert slack == TIMER_SLACK


@pytest.mark.parametrize(("waking", "interval"), [(1e-6, SHORTEST), (8e-5, 8e-5), (0.01, LONGEST)])
def test_interval_is_what_a_thread_needs_to_wake(waking: float, interval: float) -> None:
    assert switch_interval(waking) == interval
