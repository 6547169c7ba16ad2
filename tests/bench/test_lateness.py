"""Who was held up by the computer knows for how long."""

import ctypes

from tests.bench.lateness import lateness

HELD_UP_US = 80_000


def test_thread_that_is_not_let_in_says_how_long() -> None:
    with lateness() as measured:
        # PyDLL keeps the interpreter for itself meanwhile: nobody else runs.
        ctypes.PyDLL(None).usleep(HELD_UP_US)
    assert measured.longest >= (HELD_UP_US / 1e6) / 2
