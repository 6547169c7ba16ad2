"""Package manager, service and power supply of a real machine. Its commands run as root."""

import asyncio
import fcntl
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from typing_extensions import override

from appliance import processes
from appliance.config import SYSTEM_RUNTIME
from appliance.errors import PostponedError, UpdateError
from appliance.hardware.hwmon import SYS, read_board
from appliance.processes import Done
from appliance.update.ports import Packages, Power, Service

NAME: Final = "voice-appliance"
UNIT: Final = f"{NAME}.service"
COMMAND_TIME: Final = 60.0  # s; stopping takes 10 by the unit
INSTALL_TIME: Final = 900.0  # s; a Zero 2 on a slow card needs one or two minutes
READY_TIME: Final = 90.0  # s from the start to the first answer; TimeoutStartSec= is 60
WATCH_TIME: Final = 60.0  # s without a restart after that: four times WatchdogSec=
LOOK_EVERY: Final = 5.0  # s
SAFE_MODE: Final = "safe-mode"  # the phase of one that failed to start again and again
AT_REST: Final = {"idle", "fault", SAFE_MODE, "off"}  # phases in which nobody is talking
INSTALL: Final = ("dpkg", "--force-downgrade,confold", "--install")


async def run(*words: str, limit: float = COMMAND_TIME, **environ: str) -> Done:
    """Run a command of the system, as `processes.run` does; one that is missing: UpdateError."""
    try:
        return await processes.run(words, limit, {**os.environ, "LC_ALL": "C.UTF-8", **environ})
    except FileNotFoundError as error:
        raise UpdateError(f"There is no {words[0]} here.", "Updates are for Debian.") from error


def _why(done: Done) -> str:
    """Return what it said last, without a full stop; of dpkg the line after `error processing`."""
    lines = (done.err or done.out).strip().splitlines() or ["it said nothing"]
    after = [i + 1 for i, line in enumerate(lines[:-1]) if "error processing" in line]
    return lines[after[0] if after else -1].strip().rstrip(".")


class Dpkg(Packages):
    """Debian's package manager. `folder`: where package files lie; `admin`: its own data."""

    def __init__(self, folder: Path, admin: Path = Path("/var/lib/dpkg")) -> None:
        self._folder = folder
        self._admin = admin

    @override
    async def machine(self) -> tuple[str, str]:
        done = await run("dpkg", "--print-architecture")
        release = platform.freedesktop_os_release()
        return release.get("VERSION_CODENAME", ""), done.out.strip()

    @override
    async def installed(self) -> str | None:
        shown = "${db:Status-Abbrev}${Version}"
        done = await run("dpkg-query", "--show", f"--showformat={shown}", NAME)
        # Wanted, present, in trouble: `ii ` (dpkg-query(1)); one that is on hold is `hi `.
        return done.out[3:].strip() if done.code == 0 and done.out[1:3] == "i " else None

    @override
    def newer(self, version: str, than: str) -> bool:
        words = ["dpkg", "--compare-versions", version, "gt", than]
        return subprocess.run(words, check=False).returncode == 0  # noqa: S603 - fixed words

    @override
    async def version_of(self, file: str) -> str | None:
        shown = "--showformat=${Package} ${Architecture} ${Version}"
        done = await run("dpkg-deb", "--show", shown, str(self._folder / file))
        _, architecture = await self.machine()
        name, _, version = done.out.strip().rpartition(" ")
        return version if done.code == 0 and name == f"{NAME} {architecture}" else None

    @override
    async def prepare(self, file: str) -> None:
        done = await run("dpkg-deb", "--field", str(self._folder / file), "Depends")
        if not (depends := done.out.strip()):
            return
        words = (
            "apt-get",
            "-q",
            "-y",
            "--no-install-recommends",
            "--no-remove",
            "satisfy",
            depends,
        )
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        if (await run(*words, limit=INSTALL_TIME, **quiet)).code == 0:
            return
        # Power that went in the middle of this leaves packages that apt will not go past.
        await run("dpkg", "--configure", "--pending", limit=INSTALL_TIME, **quiet)
        await run("apt-get", "-q", "update", limit=INSTALL_TIME)
        if (done := await run(*words, limit=INSTALL_TIME, **quiet)).code != 0:
            raise PostponedError(
                f"The new version needs packages that are not to be had: {_why(done)}.",
                "sudo apt-get update && sudo apt-get --fix-broken install",
            )

    @override
    async def install(self, file: str) -> str | None:
        with self._alone():
            done = await run(
                *INSTALL, str(self._folder / file), limit=INSTALL_TIME,
                DEBIAN_FRONTEND="noninteractive", DPKG_FRONTEND_LOCKED="true",
                VOICE_APPLIANCE_UPDATE="1",  # the maintainer scripts leave starting to us
            )  # fmt: skip
        return None if done.code == 0 else f"dpkg refused it: {_why(done)}"

    @override
    def busy(self) -> bool:
        try:
            with self._alone():
                return False
        except PostponedError:
            return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of apt, so that nobody comes between (dpkg(1), DPKG_FRONTEND_LOCKED)."""
        with (self._admin / "lock-frontend").open("w") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise PostponedError("Another program is installing packages.") from error
            yield


class _Model(msgspec.Struct):
    phase: str


class _Told(msgspec.Struct):
    """The part of `status --json` that matters here, in every version."""

    version: str
    model: _Model


class Systemd(Service):
    """The unit, asked through systemctl; the appliance, asked through its own command.

    The command is a process of the version that is installed: this process is of the one before.
    """

    @override
    async def absent(self) -> str | None:
        # One that fails again and again is `activating` or `failed`, and may need a new version.
        if (await self._shown())["ActiveState"] != "inactive":
            return None
        return "The service is stopped, so nobody could tell how a new version does."

    @override
    async def occupied(self) -> str | None:
        told = await self._ask()
        return None if told is None or told.model.phase in AT_REST else "A call is in progress."

    @override
    async def stop(self) -> None:
        await run("systemctl", "stop", UNIT)

    @override
    async def start(self) -> None:
        await run("systemctl", "start", "--no-block", UNIT)

    @override
    async def prove(self, version: str) -> str | None:
        why = await self._watch(version)
        # systemd(1): then it starts nothing, and stops what runs.
        if why is not None and (await run("systemctl", "is-system-running")).out == "stopping\n":
            raise PostponedError(
                "The machine is being switched off. The update goes on after that."
            )
        return why

    async def _watch(self, version: str) -> str | None:
        await self.start()
        loop = asyncio.get_running_loop()
        expected = upstream(version)
        ready_by = loop.time() + READY_TIME
        while (told := await self._ask()) is None or told.version != expected:
            if loop.time() > ready_by:
                if told is not None:
                    return f"it says that it is {told.version}"
                shown = await self._shown()
                return f"it did not get ready within {READY_TIME:.0f} s ({shown['SubState']})"
            await asyncio.sleep(LOOK_EVERY)
        if told.model.phase == SAFE_MODE:
            return "it failed to start, and came up in safe mode"
        first = (await self._shown())["MainPID"]
        watched_until = loop.time() + WATCH_TIME
        while loop.time() < watched_until:
            await asyncio.sleep(LOOK_EVERY)
            shown = await self._shown()
            if shown["MainPID"] != first or shown["ActiveState"] != "active":
                return "it did not stay up"
        return None if await self._ask() is not None else "it answers no longer"

    async def _shown(self) -> dict[str, str]:
        keys = ("ActiveState", "SubState", "MainPID")
        done = await run("systemctl", "show", f"--property={','.join(keys)}", UNIT)
        lines = (line.partition("=") for line in done.out.splitlines())
        return dict.fromkeys(keys, "") | {key: value for key, _, value in lines}

    async def _ask(self) -> _Told | None:
        done = await run(NAME, "status", "--json", RUNTIME_DIRECTORY=str(SYSTEM_RUNTIME))
        try:
            return msgspec.json.decode(done.out, type=_Told) if done.code == 0 else None
        except msgspec.DecodeError:
            return None


def upstream(version: str) -> str:
    """Return what the appliance itself says of a Debian version: `0.2.0` of `0.2.0-1~deb13`."""
    return re.sub(r"-[^-]*$", "", version)


class Hwmon(Power):
    """The board's own sensor. Where there is none, the supply is taken to be good."""

    def __init__(self, sys: Path = SYS) -> None:
        """`sys`: where sysfs is."""
        self._sys = sys

    @override
    def undervolted(self) -> bool:
        return bool(read_board(self._sys).undervoltage)
