"""The linear echo canceller of libspeexdsp: it takes the echo out and leaves the person in."""

import ctypes

import numpy as np

from appliance.media.bands import WIDE_BLOCK, WIDE_RATE, Block

_LIBRARY = "libspeexdsp.so.1"
_TAIL = 0.256  # s of the room's answer
_SET_SAMPLING_RATE = 24  # speex_echo.h


class LinearCanceller:
    """Adapts to one room. Any thread, one at a time; calls leave the interpreter's lock."""

    def __init__(self) -> None:
        """Raises OSError if libspeexdsp is missing."""
        self._library = ctypes.CDLL(_LIBRARY)
        begin = self._library.speex_echo_state_init
        begin.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(begin(WIDE_BLOCK, round(_TAIL * WIDE_RATE)))
        rate = ctypes.c_int(WIDE_RATE)
        self._library.speex_echo_ctl(self._state, _SET_SAMPLING_RATE, ctypes.byref(rate))

    def __del__(self) -> None:
        """Free the filter."""
        if getattr(self, "_state", None):
            self._library.speex_echo_state_destroy(self._state)

    def process(self, near: Block, far: Block) -> Block:
        """Return `near` without what is linear in `far`; 10 ms at 16 kHz each."""
        clean = np.empty(WIDE_BLOCK, np.int16)
        self._library.speex_echo_cancellation(self._state, *map(_address, (near, far, clean)))
        return clean


def _address(block: Block) -> ctypes.c_void_p:
    if len(block) != WIDE_BLOCK or not block.flags.c_contiguous:
        raise ValueError(f"a block has {WIDE_BLOCK} samples in a row")
    return ctypes.c_void_p(block.ctypes.data)
