"""Replaces small files at once: a crash or a power cut leaves the old or the new, never half of it.

What is written takes the file's name only when it is on the disk (fsync(2), rename(2)). Everything
here blocks, and raises OSError. One writer per path: a second one at the same time would take the
temporary file from the first. For what runs at boot or as root: the standard library alone.
"""

import os
from pathlib import Path


def write(path: Path, data: bytes, mode: int | None) -> None:
    """Replace the file, or make it; its folder exists. On return it survives a power cut.

    `mode`: its permissions, whatever the umask says; it is never open to more than that on the way.
    None: a file system that knows none, such as FAT. If it raises, the old file stands, unless only
    the folder could not be synced; what may lie beside it then, the next write takes away.
    """
    new = _temporary(path)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if mode is None else mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    new.replace(path)
    sync(path.parent)


def link(path: Path, target: str) -> None:
    """Replace the symbolic link, or make it; see `write`."""
    new = _temporary(path)
    new.symlink_to(target)
    new.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Return when what the file holds, or which names the folder has, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> Path:
    """Return a free name beside it, hidden from programs that read all files of a folder."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    return new
