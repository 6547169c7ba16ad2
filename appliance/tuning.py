"""What the daemon asks for its process: of the C library, the kernel and the interpreter."""

import ctypes
import sys
import time
from typing import Final

# Seconds after which a waiting thread may have the interpreter. CPython's default is 5 ms, and its
# wait begins anew whenever the lock was free in between, as it is at each turn of the loop: with
# 0.5 ms a busy loop kept the sound out for seconds, with 0.02 for 54 ms (tests/bench, engine).
SHORTEST: Final = 0.00002
LONGEST: Final = 0.0005  # where nothing wakes a thread in time
TIMER_SLACK: Final = 1000  # ns; Linux wakes a sleeper up to 50 us late, for others to wake with it
_TRIES: Final = 20  # of a sleep, of which the best counts: others may have work to do
PR_SET_TIMERSLACK: Final = 29  # linux/prctl.h
PR_SET_DUMPABLE: Final = 4
# mallopt(3): one pool; blocks from 64 kB on are the kernel's; of the top 128 kB are kept free.
MALLOC_OPTIONS: Final = {-8: 1, -3: 64 * 1024, -1: 128 * 1024}


def give_way_to_sound() -> None:
    """Let a waiting thread, the sound's, soon have the interpreter. Call before threads begin.

    It takes a millisecond. Elsewhere than on Linux sleepers are woken as late as they always are.
    """
    _prctl(PR_SET_TIMERSLACK, TIMER_SLACK)  # threads that begin later have it, too
    sys.setswitchinterval(switch_interval(min(_oversleep() for _ in range(_TRIES))))


def switch_interval(waking: float) -> float:
    """Return the seconds that suit a computer which takes so many to wake a thread.

    An emulated one that takes 80 us did half the work of two busy threads with 20 us between.
    """
    return min(max(SHORTEST, waking), LONGEST)


def _oversleep() -> float:
    began = time.perf_counter()
    time.sleep(SHORTEST)
    return time.perf_counter() - began - SHORTEST


def return_memory() -> None:
    """Have glibc give freed memory back; elsewhere, do nothing. Call it before threads begin.

    Sound, camera and network work on threads of their own, and glibc keeps a pool for each that
    grows with the largest picture and never shrinks: 100 MB after four photos, 91 with this.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in MALLOC_OPTIONS.items():
            mallopt(option, value)


def seal_memory() -> None:
    """Let no other process of this user look into our memory, where the key is; root still may.

    Elsewhere than on Linux, do nothing.
    """
    _prctl(PR_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> None:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, ctypes.c_ulong(value))
