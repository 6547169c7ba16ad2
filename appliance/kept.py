"""Keeps a number over a restart, until the configuration says something new."""

import asyncio
import logging
from pathlib import Path

import msgspec

from appliance import durable
from appliance.errors import DeviceError

log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True):
    """`configured`: what the configuration said when `chosen` was chosen instead."""

    configured: int
    chosen: int


def recall(path: Path, configured: int, lowest: int, highest: int) -> int:
    """Return the number chosen last, or the configured one if that was changed since. Blocks."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return configured
    chosen = min(max(kept.chosen, lowest), highest)
    return chosen if kept.configured == configured else configured


def keep(path: Path, configured: int, chosen: int) -> bool:
    """Write it down so that a power cut leaves the old or the new; whether it could. Blocks."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, msgspec.json.encode(_Kept(configured, chosen)), 0o600)
    except OSError as error:
        log.warning("%s cannot be kept in %s: %s.", path.stem, path.parent, error.strerror)
        return False
    return True


class Keeper:
    """Keeps the newest choice of one number, whoever chooses how often. Loop thread only."""

    def __init__(self, path: Path, configured: int) -> None:
        self._path = path
        self._configured = configured
        self._chosen = configured
        self._writing = asyncio.Lock()
        self._written = asyncio.Event()
        self._written.set()
        self._kept = True

    def choose(self, chosen: int) -> None:
        """Note a choice; `write` has to follow."""
        self._chosen = chosen
        self._written.clear()

    async def write(self) -> None:
        """Write the newest choice down. One at a time, so that an older one never comes last.

        A thread cannot be cancelled: what it writes is waited for by whoever writes next.
        """
        await asyncio.shield(self._write())

    async def _write(self) -> None:
        async with self._writing:
            chosen = self._chosen
            kept = await asyncio.to_thread(keep, self._path, self._configured, chosen)
            if chosen == self._chosen:
                self._kept = kept
                self._written.set()

    async def settled(self, limit: float) -> None:
        """Return once the newest choice survives a power cut.

        Raises DeviceError if it cannot be kept, or not within `limit` seconds.
        """
        try:
            async with asyncio.timeout(limit):
                await self._written.wait()
        except TimeoutError:
            raise DeviceError(
                "It is done, but not yet kept: a power cut may take it back.",
                "Do it again; if this comes again, the memory card is too slow or worn out.",
            ) from None
        if not self._kept:
            raise DeviceError(
                f"It is done, but cannot be kept in {self._path.parent}: a restart takes it back.",
                "Look whether the memory card is full or read-only: voice-appliance doctor",
            )
