"""Reads what the plan has to know of the device."""

import contextlib
import hashlib
import os
from pathlib import Path

from appliance.firstboot.plan import KEY_FILE
from appliance.firstboot.steps import Facts
from appliance.firstboot.wifi import PROFILE


def read_facts(root: Path) -> Facts:
    """Return the facts of the system below `root`; what cannot be read is empty. Blocks."""
    key = root / KEY_FILE.lstrip("/")
    return Facts(
        zones=_zones(root / "usr/share/zoneinfo"),
        countries=_countries(root / "usr/share/zoneinfo/iso3166.tab"),
        host=_text(root / "etc/hostname").strip(),
        own_host=own_host(root),
        hosts=_text(root / "etc/hosts"),
        wifi=_text(root / PROFILE.lstrip("/")),
        has_key=bool(_text(key).strip()),
    )


def own_host(root: Path) -> str:
    """Return `voice-XXXX`: the end of the board's serial number, else of the system's own number.

    That number (machine-id(5)) is not for others, so only a digest of it is shown.
    """
    serial = _text(root / "proc/device-tree/serial-number").strip("\0 \n").lower()
    if len(serial) < 4 or not serial.isalnum() or not serial.isascii():
        number = "voice-appliance" + _text(root / "etc/machine-id").strip()
        serial = hashlib.sha256(number.encode()).hexdigest()
    return f"voice-{serial[-4:]}"


def _zones(folder: Path) -> frozenset[str]:
    found = set[str]()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"posix", "right"}]
        within = Path(place).relative_to(folder)
        found.update(str(within / name) for name in names if "." not in name and name[0].isupper())
    return frozenset(found)


def _countries(table: Path) -> dict[str, str]:
    lines = (line.split("\t") for line in _text(table).splitlines() if not line.startswith("#"))
    return {line[0]: line[1] for line in lines if len(line) == 2}


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
