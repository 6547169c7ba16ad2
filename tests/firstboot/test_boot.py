"""A whole first boot: what is applied, told, overwritten, and what a power cut may do to it."""

import errno
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from appliance.config import load
from appliance.firstboot import boot
from appliance.firstboot.__main__ import main
from appliance.firstboot.letter import LARGEST
from appliance.firstboot.plan import HOST_KEY
from tests.firstboot.device import (
    API_KEY,
    CONFIG,
    KEY,
    SSH_KEY,
    SSH_KEYS,
    SSHD,
    WHOLE,
    WIFI,
    Device,
)

SECRETS = (KEY, "correct horse")


def test_everything_is_applied_and_told(device: Device) -> None:
    device.write(WHOLE)
    outcome = device.start()
    assert not outcome.failed
    assert device.system.host == "kitchen"
    assert device.text("etc/hostname") == "kitchen\n"
    assert device.text("etc/hosts") == "127.0.0.1 localhost\n127.0.1.1 kitchen\n"
    assert (device.root / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/Europe/Berlin")
    assert device.text("etc/timezone") == "Europe/Berlin\n"
    assert device.text(API_KEY) == KEY + "\n"
    assert device.text("etc/modprobe.d/voice-appliance-wifi.conf").endswith("regdom=DE\n")
    assert "\nssid=72;111;109;101;\n" in device.text(WIFI)
    assert "\npsk=correct horse\n" in device.text(WIFI)
    assert load(device.root / CONFIG).config.audio.volume == 70
    for words in ("kitchen.local", "Europe/Berlin", '"Home"', "DE (Germany)", "API key", "ssh"):
        assert words in device.result
    assert "Not applied" not in device.result


def test_secrets_are_for_root_only(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    assert device.mode(WIFI) == 0o600
    assert device.mode(API_KEY) == 0o600
    assert device.mode(boot.STATE) == 0o600


def test_secrets_are_overwritten_in_place_and_told_nowhere(device: Device) -> None:
    device.write(WHOLE)
    before, node = device.letter, (device.boot / "voice-appliance.toml").stat().st_ino
    outcome = device.start()
    assert len(device.letter) == len(before)
    assert (device.boot / "voice-appliance.toml").stat().st_ino == node
    for secret in SECRETS:
        assert secret.encode() not in device.letter
        assert secret not in device.result + outcome.words
    assert b'password = "*************"' in device.letter
    left = {path.name for path in device.boot.iterdir()}
    assert left == {"voice-appliance.toml", "voice-appliance-result.txt"}


def test_letter_stays_readable_after_use(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    assert tomllib.loads(device.letter.decode())["wifi"]["ssid"] == "Home"


def test_result_can_be_read_in_notepad(device: Device) -> None:
    device.write('[wifi]\nssid = "Café"\npassword = "12345678"\n')
    device.start()
    raw = (device.boot / "voice-appliance-result.txt").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n") > 3
    assert '"Café"' in device.result


def test_ssh_is_on_only_with_a_key_and_never_by_password(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    assert device.system.enabled == {"ssh.service"}
    assert "owner" in device.system.users
    assert device.text(SSH_KEYS) == SSH_KEY + "\n"
    rules = device.text(SSHD)
    assert {"PasswordAuthentication no", "PermitRootLogin no"} <= set(rules.splitlines())
    assert device.mode("etc/sudoers.d/owner") == 0o440


def test_host_key_is_made_once_and_is_on_the_card_before_the_end(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    device.write(WHOLE.replace("kitchen", "attic"))
    device.start()
    made = [argv for argv in device.system.done if "ssh-keygen" in argv[-1]]
    synced = [argv for argv in device.system.done if argv[0] == "sync"]
    assert [argv[:2] for argv in made] == [("sh", "-c")]
    assert set(synced) == {("sync", HOST_KEY, f"{HOST_KEY}.pub")}
    assert device.system.done.index(synced[0]) > device.system.done.index(made[0])


def test_without_a_key_ssh_stays_off_and_nobody_may_log_in(device: Device) -> None:
    device.write('hostname = "kitchen"\n')
    device.start()
    assert device.system.enabled == set()
    assert device.system.users == {"root"}
    assert not device.has(SSHD)
    assert not device.has("etc/nftables.d/ssh.nft")


def test_next_boot_changes_nothing(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    device.system.done.clear()
    times = {path: path.stat().st_mtime_ns for path in device.root.rglob("*") if path.is_file()}
    assert device.start() == boot.Outcome()
    assert device.system.done == []
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_one_line_can_be_changed_later(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    device.write(device.letter.replace(b"kitchen", b"bedroom"))
    assert not device.start().failed
    assert device.system.host == "bedroom"
    assert device.text(API_KEY) == KEY + "\n"
    assert "psk=correct horse" in device.text(WIFI)
    assert "Not applied" not in device.result


def test_new_key_of_the_same_length_is_taken(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    other = KEY[::-1].replace("zyx", "sk-")
    assert len(other) == len(KEY)
    device.write(device.letter.replace(b"*" * len(KEY), other.encode()))
    device.start()
    assert device.text(API_KEY) == other + "\n"
    assert other.encode() not in device.letter


def test_overwritten_password_does_not_serve_another_network(device: Device) -> None:
    device.write(WHOLE)
    device.start()
    device.write(device.letter.replace(b'"Home"', b'"Work"'))
    device.start()
    assert "ssid=72;111;109;101;" in device.text(WIFI)  # Home's, as it was
    assert "belonged to another network" in device.result


def test_wrong_lines_are_named_and_the_right_ones_applied(device: Device) -> None:
    device.write(
        'hostname = "my kitchen"\ntimezone = "Europe/Berlim"\ncolour = "red"\nnonsense\n'
        f'api_key = "{KEY}"\n[wifi]\nssid = "Home"\npassword = "short"\ncountry = "Germny"\n'
        "[audio]\nvolume = 400\nloudness = 3\n"
    )
    assert not device.start().failed
    assert device.text(API_KEY) == KEY + "\n"
    assert device.text("etc/hostname") == "voice-1a2b\n"
    assert not device.has(WIFI)
    assert not device.has(CONFIG)
    told = [line for line in device.result.splitlines() if line.startswith("  - Line")]
    starts = [line.removeprefix("  - ").partition(":")[0] for line in told]
    assert starts == [
        "Line 1, hostname", "Line 2, timezone", "Line 3, colour", "Line 4", "Line 8, password",
        "Line 9, country", "Line 11, audio.volume", "Line 12, audio.loudness",
    ]  # fmt: skip
    for cure in ('hostname = "my-kitchen"', '"Europe/Berlin"', "8 to 63", 'country = "DE"'):
        assert cure in device.result


def test_secret_that_was_not_applied_can_still_be_corrected(device: Device) -> None:
    device.write(f'api_key = "{KEY}"\n[wifi]\nssid = "Home"\npassword = "short"\n')
    device.start()
    assert b'"short"' in device.letter
    assert KEY.encode() not in device.letter
    assert "short" not in device.result


def test_private_half_of_a_key_is_refused_and_overwritten(device: Device) -> None:
    device.write('ssh_key = "-----BEGIN OPENSSH PRIVATE KEY----- abcdef"\n')
    device.start()
    assert b"abcdef" not in device.letter
    assert ".pub" in device.result
    assert device.system.enabled == set()


@pytest.mark.parametrize(
    "name",
    [
        "voice-appliance.toml.txt", "Voice-Appliance.TOML", "voice-appliance (1).toml",
        "voice_appliance.txt", "voice\u2013appliance.toml", "voice-appliance - Copy.toml",
    ],
)  # fmt: skip
def test_file_may_be_called_as_editors_call_it(device: Device, name: str) -> None:
    device.write('hostname = "kitchen"\n', name)
    device.start()
    assert device.system.host == "kitchen"
    assert name in device.result


def test_result_and_strangers_are_no_letters(device: Device) -> None:
    for name in ("voice-appliance-result.txt", "config.txt", "voice-appliance.toml.bak"):
        device.write('hostname = "kitchen"\n', name)
    device.start()
    assert device.system.host == "voice-1a2b"


def test_of_two_files_the_newer_one_counts_and_both_lose_their_secrets(device: Device) -> None:
    device.write('[wifi]\nssid = "Home"\npassword = "older-secret"\n', "voice-appliance.toml.txt")
    device.write('[wifi]\npassword = "newer-secret"\n')
    os.utime(device.boot / "voice-appliance.toml.txt", (1, 1))
    device.start()
    assert "psk=newer-secret" in device.text(WIFI)
    for path in device.boot.iterdir():
        assert b"secret" not in path.read_bytes()


def test_rich_text_is_told_in_words(device: Device) -> None:
    device.write(b"{\\rtf1\\ansi hostname = kitchen}", "voice-appliance.rtf")
    device.start()
    assert "rich text" in device.result
    assert "plain text" in device.result


def test_without_a_file_the_image_gets_a_name_of_its_own(device: Device) -> None:
    device.start()
    assert device.text("etc/hostname") == "voice-1a2b\n"
    assert list(device.boot.iterdir()) == []


def test_name_that_somebody_chose_stays(device: Device) -> None:
    (device.root / "etc/hostname").write_text("pantry\n")
    device.start()
    assert device.text("etc/hostname") == "pantry\n"


def test_board_without_a_serial_number_is_named_by_a_digest(device: Device) -> None:
    (device.root / "proc/device-tree/serial-number").unlink()
    (device.root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    device.start()
    name = device.text("etc/hostname").strip()
    assert name.startswith("voice-")
    assert len(name) == len("voice-0000")
    assert name != "voice-cdef"  # not the number itself: it is nobody's business


def test_failing_command_is_told_keeps_nothing_else_back_and_is_tried_again(device: Device) -> None:
    device.system.missing = {"useradd"}
    device.write(WHOLE)
    assert device.start().failed
    assert device.text(API_KEY) == KEY + "\n"
    assert device.system.enabled == set()
    assert "useradd did not work: it is not installed" in device.result
    device.system.missing = set()
    assert not device.start().failed
    assert device.system.enabled == {"ssh.service"}
    assert "psk=correct horse" in device.text(WIFI)
    assert "Not applied" not in device.result


def test_tools_that_a_smaller_system_lacks_are_done_without(device: Device) -> None:
    device.system.missing = {"iw", "rfkill", "nft", "hostname"}
    device.write(WHOLE)
    assert not device.start().failed
    assert "Not applied" not in device.result


def test_full_card_is_told_and_tried_again(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.write(WHOLE)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        outcome = device.start()
    assert outcome.failed
    assert "No space left on device" in outcome.words
    assert device.letter == WHOLE.encode()
    assert not device.start().failed
    assert device.text(API_KEY) == KEY + "\n"


class PowerCutError(BaseException):
    """Nothing runs after it."""


def survives(device: Device) -> None:
    """Assert that the next boot finishes what a power cut left."""
    assert not device.start().failed
    assert device.text(API_KEY) == KEY + "\n"
    assert "psk=correct horse\n" in device.text(WIFI)
    assert device.system.enabled == {"ssh.service"}
    assert all(secret.encode() not in device.letter for secret in SECRETS)
    assert device.start() == boot.Outcome()


def test_power_may_fail_at_any_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = left = 0
    real = os.fsync

    def fsync(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise PowerCutError
        real(handle)

    while True:
        device, left = Device(tmp_path / f"card-{writes}"), writes
        device.write(WHOLE)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            try:
                device.start()
            except PowerCutError:
                pass
            else:
                break
        survives(device)
        writes += 1
    assert writes > 20


@pytest.mark.parametrize("done", [60, 75, 90, 150, 200, 300])
def test_half_a_password_is_never_applied(
    device: Device, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """The power fails while `done` bytes of the letter are overwritten."""
    device.write(WHOLE)

    def torn(path: Path, data: bytes) -> None:
        path.write_bytes(data[:done] + path.read_bytes()[done:])
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(boot, "overwrite", torn)
        with pytest.raises(PowerCutError):
            device.start()
    survives(device)


def test_boot_partition_is_writable_only_meanwhile(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "_read_only", lambda _folder: True)
    device.write(WHOLE)
    device.start()
    mounts = [argv[2] for argv in device.system.done if argv[0] == "mount"]
    assert mounts == ["remount,rw", "remount,ro"]


def test_of_a_file_without_end_only_the_beginning_is_read(device: Device) -> None:
    with (device.boot / "voice-appliance.txt").open("wb") as file:
        file.truncate(3 << 30)  # more than most boards have memory
    device.start()
    assert f"larger than {LARGEST // 1024} KiB" in device.result


def test_file_on_a_damaged_card_is_told_and_spoils_no_other(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.write(WHOLE)
    device.write(WHOLE, "voice-appliance.txt")
    real = Path.open

    def damaged(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == "voice-appliance.txt":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", damaged)
        device.start()
    assert "voice-appliance.txt: It cannot be read (Input/output error)." in device.result
    assert device.system.host == "kitchen"


def test_only_root_may(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main("/nowhere") == 1
    assert "sudo" in capsys.readouterr().err
