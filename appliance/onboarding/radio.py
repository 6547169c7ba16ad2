"""The port `Radio` on NetworkManager, told by nmcli.

Profiles with passwords go to NetworkManager as files that only root may read, never as words of a
command. Those in /run are gone after the next start: whenever the power fails, no access point
and no wrong network stays behind.
"""

import asyncio
import contextlib
import hashlib
import logging
from pathlib import Path
from typing import Final

from typing_extensions import override

from appliance.firstboot.apply import write_file
from appliance.firstboot.wifi import client_profile, security_section, ssid_value
from appliance.onboarding import nmcli
from appliance.onboarding.command import MISSING, Command, run_command
from appliance.onboarding.errors import OnboardingError
from appliance.onboarding.model import Choice, Network, Sight, Verdict
from appliance.onboarding.ports import Radio

PASSING: Final = "run/NetworkManager/system-connections"
LASTING: Final = "etc/NetworkManager/system-connections"
# NetworkManager starts dnsmasq with `--conf-dir` of this folder if it is there when the point comes
# up, and reads it at no other time (NetworkManager, src/core/dnsmasq/nm-dnsmasq-manager.c).
NAMES: Final = "etc/NetworkManager/dnsmasq-shared.d/voice-appliance-setup.conf"
# dnsmasq(8), --address: `#` is every name. No DHCP option 114 (RFC 8910): the address it tells has
# to be one of HTTPS (RFC 8908, API Connection Details), and nobody would trust our certificate.
EVERY_NAME: Final = f"# While the set-up page is there.\naddress=/#/{nmcli.ADDRESS}\n"
# Of profiles for the same network NetworkManager tries the one of the highest priority first, then
# the one that worked last; one without a limit to its retries it may try for ever, and never the
# next (src/core/nm-policy.c). What a person chose here shall not stand behind a wrong password.
PREFERRED: Final = "autoconnect-priority=1"
ALLOWED: Final = ("inet", "voice", "setup_device")  # of deploy/imaging/files/etc/nftables.conf

COMMAND_TIME: Final = 15.0  # s
WAKE_TIME: Final = 10.0  # s; a radio that was blocked needs its supplicant, one or two seconds
SCAN_TIME: Final = 20.0  # s
POINT_TIME: Final = 30.0  # s
JOIN_TIME: Final = 75.0  # s; NetworkManager waits 45 for an address, 25 for the password's answer

log = logging.getLogger(__name__)


class NetworkManager(Radio):
    """`name` and `password`: of the access point. `root`: where the system's files are."""

    def __init__(
        self, name: str, password: str, root: Path = Path("/"), command: Command = run_command
    ) -> None:
        self._name = name
        self._password = password
        self._root = root
        self._command = command
        self._device = ""

    @override
    async def look(self) -> Sight:
        devices = await self._ask(*nmcli.DEVICES)
        sight = nmcli.sight(devices, await self._ask(*nmcli.PROFILES))
        self._device = nmcli.wifi_device(devices) or self._device
        return sight

    @override
    async def scan(self) -> tuple[Network, ...]:
        # Without a country Raspberry Pi OS keeps the radio blocked; this lifts the block as well.
        await self._run("nmcli", "radio", "wifi", "on")
        for _ in range(20):  # until it is awake nmcli lists nothing, and does not wait
            if nmcli.available(await self._ask(*nmcli.DEVICES), self._device):
                break
            await asyncio.sleep(WAKE_TIME / 20)
        done = await self._command((*nmcli.SCAN, self._device), SCAN_TIME)
        return nmcli.networks(done.out)

    @override
    async def open_point(self) -> bool:
        profile = nmcli.point_profile(self._device, self._name, self._password)
        await self._write(self._root / NAMES, EVERY_NAME, 0o644)
        await self._load(PASSING, nmcli.POINT, profile)
        # Phones on it may ask for addresses, names and the page; see nftables.conf.
        await self._run("nft", "add", "element", *ALLOWED, "{", self._device, "}")
        code, text = await self._up(nmcli.POINT, POINT_TIME)
        if code:
            log.warning("NetworkManager says of the access point: %s", text.strip()[-300:])
        return code == 0

    @override
    async def close_point(self) -> None:
        await self._forget(nmcli.POINT)
        (self._root / NAMES).unlink(missing_ok=True)
        await self._run("nft", "flush", "set", *ALLOWED)

    @override
    async def occupied(self) -> bool:
        done = await self._command(("iw", "dev", self._device, "station", "dump"), COMMAND_TIME)
        return nmcli.stations(done.out) > 0

    @override
    async def join(self, choice: Choice) -> Verdict:
        await self._load(PASSING, nmcli.TRIAL, _profile(nmcli.TRIAL, choice, "autoconnect=false"))
        verdict = nmcli.verdict(*await self._up(nmcli.TRIAL, JOIN_TIME))
        if verdict is not Verdict.JOINED:
            await self._forget(nmcli.TRIAL)
            return verdict
        # The one that is in use stays until the next start; this one comes up from then on.
        lasting = f"voice-appliance-{hashlib.sha256(choice.ssid).hexdigest()[:8]}"
        await self._load(LASTING, lasting, _profile(lasting, choice, PREFERRED))
        return verdict

    async def _load(self, folder: str, name: str, profile: str) -> None:
        path = self._path(folder, name)
        await self._write(path, profile, 0o600)
        await self._run("nmcli", "connection", "load", self._told(path))

    async def _up(self, name: str, limit: float) -> tuple[int, str]:
        words = ("nmcli", "--wait", f"{limit:.0f}", "connection", "up", "id", name)
        done = await self._command((*words, "ifname", self._device), limit + COMMAND_TIME)
        return done.code, f"{done.out}\n{done.err}"

    async def _forget(self, name: str) -> None:
        await self._run("nmcli", "connection", "delete", "id", name)
        self._path(PASSING, name).unlink(missing_ok=True)

    async def _run(self, *argv: str) -> None:
        """Run what may fail: what it was for is looked at afterwards."""
        done = await self._command(argv, COMMAND_TIME)
        if done.code:
            log.debug("%s ended with %d: %s", argv[0], done.code, done.err.strip()[-300:])

    async def _ask(self, *argv: str) -> str:
        done = await self._command(argv, COMMAND_TIME)
        if done.code == MISSING:
            raise OnboardingError("NetworkManager is not installed.", "Install network-manager.")
        if done.code:
            raise OnboardingError(
                f"NetworkManager does not answer ({done.err.strip()[-200:] or done.code}).",
                "See: journalctl -u NetworkManager.",
            )
        return done.out

    async def _write(self, path: Path, text: str, mode: int) -> None:
        try:
            await asyncio.to_thread(write_file, path, text.encode(), mode)
        except OSError as error:
            raise OnboardingError(
                f"The card could not be written ({error.strerror}).", "Take another card."
            ) from error

    def _path(self, folder: str, name: str) -> Path:
        return self._root / folder / f"{name}.nmconnection"

    def _told(self, path: Path) -> str:
        """Return a path as NetworkManager knows it."""
        with contextlib.suppress(ValueError):
            return f"/{path.relative_to(self._root)}"
        return str(path)


def _profile(name: str, choice: Choice, *more: str) -> str:
    security = security_section(choice.password) if choice.password else ""
    return client_profile(name, ssid_value(choice.ssid), security, choice.hidden, *more)
