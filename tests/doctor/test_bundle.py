"""The report bundle holds what a helper needs, and nothing private."""

import asyncio
import socket
import stat
import sys
import tarfile
from pathlib import Path

import pytest

from appliance.config import Loaded, load
from appliance.core.model import Model
from appliance.doctor import bundle as examined
from appliance.doctor.bundle import FOLDER, output, settings, write_bundle
from appliance.doctor.visit import Places, visit
from appliance.errors import ApplianceError
from appliance.realtime.conversation import Entry
from tests.console.stage import stage
from tests.doctor.conftest import KEY

JOURNAL = f"""\
2026-11-28T12:00:00+0000 voice-appliance[812]: Ready.
2026-11-28T12:00:09+0000 voice-appliance[812]: Nothing answers at https://gateway.home.test/v1.
2026-11-28T12:00:10+0000 voice-appliance[812]: 192.168.7.9 b8:27:eb:01:02:03 {KEY} psk=hunter2
"""
SECRETS = (
    "192.168.7.9",
    "b8:27:eb",
    KEY,
    "hunter2",
    "gateway.home.test",
    "updates.home.test",
    "Pretend to be",
    "5ECRET",
)


def configured(*overrides: str) -> Loaded:
    return load(
        Path("/dev/null"),
        [
            "service.base_url=https://gateway.home.test/v1",
            'service.ice_servers=["turn:5ECRET@turn.home.test"]',
            "session.instructions=Pretend to be  # my aunt",
            "update.index_url=https://updates.home.test/index.json",
            "audio.driver=file",
            *overrides,
        ],
        "desktop",
    )


def read(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        texts = {}
        for entry in archive.getmembers():
            file = archive.extractfile(entry)
            assert file is not None
            assert (entry.uid, entry.uname) == (0, "")
            texts[entry.name.removeprefix(f"{FOLDER}/")] = file.read().decode()
        return texts


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root directory with devices, and a journal."""
    for name, text in {
        "proc/asound/cards": " 0 [Device]: USB-Audio - USB PnP Sound Device\n",
        "sys/bus/usb/devices/1-1/product": "USB PnP Sound Device\n",
        "sys/bus/usb/devices/1-1/serial": "5ECRET\n",
        "sys/class/video4linux/video0/name": "unicam\n",
    }.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(examined, "JOURNAL", (sys.executable, "-c", f"print({JOURNAL!r}, end='')"))
    return tmp_path / "root"


async def test_bundle_holds_what_is_needed_and_nothing_private(
    tmp_path: Path, machine: Path
) -> None:
    path = tmp_path / "report.tar.gz"
    async with stage(tmp_path) as (scene, _):
        scene.hub.publish(Model(muted=True))
        scene.entries.append(Entry("item", 1, "user", "5ECRET words"))
        report = b'{"updates": "updates.home.test answers 404 for index.json."}'
        told = await write_bundle(path, report, configured(), machine)

    texts = read(path)
    assert set(texts) == {
        "README.txt", "doctor.json", "config.txt", "status.json", "journal.txt", "unit.txt",
        "packages.txt", "devices.txt",
    }  # fmt: skip
    everything = "\n".join(texts.values())
    assert [secret for secret in SECRETS if secret in everything] == []
    assert socket.gethostname() not in texts["journal.txt"]
    assert "voice-appliance[812]: Ready." in texts["journal.txt"]
    assert "https://host-1/v1" in texts["journal.txt"]
    assert "https://host-1/v1" in texts["config.txt"], "one machine has one mark"
    assert '"muted": true' in texts["status.json"]
    assert "USB PnP Sound Device" in texts["devices.txt"]
    assert "unicam" in texts["devices.txt"]
    assert all(name in texts["README.txt"] for name in texts if name != "README.txt")
    assert told[0].startswith(str(path))
    assert "Never in it" in told[-1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_listens_on_this_machine_is_not_private(tmp_path: Path, machine: Path) -> None:
    path = tmp_path / "report.tar.gz"
    await write_bundle(path, b"{}", configured("service.base_url=http://127.0.0.1:9/v1"), machine)
    assert "http://127.0.0.1:9/v1" in read(path)["config.txt"]


def test_settings_keep_their_origin_and_lose_what_a_person_wrote() -> None:
    lines = list(settings(configured("audio.volume=50")))

    assert "audio.volume = 50  # --set audio.volume" in lines
    assert 'panel.driver = "keyboard"  # profile desktop' in lines
    (instructions,) = [line for line in lines if line.startswith("session.instructions")]
    assert instructions == "session.instructions = (24 characters)  # --set session.instructions"


async def test_machine_with_nothing_to_tell_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examined, "JOURNAL", ("true",))
    monkeypatch.setattr(examined, "PACKAGES", ("no-such-command",))
    path = tmp_path / "report.tar.gz"
    await write_bundle(path, b"{}", configured(), tmp_path)

    texts = read(path)
    assert "use sudo" in texts["journal.txt"]
    assert texts["packages.txt"] == "(no-such-command: No such file or directory)"
    assert texts["status.json"] == "null"


async def test_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examined, "COMMAND_TIMEOUT", 0.05)
    async with asyncio.timeout(5):
        assert await output("sleep", "60") == "(sleep does not answer)"


async def test_file_that_is_there_is_kept_and_nothing_is_examined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.tar.gz"
    path.write_text("precious")
    with pytest.raises(ApplianceError, match="already"):
        await visit(configured(), as_json=False, bundle=path, places=Places(tmp_path))
    assert path.read_text() == "precious"
    assert capsys.readouterr().out == ""


async def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="cannot be written"):
        await write_bundle(tmp_path / "no" / "report.tar.gz", b"{}", configured(), tmp_path)
