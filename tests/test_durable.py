"""Whatever step fails, or is the last before the power goes: the old or the new, and no half."""

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance import durable


class FailedError(BaseException):
    """Nothing runs after it."""


class System:
    """The calls that change a disk, in the order they came; the one numbered `fails` ends it.

    `synced`: how long what is on the disk is, by inode.
    """

    CALLS = ("unlink", "open", "fchmod", "fsync", "symlink", "replace")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: int | None = None) -> None:
        self.calls: list[str] = []
        self.synced: dict[int, int] = {}
        self._fails = fails
        for name in self.CALLS:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if len(self.calls) == self._fails:
                raise FailedError
            self.calls.append(name)
            if name == "fsync":
                found = os.fstat(arguments[0])
                self.synced[found.st_ino] = found.st_size
            elif name == "replace":
                self._replaced(*arguments)
            return real(*arguments, **options)

        return call

    def _replaced(self, new: Path, path: Path) -> None:
        if not new.is_symlink():
            found = new.stat()
            assert self.synced.get(found.st_ino) == found.st_size, "a cut may leave half a file"
        self.synced.pop(path.parent.stat().st_ino, None)


def content(path: Path) -> str:
    return path.read_text() if path.exists() else "none"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o440])
def test_file_has_the_data_and_the_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    before = os.umask(0o077)
    try:
        durable.write(path, b"one", mode)
        durable.write(path, b"two", mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == mode
    assert list(tmp_path.iterdir()) == [path]


def test_file_system_without_modes_is_not_asked_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = System(monkeypatch)
    durable.write(tmp_path / "file", b"one", None)
    assert "fchmod" not in system.calls


@pytest.mark.parametrize("old", ["old", "none"])
def test_write_that_ends_at_any_step_leaves_the_old_or_the_new(tmp_path: Path, old: str) -> None:
    left = list[str]()
    for last in range(100):
        path = tmp_path / str(last) / "file"
        path.parent.mkdir()
        if old == "old":
            path.write_text("old")
        with pytest.MonkeyPatch.context() as patch:
            system = System(patch, last)
            try:
                durable.write(path, b"new", 0o600)
            except FailedError:
                left.append(content(path))
            else:
                assert system.calls[-1] == "fsync"
                assert path.parent.stat().st_ino in system.synced
                break
        durable.write(path, b"newer", 0o600)  # what was left behind is in nobody's way
        assert [each.name for each in path.parent.iterdir()] == ["file"]
        assert content(path) == "newer"
    # The calls are unlink, open, fchmod, fsync, replace; open and fsync of the folder.
    assert left == [old] * 5 + ["new"] * 2


def test_link_that_ends_at_any_step_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    left = list[str]()
    for last in range(100):
        path = tmp_path / str(last) / "link"
        path.parent.mkdir()
        path.symlink_to("old")
        with pytest.MonkeyPatch.context() as patch:
            system = System(patch, last)
            try:
                durable.link(path, "new")
            except FailedError:
                left.append(str(path.readlink()))
            else:
                assert path.parent.stat().st_ino in system.synced
                break
        durable.link(path, "newer")
        assert [each.name for each in path.parent.iterdir()] == ["link"]
        assert str(path.readlink()) == "newer"
    # The calls are unlink, symlink, replace; open and fsync of the folder.
    assert left == ["old"] * 3 + ["new"] * 2


def test_disk_that_takes_a_part_only_leaves_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, b"old", 0o600)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            durable.write(path, b"new" * 1000, 0o600)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    durable.write(path, b"new" * 1000, 0o600)
    assert path.read_bytes() == b"new" * 1000


def test_secret_is_never_readable_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = list[int]()
    real = os.open

    def observed(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        return descriptor

    before = os.umask(0)
    monkeypatch.setattr(os, "open", observed)
    try:
        durable.write(tmp_path / "key", b"secret", 0o600)
    finally:
        os.umask(before)
    assert modes[0] == 0o600
