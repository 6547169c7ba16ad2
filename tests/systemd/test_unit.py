"""The unit is accepted by systemd and keeps the promises that the code counts on."""

import ipaddress
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.credentials import CREDENTIAL
from appliance.firstboot.boot import STATE
from appliance.firstboot.plan import KEY_FILE
from appliance.firstboot.wifi import REGULATION
from appliance.onboarding import nmcli, password, radio
from appliance.update import state
from deploy.packaging.control import enabled_units

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNIT = FOLDER / "voice-appliance.service"
FIRST_BOOT = FOLDER / "voice-appliance-first-boot.service"
ONBOARDING = FOLDER / "voice-appliance-onboarding.service"
SYSUSERS = FOLDER / "voice-appliance.sysusers"
MOST_EXPOSED = 1.5  # of systemd-analyze's 10
MOST_EXPOSED_ROOT = 2.0  # of a program that has to be root

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def settings(key: str) -> list[str]:
    """Every value of a key in the unit."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.partition("=")[0] == key]


def analyze(
    tmp_path: Path, *arguments: str, unit: Path = UNIT
) -> "subprocess.CompletedProcess[str]":
    """Run systemd-analyze on a copy whose program exists here."""
    copy = tmp_path / unit.name
    copy.write_text(re.sub("(?m)^ExecStart=.*", "ExecStart=/bin/true", unit.read_text()))
    return subprocess.run(  # noqa: S603 - a fixed command
        [str(shutil.which("systemd-analyze")), *arguments, str(copy)],
        capture_output=True, text=True, timeout=15, check=False,
    )  # fmt: skip


@needs_analyze
@pytest.mark.parametrize("unit", [UNIT, FIRST_BOOT, ONBOARDING], ids=lambda unit: unit.stem)
def test_systemd_accepts_the_unit_without_a_word(tmp_path: Path, unit: Path) -> None:
    done = analyze(tmp_path, "verify", "--man=no", unit=unit)
    # Other units of the machine may be wrong; only what is said of ours counts.
    said = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert said == []
    assert done.returncode == 0


@needs_analyze
@pytest.mark.parametrize(
    "name",
    ["voice-appliance-update.service", "voice-appliance-update.timer",
     "voice-appliance-mend.service"],
)  # fmt: skip
def test_systemd_accepts_the_updaters_units_without_a_word(tmp_path: Path, name: str) -> None:
    for file in FOLDER.glob("voice-appliance*.*"):
        text = file.read_text().replace("/usr/bin/voice-appliance ", "/bin/true ")
        (tmp_path / file.name).write_text(text)
    done = subprocess.run(  # noqa: S603 - a fixed command
        [str(shutil.which("systemd-analyze")), "verify", "--man=no", str(tmp_path / name)],
        capture_output=True, text=True, timeout=15, check=False,
    )  # fmt: skip
    said = [line for line in (done.stdout + done.stderr).splitlines() if name in line]
    assert said == []
    assert done.returncode == 0


def test_only_service_and_timer_start_by_themselves() -> None:
    """The package restarts what has [Install]: neither dpkg's own caller nor the repair may."""
    presets = (FOLDER / "voice-appliance.preset").read_text().split()[1::2]
    assert sorted(presets) == enabled_units()
    assert enabled_units() == ["voice-appliance-update.timer", "voice-appliance.service"]


def test_updater_and_repair_know_their_folder() -> None:
    for name in ("update", "mend"):
        text = (FOLDER / f"voice-appliance-{name}.service").read_text()
        assert f"StateDirectory={state.FOLDER.name}\n" in text
        assert f"{state.FOLDER}/{state.WAY_BACK}" in text


@needs_analyze
@pytest.mark.parametrize(
    ("unit", "most"), [(UNIT, MOST_EXPOSED), (ONBOARDING, MOST_EXPOSED_ROOT)], ids=["main", "setup"]
)
def test_the_sandbox_is_tight(tmp_path: Path, unit: Path, most: float) -> None:
    done = analyze(tmp_path, "security", "--offline=yes", "--no-pager", unit=unit)
    if "offline" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    verdict = done.stdout.splitlines()[-1]
    assert float(verdict.partition("level for")[2].split(":")[1].split()[0]) <= most


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("WatchdogSec", "15"),
        ("Restart", "always"),
        ("RestartSec", "1"),
        ("StartLimitIntervalSec", "0"),
        ("TimeoutStopSec", "10"),
        ("User", "voice-appliance"),
        ("Group", "voice-appliance"),
        ("RuntimeDirectory", "voice-appliance"),
        ("RuntimeDirectoryMode", "0750"),  # its group may ask the appliance
        ("RuntimeDirectoryPreserve", "restart"),  # it counts the starts that do not hold
        ("StateDirectory", "voice-appliance"),
        ("WorkingDirectory", "/run/voice-appliance"),
    ],
)
def test_the_unit_says(key: str, value: str) -> None:
    assert settings(key) == [value]


def test_the_key_is_a_credential_and_may_be_missing() -> None:
    """A LoadCredential= whose file is missing stops the unit, unless there is a SetCredential=."""
    assert settings("LoadCredential") == [f"{CREDENTIAL}:/etc/voice-appliance/{CREDENTIAL}"]
    assert settings("SetCredential") == [rf"{CREDENTIAL}:\n"]


def test_lgpio_finds_its_pipe() -> None:
    environment = " ".join(settings("Environment")).split()
    assert f"LG_WD={settings('WorkingDirectory')[0]}" in environment


def test_dtls_can_work() -> None:
    """Its callbacks are made at run time, in memory that is written and executed (cffi)."""
    assert settings("MemoryDenyWriteExecute") == []


def test_no_crash_waits_longer_than_another() -> None:
    """RestartSteps= (systemd 254) never takes its steps back, however long all was well."""
    assert settings("RestartSteps") == []


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers here")
def test_every_group_of_the_unit_is_made_or_debians(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    done = subprocess.run(  # noqa: S603 - a fixed command on an empty root
        [str(shutil.which("systemd-sysusers")), "--root", str(tmp_path), str(SYSUSERS)],
        capture_output=True, text=True, timeout=15, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "etc" / "group").read_text()
    debian = {"audio", "video"}  # base-passwd has them everywhere
    for group in settings("SupplementaryGroups")[0].split():
        assert group in debian or f"{group}:" in made
    assert "voice-appliance:" in (tmp_path / "etc" / "passwd").read_text()


def test_first_boot_comes_before_all_that_read_what_it_writes() -> None:
    text = FIRST_BOOT.read_text()
    (before,) = [line for line in text.splitlines() if line.startswith("Before=")]
    readers = {"voice-appliance.service", "NetworkManager.service", "ssh.service"}
    assert readers | {"avahi-daemon.service"} <= set(before.removeprefix("Before=").split())
    (after,) = [line for line in text.splitlines() if line.startswith("After=")]
    assert "boot-firmware.mount" in after  # a mount with nofail does not wait for local-fs.target


def test_package_alone_enables_no_first_boot() -> None:
    """On somebody's own Raspberry Pi OS it would lock ssh down; the image enables it."""
    assert "[Install]" not in FIRST_BOOT.read_text()


def test_first_boot_keeps_its_state_where_the_unit_makes_room() -> None:
    assert f"StateDirectory={Path(STATE).parent.name}" in FIRST_BOOT.read_text().splitlines()


def onboarding(key: str) -> list[str]:
    """Every word of a key in the unit that sets up the Wi-Fi."""
    lines = ONBOARDING.read_text().splitlines()
    return " ".join(line.partition("=")[2] for line in lines if line.startswith(f"{key}=")).split()


def test_package_alone_opens_no_access_point() -> None:
    assert "[Install]" not in ONBOARDING.read_text()
    hook = FOLDER.parent / "deploy/imaging/hooks/customize.sh"
    assert f" {ONBOARDING.name}" in hook.read_text()


def test_onboarding_may_write_what_it_writes_and_no_more() -> None:
    allowed = {Path(word.removeprefix("-")) for word in onboarding("ReadWritePaths")}
    written = [KEY_FILE, REGULATION, radio.NAMES, radio.PASSING, radio.LASTING]
    for path in written:
        assert allowed & {Path("/") / path, *(Path("/") / path).parents}
    for place in allowed:
        assert any(place in (Path("/") / path).parents for path in written)
    assert onboarding("StateDirectory") == [Path(password.STATE).parent.name]


def test_onboarding_talks_to_its_own_network_only() -> None:
    assert onboarding("IPAddressDeny") == ["any"]
    (network,) = map(ipaddress.ip_network, onboarding("IPAddressAllow"))
    assert ipaddress.ip_address(nmcli.ADDRESS) in network
    assert network.prefixlen == 24  # as the access point's profile says


def test_onboarding_waits_for_what_the_first_boot_writes() -> None:
    assert {FIRST_BOOT.name, "NetworkManager.service", "nftables.service"} <= set(
        onboarding("After")
    )
