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
        self._cancel = self._library.speex_echo_cancellation
        self._cancel.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
        self._cancel.restype = None
        self._clean = ctypes.create_string_buffer(2 * WIDE_BLOCK)

    def __del__(self) -> None:
        """Free the filter."""
        if getattr(self, "_state", None):
            self._library.speex_echo_state_destroy(self._state)

    def process(self, near: Block, far: Block) -> Block:
        """Return `near` without what is linear in `far`; 10 ms at 16 kHz each."""
        if not len(near) == len(far) == WIDE_BLOCK:
            raise ValueError(f"a block has {WIDE_BLOCK} samples")
        self._cancel(self._state, near.tobytes(), far.tobytes(), self._clean)
        return np.frombuffer(self._clean.raw, np.int16)
