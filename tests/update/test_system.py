"""Real dpkg in a root of its own: up, down, interrupted, and the repair at boot."""

from pathlib import Path

import msgspec
import pytest

from appliance.core.model import Problem, SafeMode
from appliance.core.words import phase_word
from appliance.errors import PostponedError
from appliance.update import system
from appliance.update.disk import Folder
from appliance.update.fetch import FolderChannel
from appliance.update.index import Index, Release, sign
from appliance.update.state import WAY_BACK, State, recall
from appliance.update.system import Dpkg, Hwmon, Systemd, upstream
from appliance.update.updater import Updater
from tests.update.debian import ARCHITECTURE, Debian
from tests.update.world import KEY, FakePower

pytestmark = pytest.mark.skipif(not ARCHITECTURE, reason="there is no dpkg here")

OLD, NEW = "1.0-1~deb13", "2.0-1~deb13"


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debian:
    debian = Debian(tmp_path)
    monkeypatch.setenv("PATH", debian.path)
    for name, seconds in (("READY_TIME", 1.0), ("WATCH_TIME", 0.2), ("LOOK_EVERY", 0.05)):
        monkeypatch.setattr(system, name, seconds)
    return debian


@pytest.fixture
def dpkg(debian: Debian) -> Dpkg:
    return Dpkg(debian.store, debian.admin)


async def install(dpkg: Dpkg, *files: Path) -> None:
    for file in files:
        assert await dpkg.install(file.name) is None


async def test_nothing_installed_is_no_version(dpkg: Dpkg) -> None:
    assert await dpkg.installed() is None


async def test_up_and_down_again_and_settings_are_kept(debian: Debian, dpkg: Dpkg) -> None:
    old, new = debian.package(OLD), debian.package(NEW)
    await install(dpkg, old)
    settings = debian.root / "etc/voice-appliance/config.toml"
    settings.write_text("# mine\n")
    for file, version in ((new, NEW), (old, OLD)):
        await install(dpkg, file)
        assert (await dpkg.installed(), debian.versions()) == (version, {version})
        assert settings.read_text() == "# mine\n"


async def test_version_on_hold_is_installed_all_the_same(debian: Debian, dpkg: Dpkg) -> None:
    await install(dpkg, debian.package(OLD))
    await system.run("sh", "-c", "echo voice-appliance hold | dpkg --set-selections")
    assert await dpkg.installed() == OLD


async def test_maintainer_scripts_are_told_to_start_nothing(debian: Debian, dpkg: Dpkg) -> None:
    told = debian.place / "told"
    file = debian.package(OLD, scripts={"postinst": f'echo "$VOICE_APPLIANCE_UPDATE" >{told}'})
    await install(dpkg, file)
    assert told.read_text() == "1\n"


async def test_package_that_cannot_be_configured_says_why(debian: Debian, dpkg: Dpkg) -> None:
    old = debian.package(OLD)
    new = debian.package(NEW, scripts={"postinst": "exit 7"})
    await install(dpkg, old)
    why = await dpkg.install(new.name)
    assert why is not None
    assert "post-installation script subprocess returned error exit status 7" in why
    assert await dpkg.installed() is None
    await install(dpkg, old)
    assert (await dpkg.installed(), debian.versions()) == (OLD, {OLD})


KILL = "kill -9 $PPID"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"prerm": f'[ "$2" != {NEW} ] || {KILL}'}, {}, id="while the old one leaves"),
        pytest.param({}, {"preinst": KILL}, id="before unpacking"),
        pytest.param({"postrm": f'[ "$2" != {NEW} ] || {KILL}'}, {}, id="after unpacking"),
        pytest.param({}, {"postinst": KILL}, id="while configuring"),
    ],
)
async def test_killed_dpkg_is_repaired_with_the_package_that_works(
    debian: Debian, dpkg: Dpkg, before: dict[str, str], after: dict[str, str]
) -> None:
    old = debian.package(OLD, scripts=before)
    new = debian.package(NEW, scripts=after)
    await install(dpkg, old)
    (debian.store / WAY_BACK).write_text(f"{old.name}\n")
    assert await dpkg.install(new.name) is not None
    assert await dpkg.installed() is None
    (debian.root / "usr/lib/voice-appliance/file7").write_text("half of the other")
    done = debian.mend()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (await dpkg.installed(), debian.versions()) == (OLD, {OLD})


async def test_repair_leaves_alone_what_is_whole(debian: Debian, dpkg: Dpkg) -> None:
    old, new = debian.package(OLD), debian.package(NEW)
    await install(dpkg, new)
    assert debian.mend().returncode == 0
    (debian.store / WAY_BACK).write_text(f"{old.name}\n")
    assert debian.mend().returncode == 0
    assert await dpkg.installed() == NEW


async def test_lock_of_another_installer_is_respected(debian: Debian, dpkg: Dpkg) -> None:
    file = debian.package(OLD)
    with debian.another_installer():
        assert dpkg.busy()
        with pytest.raises(PostponedError):
            await dpkg.install(file.name)
    assert not dpkg.busy()
    await install(dpkg, file)


async def test_file_of_something_else_has_no_version(debian: Debian, dpkg: Dpkg) -> None:
    (debian.store / "rubbish.deb").write_text("rubbish")
    assert await dpkg.version_of("rubbish.deb") is None
    assert await dpkg.version_of("none.deb") is None
    assert await dpkg.version_of(debian.package(OLD, name="other").name) is None
    assert await dpkg.version_of(debian.package(OLD, architecture="sparc").name) is None
    assert await dpkg.version_of(debian.package(NEW).name) == NEW


@pytest.mark.parametrize(
    ("version", "than"), [("1.10", "1.9"), ("2.0-1", "2.0~rc1-1"), ("1.0-1~deb13", "1.0-1~deb12")]
)
def test_versions_are_compared_as_debian_does(dpkg: Dpkg, version: str, than: str) -> None:
    assert dpkg.newer(version, than)
    assert not dpkg.newer(than, version)
    assert not dpkg.newer(than, than)


async def test_other_packages_are_asked_for_and_their_lack_postpones(
    debian: Debian, dpkg: Dpkg
) -> None:
    await dpkg.prepare(debian.package(OLD).name)
    assert not (debian.place / "apt.log").exists()
    file = debian.package(NEW, depends="libsomething (>= 3)")
    with pytest.raises(PostponedError, match="needs packages"):
        await dpkg.prepare(file.name)
    asked = (debian.place / "apt.log").read_text().splitlines()
    assert asked[0].endswith("--no-remove satisfy libsomething (>= 3)")
    assert asked[1] == "-q update"


async def test_package_that_a_power_cut_left_unpacked_is_no_hindrance(
    debian: Debian, dpkg: Dpkg
) -> None:
    other = debian.package("7.0", debian.place, name="libother")
    await system.run("dpkg", "--unpack", str(other))
    with pytest.raises(PostponedError):  # this apt has nothing to give
        await dpkg.prepare(debian.package(NEW, depends="libsomething").name)
    shown = "--showformat=${db:Status-Abbrev}"
    assert (await system.run("dpkg-query", "--show", shown, "libother")).out == "ii "


# The service


async def test_call_is_seen_and_a_stopped_service_too(debian: Debian, dpkg: Dpkg) -> None:
    await install(dpkg, debian.package(OLD))
    service = Systemd()
    assert await service.absent() is not None
    assert await service.occupied() is None
    await service.start()
    assert await service.absent() is None
    for phase in ("live", "dialing", "waiting"):
        (debian.place / "phase").write_text(phase)
        assert await service.occupied() is not None
    for phase in ("fault", "safe-mode"):
        (debian.place / "phase").write_text(phase)
        assert await service.occupied() is None


async def test_version_is_proved_by_running_on(debian: Debian, dpkg: Dpkg) -> None:
    await install(dpkg, debian.package(OLD))
    assert await Systemd().prove(OLD) is None
    assert await Systemd().prove(NEW) == "it says that it is 1.0"
    (debian.place / "restless").touch()
    assert await Systemd().prove(OLD) == "it did not stay up"


async def test_version_that_does_not_start_is_told(debian: Debian, dpkg: Dpkg) -> None:
    await install(dpkg, debian.package(OLD))
    (debian.place / f"dead-{OLD}").touch()
    assert await Systemd().prove(OLD) == "it did not get ready within 1 s (running)"


async def test_version_that_is_well_only_in_safe_mode_is_not_well(
    debian: Debian, dpkg: Dpkg
) -> None:
    await install(dpkg, debian.package(OLD))
    (debian.place / "phase").write_text(phase_word(SafeMode(Problem("bug", "It fails."))))
    assert await Systemd().prove(OLD) == "it failed to start, and came up in safe mode"


async def test_shutdown_proves_nothing_about_a_version(debian: Debian, dpkg: Dpkg) -> None:
    await install(dpkg, debian.package(OLD))
    (debian.place / f"dead-{OLD}").touch()
    (debian.place / "system").write_text("stopping\n")
    with pytest.raises(PostponedError, match="switched off"):
        await Systemd().prove(OLD)


def test_appliance_tells_its_version_without_debians_part() -> None:
    assert [upstream(each) for each in ("0.2.0-1~deb13", "0.2.0", "1-2-3")] == [
        "0.2.0",
        "0.2.0",
        "1-2",
    ]


def test_only_the_boards_own_sensor_counts(tmp_path: Path) -> None:
    power, sensors = Hwmon(tmp_path), tmp_path / "class/hwmon"
    assert not power.undervolted()
    for number, name in enumerate(("cpu_thermal", "other", "rpi_volt")):
        (sensors / f"hwmon{number}").mkdir(parents=True)
        (sensors / f"hwmon{number}/name").write_text(f"{name}\n")
    (sensors / "hwmon1/in0_lcrit_alarm").write_text("1\n")
    assert not power.undervolted()
    (sensors / "hwmon2/in0_lcrit_alarm").write_text("0\n")
    assert not power.undervolted()
    (sensors / "hwmon2/in0_lcrit_alarm").write_text("1\n")
    assert power.undervolted()


# All of it: real files, real dpkg, a channel in a folder


async def update(debian: Debian, dpkg: Dpkg, monkeypatch: pytest.MonkeyPatch) -> State:
    channel = debian.place / "channel"
    packages = []
    suite, arch = await dpkg.machine()
    for file in sorted(channel.glob("*.deb")):
        digest = Folder(channel).sha256(file.name)
        packages.append(
            Release(
                version=file.name.split("_")[1], suite=suite, arch=arch, file=file.name,
                size=file.stat().st_size, installed=60_000, sha256=digest,
            )
        )  # fmt: skip
    index = Index(serial=1, made="now", packages=tuple(packages))
    (channel / "index.json").write_bytes(sign(index, [KEY]))
    monkeypatch.setattr("appliance.update.preconditions.POWER_LOOKS", 0)
    updater = Updater(Folder(debian.store), dpkg, Systemd(), FakePower(), tell=lambda _: None)
    url = f"file://{channel}/index.json"
    return await updater.update(FolderChannel(url), [KEY.public_key()])


@pytest.mark.parametrize("dead", [False, True])
async def test_update_from_a_folder_with_real_packages(
    debian: Debian, dpkg: Dpkg, monkeypatch: pytest.MonkeyPatch, dead: bool
) -> None:
    channel = debian.place / "channel"
    channel.mkdir()
    debian.package(NEW, channel)
    await install(dpkg, debian.package(OLD))
    await Systemd().start()
    if dead:
        (debian.place / f"dead-{NEW}").touch()
    state = await update(debian, dpkg, monkeypatch)
    version = OLD if dead else NEW
    assert (await dpkg.installed(), debian.versions()) == (version, {version})
    assert (debian.place / "running").read_text().startswith(version)
    assert state.failed == dead
    assert recall(debian.store) == state
    assert set(state.bad) == ({NEW} if dead else set())
    assert not (debian.store / WAY_BACK).exists()


def test_state_of_a_newer_version_is_read_by_this_one(tmp_path: Path) -> None:
    newer = {**msgspec.to_builtins(State(serial=4)), "invented_later": [1]}
    (tmp_path / "state.json").write_bytes(msgspec.json.encode(newer))
    assert recall(tmp_path) == State(serial=4)


@pytest.mark.parametrize("rubbish", [b"", b"{", b"\xff\xfe", b'{"serial": "many"}'])
def test_state_that_cannot_be_read_is_that_of_a_beginner(tmp_path: Path, rubbish: bytes) -> None:
    assert recall(tmp_path) == State()
    (tmp_path / "state.json").write_bytes(rubbish)
    assert recall(tmp_path) == State()
