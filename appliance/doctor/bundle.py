"""The report bundle: what a helper needs to know of an appliance, and nothing of its people."""

import getpass
import io
import os
import re
import socket
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from appliance.config import Config, Loaded
from appliance.doctor.network import Network
from appliance.doctor.redact import PUBLIC, Redactor
from appliance.doctor.service import given_key
from appliance.doctor.software import ask
from appliance.doctor.stun import stun_server
from appliance.errors import ApplianceError
from appliance.processes import LATE, run

FOLDER: Final = "voice-appliance-report"  # in the archive
COMMAND_TIMEOUT: Final = 10.0  # s; a journal of years on a slow card takes a few
SIZE_LIMIT: Final = 1_000_000  # bytes of a text; the end is kept
JOURNAL: Final = (
    "journalctl", "--unit=voice-appliance", "--lines=2000", "--no-pager", "--no-hostname",
    "--output=short-iso", "--quiet",
)  # fmt: skip
UNIT: Final = (
    "systemctl", "show", "voice-appliance.service",
    "--property=ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainStartTimestamp",
    "--property=MemoryCurrent,UnitFileState,DropInPaths",
)  # fmt: skip
PACKAGES: Final = (
    "dpkg-query", "--show", "voice-appliance", "python3", "python3-av", "python3-numpy",
    "python3-pyaudio", "python3-lgpio", "python3-gpiozero", "python3-picamera2", "libcamera*",
    "rpicam-apps*", "alsa-*", "libportaudio2", "libopus0", "pipewire*", "pulseaudio*",
    "raspi-firmware", "raspberrypi-kernel", "linux-image-*", "systemd",
)  # fmt: skip
PRIVATE: Final = frozenset(
    {"session.instructions", "session.greeting", "call.photo_prompt", "service.ice_servers"}
)
"""Settings in which people write what they like, or credentials: only their length is told."""

ABSENT: Final = """\
Never in it: the key, Wi-Fi and other passwords, what was said, pictures. Taken out wherever they
turn up: names of this machine and its user, e-mail, network and hardware addresses, other
machines' names in URLs, machine ids. Read it before you send it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the bundle."""

    name: str
    about: str
    text: str


def refuse_existing(path: Path) -> None:
    """Raise ApplianceError if there is such a file already."""
    if path.exists():
        raise ApplianceError(f"There is a file {path} already.", "Name another one.")


async def write_bundle(
    path: Path, report: bytes, loaded: Loaded, root: Path = Path("/")
) -> Sequence[str]:
    """Write the bundle and return, in lines, what is in it. `report`: the checks as JSON.

    Raises ApplianceError if it cannot be written.
    """
    parts = [
        Part("doctor.json", "all checks", report.decode()),
        Part("config.txt", "settings and where they come from", "\n".join([*settings(loaded), ""])),
        Part("status.json", "what the running appliance says of itself", await _status()),
        Part("journal.txt", "the last 2000 lines of the service's log", await _journal()),
        Part("unit.txt", "how the service does, by systemd", await output(*UNIT)),
        Part("packages.txt", "versions of packages", await output(*PACKAGES)),
        Part("devices.txt", "sound cards, cameras, USB devices, GPIO chips", _devices(root)),
    ]
    redactor = Redactor(
        _names() | _hosts(loaded.config), _secrets(loaded, root / "etc/voice-appliance")
    )
    parts = [Part(part.name, part.about, redactor.text(part.text)[-SIZE_LIMIT:]) for part in parts]
    told = [f"{part.name:14} {part.about}" for part in parts]
    readme = "\n".join(["Report of a voice appliance.", "", *told, "", ABSENT, ""])
    archive = _packed([Part("README.txt", "", readme), *parts])
    _write(path, archive)
    return [f"{path} ({len(archive) // 1000} kB) holds:", *told, ABSENT]


def _write(path: Path, archive: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        refuse_existing(path)
        raise ApplianceError(
            f"{path} cannot be written ({error.strerror}).", "Name a file in a folder of yours."
        ) from error
    with open(descriptor, "wb") as file:  # noqa: PTH123 - pathlib opens no descriptors
        file.write(archive)


def settings(loaded: Loaded) -> Iterator[str]:
    """Yield every setting, as `config show` does, without what is private."""
    for line in loaded.lines():
        key = line.partition(" = ")[0]
        value = reduce(getattr, key.split("."), loaded.config)
        told = f"({len(str(value))} characters)"
        if key not in PRIVATE or key not in loaded.origins:  # or it is ours
            told = msgspec.json.encode(value).decode()
        origin = loaded.origins.get(key, "default").partition("=")[0]  # --set has the value too
        yield f"{key} = {told}  # {origin}"


async def output(*command: str) -> str:
    """Return what a command prints, within COMMAND_TIMEOUT; or why there is nothing."""
    try:
        done = await run(command, COMMAND_TIMEOUT)
    except OSError as error:
        return f"({command[0]}: {error.strerror})"
    return f"({command[0]} does not answer)" if done.code == LATE else done.out


async def _journal() -> str:
    found = await output(*JOURNAL)
    return found or "(Nothing: the service never ran here, or you may not read its log: use sudo.)"


async def _status() -> str:
    status = await ask()
    if status is None:
        return "null"
    return msgspec.json.format(msgspec.json.encode(status)).decode()


def _devices(root: Path) -> str:
    sections: Mapping[str, Sequence[Path]] = {
        "Sound cards": [root / "proc/asound/cards", root / "proc/asound/pcm"],
        "Cameras": sorted(root.glob("sys/class/video4linux/*/name")),
        "USB devices": [
            folder / name
            for folder in sorted(root.glob("sys/bus/usb/devices/*"))
            for name in ("idVendor", "idProduct", "product")
        ],
        "GPIO chips": sorted(root.glob("sys/bus/gpio/devices/*/of_node/compatible")),
    }
    lines = []
    for title, files in sections.items():
        lines.append(f"{title}:")
        for file in files:
            with suppress(OSError):
                text = file.read_text(encoding="utf-8", errors="replace").replace("\0", " ")
                lines.append(f"  {file.relative_to(root)}: {text.strip()}")
    return "\n".join([*lines, ""])


def _hosts(config: Config) -> set[str]:
    """Return the names of hosts that a person has set; addresses are found without."""
    ice = {found[0] for url in config.service.ice_servers if (found := stun_server(url))}
    updates = urlsplit(config.update.index_url).hostname or ""
    hosts = {Network(config.service).host, updates, *ice} - PUBLIC
    return {host for host in hosts if re.search("[A-Za-z]", host) and ":" not in host}


def _names() -> set[str]:
    host = socket.gethostname()
    with suppress(KeyError, OSError):  # a user without a name
        return {host, host.partition(".")[0], getpass.getuser(), os.environ.get("SUDO_USER", "")}
    return {host, host.partition(".")[0]}


def _secrets(loaded: Loaded, etc: Path) -> set[str]:
    with suppress(ApplianceError, OSError):
        return {given_key(loaded.config.service, etc).reveal()}
    return set()


def _packed(parts: Sequence[Part]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for part in parts:
            text = part.text.encode()
            entry = tarfile.TarInfo(f"{FOLDER}/{part.name}")
            entry.size, entry.mtime = len(text), int(time.time())
            archive.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()
