"""Lets a person begin late, and brings them into time again in their next pause - pure."""

from typing import Final

from appliance.media import pcm
from appliance.media.pcm import BLOCK_BYTES
from appliance.media.stretch import period, shorten

_PAUSE: Final = 5  # blocks; what follows of a pause is left out
_LATE: Final = 10 * BLOCK_BYTES  # 100 ms; what is later runs faster
_REST: Final = 2  # blocks from one cut to the next: a quarter to a half faster
_MOST: Final = 25 * BLOCK_BYTES  # that wait, 250 ms; what is too much is left out
_SILENT: Final = 1e-6  # mean square, -60 dBFS
_BELOW: Final = 10 ** (-30 / 10)  # times how loud the person is; a room may be noisy
_FORGET: Final = 10 ** (-0.03 / 10)  # for each block: 3 dB a second


class CatchUp:
    """Mono s16le at 48 kHz in blocks of 10 ms, up to 0.24 s late. Not thread-safe.

    Words whose pace changes are understood less, so that only what is more than 0.1 s late runs
    faster, until it is no more. Of a pause, 30 dB below the voice or below -60 dBFS, what follows
    the first 50 ms is left out until the sound is in time.
    """

    def __init__(self) -> None:
        self._waiting = b""
        self._blocks = 0
        self._silent = 0  # blocks in a row
        self._loudest = 0.0  # mean square of a block, lately

    def put(self, block: bytes) -> None:
        """Put it (960 bytes) behind what waits."""
        self._waiting = (self._waiting + block)[-_MOST:]

    def replace(self, blocks: int) -> None:
        """Leave out so many silent blocks of those put last, as far as they still wait.

        Words come instead. A block that is not silent, the end of the words before, ends it.
        """
        while blocks and self._waiting and pcm.energy(self._waiting[-BLOCK_BYTES:]) < _SILENT:
            self._waiting = self._waiting[:-BLOCK_BYTES]
            blocks -= 1

    def pull(self) -> bytes:
        """Return 960 bytes, silence if nothing waits. Called as often as time has blocks."""
        self._blocks += 1
        self._leave_out_the_pause()
        if len(self._waiting) > _LATE + BLOCK_BYTES and self._blocks % _REST == 0:
            self._waiting = shorten(self._waiting, period(self._waiting))
        block, self._waiting = self._waiting[:BLOCK_BYTES], self._waiting[BLOCK_BYTES:]
        return block.ljust(BLOCK_BYTES, b"\0")

    def clear(self) -> None:
        """Leave out what waits."""
        self._waiting = b""

    def _leave_out_the_pause(self) -> None:
        while self._is_silent(pcm.energy(self._waiting[:BLOCK_BYTES])):
            self._silent += 1
            late = len(self._waiting) - BLOCK_BYTES
            if self._silent <= _PAUSE or late <= 0:
                return
            self._waiting = self._waiting[min(late, BLOCK_BYTES) :]
        self._silent = 0

    def _is_silent(self, energy: float) -> bool:
        self._loudest = max(energy, self._loudest * _FORGET)
        return energy < max(_SILENT, self._loudest * _BELOW)
