"""The command `update`, as a person uses it: words, exit codes, and who may."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appliance import cli
from appliance.commandline import EXIT_FAILED
from appliance.config import load
from appliance.errors import ConfigError
from appliance.update import command, state, system
from appliance.update.index import read_keys
from appliance.update.state import Package, State, Trial
from appliance.update.system import Dpkg
from tests.update.debian import ARCHITECTURE, Debian

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = "1.0-1~deb13", "2.0-1~deb13"
HERE = "https://updates.example/index.json"


def update(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["update", "--set", f"update.index_url={url}", *arguments])


def release(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, str(ROOT / "deploy" / "release"), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def signals() -> Iterator[None]:
    held = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in held]
    yield
    for number, handler in zip(held, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setattr(command, "FOLDER", folder)
    return folder


@pytest.fixture
def channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path, root: None, signals: None
) -> Debian:
    """A machine with the old version on it, and a channel with the new one."""
    if not ARCHITECTURE:
        pytest.skip("there is no dpkg here")
    debian = Debian(tmp_path)
    monkeypatch.setenv("PATH", debian.path)
    for name, seconds in (("READY_TIME", 1.0), ("WATCH_TIME", 0.1), ("LOOK_EVERY", 0.02)):
        monkeypatch.setattr(system, name, seconds)
    monkeypatch.setattr("appliance.update.preconditions.POWER_LOOKS", 0)
    monkeypatch.setattr(Dpkg, "machine", machine)
    monkeypatch.setattr(command, "Dpkg", functools.partial(Dpkg, admin=debian.admin))
    keys = tmp_path / "keys"
    keys.mkdir()
    keys.chmod(0o755)
    monkeypatch.setattr(command, "read_keys", lambda: read_keys([keys]))
    made = release("key", str(tmp_path / "secret"))
    assert made.returncode == 0, made.stderr
    (tmp_path / "secret.pem").rename(keys / "channel.pem")
    (keys / "channel.pem").chmod(0o644)
    (tmp_path / "channel").mkdir()
    debian.package(NEW, tmp_path / "channel")
    old = debian.package(OLD)
    subprocess.run(["dpkg", "-i", str(old)], check=True, capture_output=True)  # noqa: S603, S607
    subprocess.run(["systemctl", "start"], check=True)  # noqa: S607
    return debian


async def machine(_: Dpkg) -> tuple[str, str]:
    return "trixie", ARCHITECTURE


def publish(debian: Debian) -> str:
    folder = debian.place / "channel"
    done = release("index", str(folder), "--key", str(debian.place / "secret"))
    assert done.returncode == 0, done.stderr
    return f"file://{folder}/index.json"


def test_whole_life_of_a_channel(channel: Debian) -> None:
    """Check, update, nothing more, back again, and never forward to the same version."""
    url = publish(channel)
    told = update(url, "--check").output
    assert told == f"{NEW} is there (0.0 MB): sudo voice-appliance update\n"
    done = update(url)
    assert done.exit_code == 0, done.output
    assert done.output.endswith(f"{NEW} was installed and works.\n")
    assert channel.versions() == {NEW}
    assert "newest version there is" in update(url).output
    assert update(url, "--rollback").output.endswith(f"{OLD} was installed and works.\n")
    assert channel.versions() == {OLD}
    left = f"{NEW} is not tried again: somebody went back from it."
    again = update(url, "--rollback")
    assert (again.exit_code, left in again.output) == (EXIT_FAILED, True)
    assert update(publish(channel)).output == f"{left}\n"
    assert update(url, "--check").output == f"{left}\nLast: {left}\n"
    assert channel.versions() == {OLD}


def test_version_that_does_not_start_is_told_and_the_command_fails(channel: Debian) -> None:
    (channel.place / f"dead-{NEW}").touch()
    done = update(publish(channel))
    assert done.exit_code == EXIT_FAILED
    assert f"{NEW} did not work: it did not get ready" in done.output
    assert f"{OLD} is back." in done.output
    assert channel.versions() == {OLD}


def test_serial_grows_and_a_lost_index_is_refused(channel: Debian) -> None:
    url = publish(channel)
    first = (channel.place / "channel/index.json").read_bytes()
    publish(channel)
    update(url)
    (channel.place / "channel/index.json").write_bytes(first)
    assert "number 1" in update(url).output


def test_signals_do_not_end_an_installation(channel: Debian) -> None:
    update(publish(channel))
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)


def test_one_updater_at_a_time(channel: Debian) -> None:
    url = publish(channel)
    with command._only_one(channel.store / "lock"):
        done = update(url)
    assert done.exit_code == EXIT_FAILED
    assert "Another update is under way" in done.output


def test_without_a_channel_updates_are_off(store: Path, root: None) -> None:
    for arguments in ((), ("--check",)):
        done = update("", *arguments)
        assert (done.exit_code, done.output) == (0, "Updates are off: update.index_url is empty.\n")


def test_update_is_the_administrators(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = update(HERE)
    assert done.exit_code == EXIT_FAILED
    assert "Use sudo." in done.output
    assert not store.exists()


def test_check_and_rollback_exclude_each_other() -> None:
    assert update(HERE, "--check", "--rollback").exit_code == 2


@pytest.mark.parametrize(
    "url", ["http://updates.example/i", "ftp://x/i", "index.json", "file://h/i"]
)
def test_channel_without_encryption_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        load(overrides=[f"update.index_url={url}"])


@pytest.mark.parametrize(
    "url", [HERE, "file:///media/i.json", "http://127.0.0.1:8000/i", "http://[::1]/i"]
)
def test_channel_may_be_encrypted_or_here(url: str) -> None:
    assert load(overrides=[f"update.index_url={url}"]).config.update.index_url == url


# The maker's side


def test_private_key_is_for_its_owner_and_never_overwritten(tmp_path: Path) -> None:
    release("key", str(tmp_path / "k"))
    before = (tmp_path / "k").read_bytes()
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert release("key", str(tmp_path / "k")).returncode == 1
    assert (tmp_path / "k").read_bytes() == before


def test_public_key_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("of another key")
    told = release("key", str(tmp_path / "k"))
    assert told.returncode == 1
    assert "k.pem is there already" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["k.pem"]
    assert (tmp_path / "k.pem").read_text() == "of another key"


def test_release_names_what_is_wrong(tmp_path: Path) -> None:
    release("key", str(tmp_path / "k"))
    (tmp_path / "empty").mkdir()
    told = release("index", str(tmp_path / "empty"), "--key", str(tmp_path / "k"))
    assert (told.returncode, "There is no package" in told.stderr) == (1, True)
    told = release("index", str(tmp_path / "empty"), "--key", str(tmp_path / "k.pem"))
    assert "is not a private Ed25519 key" in told.stderr


# What doctor and status say


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (State(outcome="2.0 was installed and works."), ""),
        (State(outcome="2.0 did not work.", failed=True), "Updates: 2.0 did not work."),
        (State(outcome="2.0 is not tried.", held=True), "Updates: 2.0 is not tried."),
        (
            State(
                trial=Trial(target=Package("2.0", "b", 1, ""), back=Package("1.0", "a", 1, "")),
                outcome="2.0 is being installed.",
            ),
            "Updates: 2.0 is being installed.",
        ),
    ],
)
def test_status_tells_of_updates_only_what_matters(kept: State, told: str) -> None:
    assert state.news(kept) == told
