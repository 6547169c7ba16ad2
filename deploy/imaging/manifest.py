"""The manifest with which Raspberry Pi Imager offers the image.

Fields as in the documents of rpi-imager, doc/json-schema/os-list-schema.json and doc/local_json:
without the list of devices it shows no image at all.
"""

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any, Final

NAME: Final = "voice-appliance.rpi-imager-manifest"
_DEVICES: Final = {
    "debian": (("Raspberry Pi 4", "pi4-64bit"), ("Raspberry Pi 3", "pi3-64bit")),
    "raspberrypi": (
        ("Raspberry Pi 5", "pi5-64bit"), ("Raspberry Pi 4", "pi4-64bit"),
        ("Raspberry Pi 3", "pi3-64bit"),
    ),
}  # fmt: skip


def manifest(image: Path, compressed: Path, version: str, archive: str, epoch: int) -> str:
    """Return the manifest for a compressed image in the same folder as the manifest."""
    tags = [tag for _, tag in _DEVICES[archive]]
    devices: list[dict[str, Any]] = [
        {
            "name": name, "tags": [tag], "icon": "", "description": name,
            "matching_type": "inclusive", "architecture": "armv8", "default": tag == tags[0],
        }
        for name, tag in _DEVICES[archive]
    ]  # fmt: skip
    devices.append({
        "name": "No filtering", "tags": [], "icon": "", "description": "Show every image",
        "matching_type": "inclusive",
    })  # fmt: skip
    system = {
        "name": f"Voice Appliance {version} (64-bit)",
        "description": "Press the button and talk. Then fill in voice-appliance.toml on the card.",
        "icon": "",
        "url": compressed.name,
        "extract_size": image.stat().st_size,
        "extract_sha256": sha256(image),
        "image_download_size": compressed.stat().st_size,
        "image_download_sha256": sha256(compressed),
        "release_date": dt.datetime.fromtimestamp(epoch, dt.UTC).date().isoformat(),
        "init_format": "none",  # voice-appliance.toml instead of Imager's own questions
        "architecture": "armv8",
        "devices": tags,
        "capabilities": [],
    }
    whole = {
        "imager": {"latest_version": "2.0.0", "url": "", "devices": devices},
        "os_list": [system],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def sha256(path: Path) -> str:
    """Return a file's digest in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
