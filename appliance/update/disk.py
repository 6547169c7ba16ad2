"""The updater's folder on a real disk."""

import hashlib
import shutil
from pathlib import Path

from typing_extensions import override

from appliance import durable
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
    def keep(self, name: str, data: bytes) -> None:
        durable.write(self.path / name, data, 0o644)  # anybody may know what is installed

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
        durable.sync(self.path / name)

    @override
    def rename(self, name: str, new: str) -> None:
        (self.path / name).replace(self.path / new)

    @override
    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    @override
    def sync_folder(self) -> None:
        durable.sync(self.path)

    @override
    def free(self) -> tuple[int, int]:
        return shutil.disk_usage(self.path).free, shutil.disk_usage(self._target).free


def holds(disk: Disk, package: Package) -> bool:
    """Return whether the package file is there and is the right one."""
    return disk.size(package.file) == package.size and disk.sha256(package.file) == package.sha256
