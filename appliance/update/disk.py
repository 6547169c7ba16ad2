"""The updater's folder on a real disk."""

import hashlib
import os
import shutil
from pathlib import Path

from typing_extensions import override

from appliance.update.ports import Disk
from appliance.update.state import Package


class Folder(Disk):
    """Files in `path`, which exists. `target` is where packages are installed."""

    def __init__(self, path: Path, target: Path = Path("/usr")) -> None:
        self.path = path
        self._target = target

    @override
    def names(self) -> list[str]:
        return sorted(each.name for each in self.path.iterdir())

    @override
    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    @override
    def write(self, name: str, data: bytes) -> None:
        (self.path / name).write_bytes(data)
        (self.path / name).chmod(0o644)  # anybody may know what is installed

    @override
    def append(self, name: str, data: bytes) -> None:
        with (self.path / name).open("ab") as file:
            file.write(data)

    @override
    def size(self, name: str) -> int:
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            return 0

    @override
    def sha256(self, name: str) -> str:
        try:
            with (self.path / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return ""

    @override
    def sync(self, name: str) -> None:
        self._sync(self.path / name)

    @override
    def rename(self, name: str, new: str) -> None:
        (self.path / name).replace(self.path / new)

    @override
    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    @override
    def sync_folder(self) -> None:
        self._sync(self.path)

    @override
    def free(self) -> tuple[int, int]:
        return shutil.disk_usage(self.path).free, shutil.disk_usage(self._target).free

    @staticmethod
    def _sync(path: Path) -> None:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def keep(disk: Disk, name: str, data: bytes) -> None:
    """Write a small file so that a power cut leaves the old one or the new one, and no half."""
    disk.write(f"{name}.new", data)
    disk.sync(f"{name}.new")
    disk.rename(f"{name}.new", name)
    disk.sync_folder()


def holds(disk: Disk, package: Package) -> bool:
    """Return whether the package file is there and is the right one."""
    return disk.size(package.file) == package.size and disk.sha256(package.file) == package.sha256
