"""Keeps the volume over a restart, until the configuration says something new."""

import logging
import os
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True):
    """`configured`: what the configuration said when `volume` was chosen instead."""

    configured: int
    volume: int


def recall(path: Path, configured: int) -> int:
    """Return the volume chosen last, or the configured one if that was changed since. Blocks."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return configured
    return min(max(kept.volume, 0), 100) if kept.configured == configured else configured


def keep(path: Path, configured: int, volume: int) -> None:
    """Write it down so that a power cut leaves the old or the new. Blocks; never raises."""
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(msgspec.json.encode(_Kept(configured, volume)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        log.warning("The volume cannot be kept in %s: %s.", path.parent, error.strerror)
