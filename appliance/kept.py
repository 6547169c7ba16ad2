"""Keeps a number over a restart, until the configuration says something new."""

import logging
import os
from pathlib import Path

import msgspec

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


def keep(path: Path, configured: int, chosen: int) -> None:
    """Write it down so that a power cut leaves the old or the new. Blocks; never raises."""
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(msgspec.json.encode(_Kept(configured, chosen)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        log.warning("%s cannot be kept in %s: %s.", path.stem, path.parent, error.strerror)
