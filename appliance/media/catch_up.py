"""Lets sound begin late, and run faster until it is in time again - pure."""

from typing import Final

from appliance.media import pcm
from appliance.media.pcm import BLOCK_BYTES
from appliance.media.stretch import period, shorten

_REST: Final = 2  # blocks from one cut to the next: a quarter to a half faster
_MOST: Final = 25 * BLOCK_BYTES  # that wait, 250 ms; what is too much is left out
_SILENT: Final = 1e-6  # mean square, -60 dBFS; a block with less is left out


class CatchUp:
    """Mono s16le at 48 kHz in blocks of 10 ms. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting = b""
        self._blocks = 0

    def put(self, block: bytes) -> None:
        """Put it (960 bytes) behind what waits."""
        self._waiting = (self._waiting + block)[-_MOST:]

    def pull(self) -> bytes:
        """Return 960 bytes, silence if nothing waits. Called as often as time has blocks."""
        self._blocks += 1
        if len(self._waiting) > BLOCK_BYTES and self._blocks % _REST == 0:
            self._hurry()
        block, self._waiting = self._waiting[:BLOCK_BYTES], self._waiting[BLOCK_BYTES:]
        return block.ljust(BLOCK_BYTES, b"\0")

    def clear(self) -> None:
        """Leave out what waits."""
        self._waiting = b""

    def _hurry(self) -> None:
        """Leave out a silent block, or a period of the voice."""
        if pcm.energy(self._waiting[:BLOCK_BYTES]) < _SILENT:
            self._waiting = self._waiting[BLOCK_BYTES:]
            return
        by = period(self._waiting)
        if by and len(self._waiting) >= max(4 * by, 2 * by + BLOCK_BYTES):
            self._waiting = shorten(self._waiting, by)
