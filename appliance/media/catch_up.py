"""Lets sound begin late, and brings it into time again where nobody hears it - pure."""

from typing import Final

from appliance.media import pcm
from appliance.media.pcm import BLOCK_BYTES
from appliance.media.stretch import period, shorten

# Words that change their pace are understood less: of 432 phrases said into the machine's 49 were
# misunderstood, and 64 when all that was late ran faster (tests/bench `cut_in`, other walls).
_PAUSE: Final = 5  # blocks of silence; what follows of it is left out
_LATE: Final = 10 * BLOCK_BYTES  # 100 ms; what is later runs faster
_REST: Final = 2  # blocks from one cut to the next: a quarter to a half faster
_MOST: Final = 25 * BLOCK_BYTES  # that wait, 250 ms; what is too much is left out
_SILENT: Final = 1e-6  # mean square, -60 dBFS


class CatchUp:
    """Mono s16le at 48 kHz in blocks of 10 ms, up to 0.25 s late. Not thread-safe.

    In time again after the next pause; what is more than 0.1 s late, by running faster.
    """

    def __init__(self) -> None:
        self._waiting = b""
        self._blocks = 0
        self._silent = 0  # blocks in a row

    def put(self, block: bytes) -> None:
        """Put it (960 bytes) behind what waits."""
        self._waiting = (self._waiting + block)[-_MOST:]

    def take_back(self, blocks: int) -> None:
        """Leave out so many silent blocks of those put last, as far as they still wait."""
        while blocks and self._waiting and _silent(self._waiting[-BLOCK_BYTES:]):
            self._waiting = self._waiting[:-BLOCK_BYTES]
            blocks -= 1

    def pull(self) -> bytes:
        """Return 960 bytes, silence if nothing waits. Called as often as time has blocks."""
        self._blocks += 1
        self._leave_out_the_pause()
        if len(self._waiting) > _LATE + BLOCK_BYTES and self._blocks % _REST == 0:
            self._hurry()
        block, self._waiting = self._waiting[:BLOCK_BYTES], self._waiting[BLOCK_BYTES:]
        return block.ljust(BLOCK_BYTES, b"\0")

    def clear(self) -> None:
        """Leave out what waits."""
        self._waiting = b""

    def _leave_out_the_pause(self) -> None:
        while _silent(self._waiting[:BLOCK_BYTES]):
            self._silent += 1
            if self._silent <= _PAUSE or len(self._waiting) <= BLOCK_BYTES:
                return
            self._waiting = self._waiting[BLOCK_BYTES:]
        self._silent = 0

    def _hurry(self) -> None:
        """Leave out a period of the voice."""
        by = period(self._waiting)
        if by and len(self._waiting) >= max(4 * by, 2 * by + BLOCK_BYTES):
            self._waiting = shorten(self._waiting, by)


def _silent(sound: bytes) -> bool:
    return not sound or pcm.energy(sound) < _SILENT
