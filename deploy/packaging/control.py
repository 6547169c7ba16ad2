"""What dpkg has to know: control fields, checksums, settings and maintainer scripts."""

import hashlib
from pathlib import Path
from typing import Final

from deploy.packaging.target import Target
from deploy.packaging.tree import DEBIAN, SYSTEMD, files, put

DEPENDS: Final = (
    "ca-certificates",
    "libc6 (>= 2.36)",
    "libspeexdsp1",
    "libstdc++6",
    "python3-numpy",
    "python3-pyaudio",
    "python3-systemd",
    "systemd | systemd-standalone-sysusers | systemd-sysusers",
)
RECOMMENDS: Final = ("python3-lgpio", "python3-picamera2")  # in Raspberry Pi's archive alone
MAINTAINER: Final = "Voice Appliance <voice-appliance@localhost>"

DESCRIPTION: Final = """\
button, microphone and camera on OpenAI's Realtime API
 A small daemon that turns a Raspberry Pi with a USB microphone, a speaker and
 a camera into a voice appliance: press a button and talk. It speaks and
 listens over WebRTC, looks at a picture when the second button is pressed,
 and runs tools on the device itself. An LED, tones and words tell what
 happens; there is no screen.
 .
 It needs a key of the service. What it brings along, and under which
 licences, is told in README.Debian."""


def write_control(root: Path, target: Target) -> None:
    """Write DEBIAN/ below `root`, whose other files are complete."""
    control = root / "DEBIAN"
    size = sum(max(1, -(-path.stat().st_size // 1024)) for path in files(root))  # KiB
    major, minor = target.suite.python
    depends = (
        *DEPENDS, *target.suite.depends,
        f"python3 (>= {major}.{minor})", f"python3 (<< {major}.{minor + 1})",
    )  # fmt: skip
    put(control / "control", "\n".join((
        "Package: voice-appliance",
        f"Version: {target.version}",
        f"Architecture: {target.architecture}",
        f"Maintainer: {MAINTAINER}",
        f"Installed-Size: {size}",
        f"Depends: {', '.join(sorted(depends))}",
        f"Recommends: {', '.join(RECOMMENDS)}",
        "Section: sound",
        "Priority: optional",
        f"Description: {DESCRIPTION}",
        "",
    )))  # fmt: skip
    content = [path for path in files(root) if control not in path.parents]
    names = [path.relative_to(root).as_posix() for path in content]
    put(control / "md5sums", "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {name}\n"
        for path, name in zip(content, names, strict=True)
        if not name.startswith("etc/")
    ))  # fmt: skip
    put(control / "conffiles", "".join(f"/{name}\n" for name in names if name.startswith("etc/")))
    for script in ("postinst", "prerm", "postrm"):
        text = (DEBIAN / script).read_text()
        put(control / script, text.replace("@UNITS@", " ".join(enabled_units())))


def enabled_units() -> list[str]:
    """Return the units of systemd/ that start by themselves: those with an [Install] section."""
    folder = DEBIAN.parent.parent / "systemd"
    units = sorted(path for path in folder.iterdir() if path.suffix in SYSTEMD)
    return [path.name for path in units if "\n[Install]" in path.read_text()]
