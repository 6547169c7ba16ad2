"""A device in a folder: boot partition, root, and a system whose commands do what they say."""

import base64
from collections.abc import Sequence
from pathlib import Path

from appliance.firstboot.boot import BOOT, Outcome, first_boot
from appliance.firstboot.report import NAME as RESULT

KEY = "sk-proj-Abc_123-xyz"
BODY = base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"\0\0\0\x20" + bytes(range(32))).decode()
SSH_KEY = f"ssh-ed25519 {BODY} me@laptop"
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Argentina/Ushuaia", "UTC")
COUNTRIES = "# comment\nDE\tGermany\nGB\tBritain (UK)\nUS\tUnited States\n"

WHOLE = f"""\
hostname = "kitchen"
timezone = "Europe/Berlin"
api_key = "{KEY}"
ssh_key = "{SSH_KEY}"

[wifi]
ssid = "Home"
password = "correct horse"
country = "DE"

[audio]
volume = 70
"""


# base-passwd's, some of which sound like names for a user of ours
DEBIANS_GROUPS = {"audio", "operator", "staff", "users", "video", "voice"}


class FakeSystem:
    """Runs commands: a user is made only once, what is `missing` is not installed."""

    def __init__(self) -> None:
        self.users = {"root"}
        self.enabled: set[str] = set()
        self.host = "voice"
        self.missing: set[str] = set()
        self.host_keys: set[str] = set()
        self.done: list[tuple[str, ...]] = []

    def __call__(self, argv: Sequence[str]) -> str | None:
        if argv[0] in self.missing:
            return "it is not installed"
        self.done.append(tuple(argv))
        match list(argv):
            case ["getent", "passwd", user]:
                return None if user in self.users else "status 2"
            case ["useradd", *_, user]:
                if user in self.users | DEBIANS_GROUPS:
                    return f"useradd: {user} already exists."
                self.users.add(user)
            case ["test", "-s", path]:
                return None if path.removesuffix(".pub") in self.host_keys else "status 1"
            case ["sh", "-c", script]:
                assert script.startswith("rm -f ")  # else ssh-keygen asks before it overwrites
                self.host_keys.add(script.split()[-1])
            case ["systemctl", "enable", unit]:
                self.enabled.add(unit)
            case ["hostname", name]:
                self.host = name
            case _:
                pass
        return None


class Device:
    """A fresh card of the image, put into a board."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.boot = root / BOOT
        self.boot.mkdir(parents=True)
        self.system = FakeSystem()
        zones = root / "usr/share/zoneinfo"
        for zone in ZONES:
            self._put(f"usr/share/zoneinfo/{zone}", "TZif")
            self._put(f"usr/share/zoneinfo/right/{zone}", "TZif")
        (zones / "iso3166.tab").write_text(COUNTRIES)
        self._put("etc/hostname", "voice\n")
        self._put("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 voice\n")
        self._put("proc/device-tree/serial-number", "10000000ABCD1a2b\0")

    def write(self, content: str | bytes, name: str = "voice-appliance.toml") -> None:
        data = content.encode() if isinstance(content, str) else content
        (self.boot / name).write_bytes(data)

    def start(self) -> Outcome:
        return first_boot(self.root, self.system)

    def text(self, path: str) -> str:
        return (self.root / path).read_text()

    def has(self, path: str) -> bool:
        return (self.root / path).exists()

    def mode(self, path: str) -> int:
        return (self.root / path).stat().st_mode & 0o777

    @property
    def letter(self) -> bytes:
        return (self.boot / "voice-appliance.toml").read_bytes()

    @property
    def result(self) -> str:
        return (self.boot / RESULT).read_text("utf-8-sig")

    def _put(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


WIFI = "etc/NetworkManager/system-connections/voice-appliance.nmconnection"
API_KEY = "etc/voice-appliance/openai_api_key"
CONFIG = "etc/voice-appliance/config.d/10-first-boot.toml"
SSHD = "etc/ssh/sshd_config.d/10-voice-appliance.conf"
SSH_KEYS = "etc/ssh/authorized_keys.d/owner"
