"""What systemd-tmpfiles makes of folders and key, on a root of its own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.credentials import CREDENTIAL
from tests.pages import ROOT

FOLDER = ROOT / "systemd"
TMPFILES = FOLDER / "voice-appliance.tmpfiles"

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-tmpfiles") is None
    or shutil.which("systemd-sysusers") is None
    or os.geteuid() != 0,
    reason="needs systemd-tmpfiles, systemd-sysusers, and root to give files away",
)


def make(root: Path) -> None:
    """Do what the package does at its installation."""
    (root / "etc").mkdir(exist_ok=True)
    for tool, words, file in (
        ("systemd-sysusers", [], FOLDER / "voice-appliance.sysusers"),
        ("systemd-tmpfiles", ["--create"], TMPFILES),
    ):
        done = subprocess.run(  # noqa: S603 - a fixed command on an empty root
            [str(shutil.which(tool)), *words, "--root", str(root), str(file)],
            capture_output=True, text=True, timeout=15, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_folders_are_made_and_only_the_state_is_the_services(tmp_path: Path) -> None:
    make(tmp_path)
    settings, state = tmp_path / "etc/voice-appliance", tmp_path / "var/lib/voice-appliance"
    assert (mode(settings), settings.stat().st_uid) == (0o755, 0)
    assert mode(state) == 0o700
    passwd = (tmp_path / "etc/passwd").read_text().splitlines()
    (user,) = (line.split(":") for line in passwd if line.startswith("voice-appliance:"))
    assert state.stat().st_uid == int(user[2])


@pytest.mark.parametrize("name", [CREDENTIAL, f"{CREDENTIAL}.cred"])
def test_key_is_roots_alone_however_it_was_copied(tmp_path: Path, name: str) -> None:
    key = tmp_path / "etc/voice-appliance" / name
    key.parent.mkdir(parents=True)
    key.write_text("key")
    key.chmod(0o644)
    os.chown(key, 1000, 1000)
    make(tmp_path)
    assert (mode(key), key.stat().st_uid, key.read_text()) == (0o600, 0, "key")
