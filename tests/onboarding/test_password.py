"""The access point's password: one for each device, on the card for its owner, nowhere else."""

from pathlib import Path

import pytest

from appliance.firstboot import boot
from appliance.firstboot.boot import BOOT
from appliance.firstboot.report import NAME
from appliance.onboarding.password import LENGTH, LETTERS, STATE, own_password, tell
from tests.firstboot.device import KEY, WHOLE, Device

TOML = f'api_key = "{KEY}"\n'


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "device")


def runs_nothing(argv: object) -> str | None:
    raise AssertionError(argv)


def test_every_device_makes_its_own_and_keeps_it(tmp_path: Path) -> None:
    passwords = [own_password(tmp_path / str(number)) for number in range(20)]
    assert len(set(passwords)) == 20
    assert own_password(tmp_path / "3") == passwords[3]
    for password in passwords:
        assert set(password.replace("-", "")) <= set(LETTERS)
        assert len(password.replace("-", "")) == LENGTH
        assert 8 <= len(password) <= 63  # IEEE 802.11
    assert (tmp_path / "3" / STATE).stat().st_mode & 0o777 == 0o600


def test_a_torn_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / STATE).parent.mkdir(parents=True)
    (tmp_path / STATE).write_text("abc")
    assert len(own_password(tmp_path)) > LENGTH


def test_the_card_tells_it_below_the_words_of_the_first_boot(device: Device) -> None:
    device.write(WHOLE)
    outcome = device.start()
    tell(device.root, runs_nothing)
    password = device.text(STATE).strip()
    raw = (device.root / BOOT / NAME).read_bytes()
    result = raw.decode("utf-8-sig")
    assert result.startswith(outcome.words.rstrip())
    assert f"  - password: {password}\r\n" in result
    assert "  - network:  voice-1a2b\r\n" in result
    assert password not in outcome.words  # which goes to the journal
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_it_is_told_once_and_again_after_another_first_boot(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    tell(device.root, runs_nothing)
    told = device.result
    node = (device.root / BOOT / NAME).stat().st_ino
    tell(device.root, runs_nothing)
    assert (device.root / BOOT / NAME).stat().st_ino == node  # the card is not worn
    device.write(TOML)
    device.start()
    assert "password: " not in device.result
    tell(device.root, runs_nothing)
    assert device.result.count("  - password: ") == told.count("  - password: ") == 1


def test_the_boot_partition_is_writable_only_while_it_is_written(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "_read_only", lambda _folder: True)
    tell(device.root, device.system)
    tell(device.root, device.system)
    assert [argv[:3] for argv in device.system.done] == [
        ("mount", "-o", "remount,rw"),
        ("mount", "-o", "remount,ro"),
    ]


def test_a_card_without_a_result_gets_one(device: Device) -> None:
    tell(device.root, runs_nothing)
    assert device.result.startswith("If the appliance finds no network")


def test_without_a_boot_partition_nothing_is_told(tmp_path: Path) -> None:
    tell(tmp_path, runs_nothing)
    assert not (tmp_path / BOOT).exists()
