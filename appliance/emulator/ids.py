"""Ids in the shapes of the real service."""

import string
from collections.abc import Callable
from typing import Final

from typing_extensions import override

from appliance.emulator.wire import Ids

BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
# Recorded traffic, July 2026: prefix, "_" and 21 base62 characters that begin with a time stamp.
_LENGTH: Final = 21
_STAMP: Final = 5


class RandomIds(Ids):
    """Ids that sort roughly by time, as the service's do."""

    def __init__(self, bits: Callable[[int], int], clock: Callable[[], float]) -> None:
        """`bits(n)` gives n random bits, `clock()` the wall clock in seconds."""
        self._bits = bits
        self._clock = clock

    @override
    def make(self, kind: str) -> str:
        match kind:
            case "buffer_event":
                return f"event_{self._bits(64):016x}"
            case "call":
                return f"call_{self.padding(16)}"
            case _:
                return f"{kind}_{self.suffix()}"

    @override
    def padding(self, length: int) -> str:
        return "".join(BASE62[self._bits(16) % 62] for _ in range(length))

    def suffix(self) -> str:
        """The part a call and its session share: `rtc_u0_X` and `sess_u0_X`."""
        seconds, stamp = int(self._clock()), ""
        for _ in range(_STAMP):
            seconds, digit = divmod(seconds, 62)
            stamp = BASE62[digit] + stamp
        return stamp + self.padding(_LENGTH - _STAMP)
