"""NetworkManager, its radio and the air around it, as far as nmcli shows them; and a page."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from appliance.onboarding.model import Choice, Network, Notice, Rescan
from appliance.onboarding.nmcli import POINT
from appliance.processes import Done

NOT_GIVEN = (
    "Warning: password for '802-11-wireless-security.psk' not given in 'passwd-file' and nmcli "
    "cannot ask without '--ask' option.\n"
)
ERROR = "Error: Connection activation failed: {}\nHint: use 'journalctl -xe' to get more details.\n"


# wpa_supplicant's for what a profile leaves open (config_ssid.h: DEFAULT_PROTO and others).
DEFAULTS = {"proto": "wpa;rsn", "pairwise": "ccmp;tkip", "group": "ccmp;tkip"}

Profile: TypeAlias = dict[str, dict[str, str]]  # values by section and key


def read_profile(path: Path) -> Profile:
    """Read a profile as GLib's key files are: blanks at the beginning of a value are lost."""
    profile, section = Profile(), dict[str, str]()
    for line in path.read_text().split("\n"):
        if header := re.fullmatch(r"\[(.+)\]", line):
            section = profile.setdefault(header[1], {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section[key.strip(" ")] = re.sub(
                r"\\(.)", lambda found: {"s": " ", "\\": "\\"}[found[1]], value.lstrip(" ")
            )
    return profile


@dataclass
class Router:
    """A network in the air."""

    ssid: bytes
    password: str = ""  # none: open
    signal: int = 70
    addresses: bool = True  # it gives out addresses
    hidden: bool = False
    silent: bool = False  # it does not say that a password is wrong

    @property
    def security(self) -> str:
        return "WPA2" if self.password else ""


@dataclass
class World:
    """Runs commands (`command.Command`) on the files below `root`, and remembers them."""

    root: Path
    air: list[Router] = field(default_factory=list)
    cable: bool = False
    wifi: bool = True
    installed: bool = True
    blocked: bool = False  # the radio, by rfkill
    waking: float = 2.0  # s that it needs after that
    awake: float = 0.0  # when it is, by the loop's clock
    point_fails: bool = False
    phones: int = 0
    joining: float = 10.0  # s
    known: set[str] = field(default_factory=set)  # profiles from before
    offered: set[str] = field(default_factory=set)  # protocols and ciphers of the access point
    active: str = ""  # the profile that is up on wlan0
    connecting: str = ""  # the profile that comes up by itself
    due: float = 0.0  # when it is up, by the loop's clock
    worked: set[str] = field(default_factory=set)  # profiles that were up once
    profiles: dict[str, Profile] = field(default_factory=dict)
    firewall: set[str] = field(default_factory=set)
    done: list[tuple[str, ...]] = field(default_factory=list)
    point_ups: int = 0

    async def __call__(self, argv: tuple[str, ...], limit: float) -> Done:
        assert limit > 0
        await asyncio.sleep(0.01)
        self.done.append(argv)
        if not self.installed:
            return Done(127)
        match argv:
            case ("nft", "add", "element", "inet", "voice", "setup_device", "{", name, "}"):
                self.firewall.add(name)
            case ("nft", "flush", "set", "inet", "voice", "setup_device"):
                self.firewall.clear()
            case ("iw", "dev", "wlan0", "station", "dump"):
                line = "Station 02:00:00:00:0{}:00 (on wlan0)\n\tinactive time:\t4 ms\n"
                return Done(0, "".join(line.format(each) for each in range(self.phones)))
            case ("nmcli", *words):
                return await self._nmcli(words)
            case _:
                raise AssertionError(argv)
        return Done(0)

    @property
    def point_is_up(self) -> bool:
        return self.active == POINT

    @property
    def unavailable(self) -> bool:
        return self.blocked or asyncio.get_running_loop().time() < self.awake

    async def _nmcli(self, words: Sequence[str]) -> Done:
        if self.connecting and asyncio.get_running_loop().time() >= self.due:
            self.active, self.connecting = self.connecting, ""
        match words:
            case ["-t", "-f", _, "device", "status"]:
                return Done(0, "".join(self._devices()))
            case ["-t", "-f", _, "connection", "show"]:
                return Done(0, "".join(self._shown()))
            case ["radio", "wifi", "on"]:
                if self.blocked:
                    self.awake = asyncio.get_running_loop().time() + self.waking
                self.blocked = False
            case ["-t", "-f", _, "device", "wifi", "list", "--rescan", "yes", "ifname", "wlan0"]:
                assert not self.point_is_up  # it would hear nothing
                return Done(0, "".join(self._heard()))
            case ["connection", "load", path]:
                self.load(self.root / path.removeprefix("/"))
            case ["connection", "delete", "id", name]:
                if self.profiles.pop(name, None) is None:
                    return Done(10, err=f"Error: unknown connection '{name}'.\n")
                self.active = "" if self.active == name else self.active
            case ["--wait", _, "connection", "up", "id", name, "ifname", "wlan0"]:
                return await self._up(name)
            case _:
                raise AssertionError(words)
        return Done(0)

    def _devices(self) -> list[str]:
        lines = ["lo:loopback:connected (externally):lo\n"]
        lines.append(
            "eth0:ethernet:" + ("connected:Cable\\: 1\n" if self.cable else "unavailable:\n")
        )
        if self.wifi:
            state = "connected" if self.active else "disconnected"
            state = "connecting (getting IP configuration)" if self.connecting else state
            state = "unavailable" if self.unavailable else state
            lines += [
                f"wlan0:wifi:{state}:{self.connecting or self.active}\n",
                "p2p-dev-wlan0:wifi-p2p:unavailable:\n",
            ]
        return lines

    def _shown(self) -> list[str]:
        shown = dict.fromkeys(self.known, "yes")
        for name, profile in self.profiles.items():
            shown[name] = "no" if profile["connection"].get("autoconnect") == "false" else "yes"
        return [f"{name}:802-11-wireless:{auto}\n" for name, auto in shown.items()]

    def _heard(self) -> list[str]:
        if self.unavailable:
            return []
        if not (self.active or self.connecting):
            self._connect_by_itself()
        return [
            f"{'' if each.hidden else each.ssid.hex().upper()}:{each.signal}:{each.security}\n"
            for each in self.air
        ]

    def _connect_by_itself(self) -> None:
        """Do what NetworkManager does whenever it has listened."""
        for name, profile in self.profiles.items():
            router = next((each for each in self.air if each.ssid == _ssid(profile)), None)
            if router is None or profile["connection"].get("autoconnect") == "false":
                continue
            if profile.get("wifi-security", {}).get("psk", "") == router.password:
                self.connecting = name
                self.due = asyncio.get_running_loop().time() + self.joining

    def load(self, path: Path) -> None:
        assert path.stat().st_mode & 0o777 == 0o600  # else NetworkManager ignores it
        profile = read_profile(path)
        self.profiles[profile["connection"]["id"]] = profile

    async def restart(self) -> None:
        """Start the machine anew: it joins what it likes best, over and over if that fails.

        The order is that of nm_settings_connection_cmp_autoconnect_priority; a profile that needs
        a password nobody has is left out then (nm-policy.c), one that fails otherwise is not.
        """
        shutil.rmtree(self.root / "run", ignore_errors=True)
        self.active, self.profiles = "", {}
        for path in (self.root / "etc/NetworkManager/system-connections").iterdir():
            self.load(path)

        def rank(name: str) -> tuple[int, bool]:
            priority = self.profiles[name]["connection"].get("autoconnect-priority", "0")
            return int(priority), name in self.worked

        for name in sorted(self.profiles, key=rank, reverse=True):
            if "Secrets were required" not in (await self._up(name)).err:
                break

    async def _up(self, name: str) -> Done:
        profile = self.profiles[name]
        wifi, ssid = profile["wifi"], _ssid(profile)
        self.connecting = ""
        psk = profile.get("wifi-security", {}).get("psk", "")
        if self.unavailable:
            return Done(4, err=f"Error: Connection activation failed: {name} is not available\n")
        if wifi["mode"] == "ap":
            if self.point_fails:
                return Done(4, err=ERROR.format("802.1X supplicant took too long to authenticate"))
            assert 8 <= len(psk) <= 63
            assert (self.root / "etc/NetworkManager/dnsmasq-shared.d").is_dir()
            given = {key: profile["wifi-security"].get(key, "") for key in DEFAULTS}
            self.offered = {
                each
                for key in DEFAULTS
                for each in (given[key] or DEFAULTS[key]).split(";")
                if each
            }
            self.active = name
            self.point_ups += 1
            return Done(0)
        assert not self.point_is_up
        self.active = ""
        await asyncio.sleep(self.joining)
        asked = wifi.get("hidden") == "true"
        for router in self.air:
            if router.ssid != ssid or (router.hidden and not asked):
                continue
            if psk and not router.password:
                continue  # an open network is not what the profile asks for
            if router.password != psk and router.silent:
                said = "802.1X supplicant took too long to authenticate"
                return Done(4, err=ERROR.format(said))
            if router.password != psk:
                said = ERROR.format("Secrets were required, but not provided.")
                return Done(4, err=NOT_GIVEN + said)
            if not router.addresses:
                said = "IP configuration could not be reserved (no available address, …)"
                return Done(4, err=ERROR.format(said))
            self.active = name
            self.worked.add(name)
            return Done(0, "Connection successfully activated\n")
        return Done(4, err=ERROR.format("The Wi-Fi network could not be found"))


def _ssid(profile: Profile) -> bytes:
    return bytes(int(octet) for octet in profile["wifi"]["ssid"].split(";") if octet)


class FakePage:
    """A page (`ports.Page`) that sends what is put into `wishes`, at the loop's time beside it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wishes: list[tuple[float, Choice | Rescan]] = []
        self.shown: list[tuple[tuple[str, ...], Notice | None]] = []
        self.is_open = False
        self.visits = 0

    async def open(self, networks: Sequence[Network], notice: Notice | None) -> bool:
        assert self.world.point_is_up  # else its address cannot be bound
        self.shown.append((tuple(network.name for network in networks), notice))
        self.is_open = True
        return True

    async def close(self) -> None:
        """Serve nothing more; what was sent and not asked for is lost."""
        now = asyncio.get_running_loop().time()
        self.wishes = [(due, wish) for due, wish in self.wishes if not self.is_open or due > now]
        self.is_open = False

    async def wish(self, limit: float) -> Choice | Rescan | None:
        assert self.is_open
        now = asyncio.get_running_loop().time()
        if self.wishes and self.wishes[0][0] <= now + limit:
            due, wish = self.wishes.pop(0)
            await asyncio.sleep(max(0.0, due - now))
            return wish
        await asyncio.sleep(limit)
        return None

    def used(self) -> bool:
        visits, self.visits = self.visits, 0
        return visits > 0


class FakeKeeper:
    """Remembers what it is given (`ports.Keeper`)."""

    def __init__(self) -> None:
        self.kept: list[Choice] = []

    async def keep(self, choice: Choice) -> None:
        self.kept.append(choice)
