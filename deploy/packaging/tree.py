"""Lays out the files of the package as they will lie on the device."""

import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance import __version__
from deploy.packaging.target import ROOT

LIBRARY: Final = "usr/lib/voice-appliance"
SITE: Final = f"{LIBRARY}/site"  # first on Python's path
FALLBACK: Final = f"{LIBRARY}/fallback"  # last: only where the system has none (lgpio)
DOC: Final = "usr/share/doc/voice-appliance"
DEBIAN: Final = ROOT / "deploy" / "debian"

# Where the files of systemd/ go, by their ending.
SYSTEMD: Final = {
    ".service": "usr/lib/systemd/system/{0.name}",
    ".timer": "usr/lib/systemd/system/{0.name}",
    ".path": "usr/lib/systemd/system/{0.name}",
    ".socket": "usr/lib/systemd/system/{0.name}",
    ".preset": "usr/lib/systemd/system-preset/50-{0.name}",
    ".sysusers": "usr/lib/sysusers.d/{0.stem}.conf",
    ".tmpfiles": "usr/lib/tmpfiles.d/{0.stem}.conf",
    ".catalog": "usr/lib/systemd/catalog/{0.name}",
}

# What units of the card image run, as root: each is `main` of its package's `__main__`.
ROOT_PROGRAMS: Final = {
    f"{LIBRARY}/first-boot": "appliance.firstboot.__main__",
    f"{LIBRARY}/onboarding": "appliance.onboarding.__main__",
}

LAUNCHER: Final = f"""\
#!/usr/bin/python3 -I
\"\"\"A program of the voice appliance, on the libraries that came with it.\"\"\"

import sys

sys.path.insert(0, "/{SITE}")
sys.path.append("/{FALLBACK}")  # the system's own come first

from {{module}} import main

sys.exit(main())
"""


def lay_program(root: Path, version: str = __version__) -> None:
    """Put command, appliance, units, settings and manual page below `root`.

    `version`: what the appliance says of itself; the updater compares it with the package's.
    """
    put(root / "usr/bin/voice-appliance", LAUNCHER.format(module="appliance.cli"))
    for program, module in ROOT_PROGRAMS.items():
        put(root / program, LAUNCHER.format(module=module))
    shutil.copytree(
        ROOT / "appliance", root / SITE / "appliance",
        ignore=shutil.ignore_patterns("__pycache__", "*.md", "*.pyc"),
    )  # fmt: skip
    about = root / SITE / "appliance" / "__init__.py"
    about.write_text(about.read_text().replace(f'"{__version__}"', f'"{version}"'))
    put(root / LIBRARY / "mend", (DEBIAN / "mend").read_text())
    for path in sorted((ROOT / "systemd").iterdir()):
        if place := SYSTEMD.get(path.suffix):
            put(root / place.format(path), path.read_text())
    put(root / "etc/voice-appliance/config.toml", (DEBIAN / "config.toml").read_text())
    page = (DEBIAN / "voice-appliance.1").read_text()
    put_gz(root / "usr/share/man/man1/voice-appliance.1.gz", page)
    overrides = (DEBIAN / "lintian-overrides").read_text()
    put(root / "usr/share/lintian/overrides/voice-appliance", overrides)


def lay_documents(root: Path) -> None:
    """Put all documentation into /usr/share/doc, pages and pictures where their links lead."""
    pictures = (ROOT / "deploy/wiring").glob("*.svg")
    for path in (ROOT / "README.md", *ROOT.glob("*/**/README.md"), *pictures):
        where = path.relative_to(ROOT)
        if where.parts[0] in {"README.md", "appliance", "deploy", "systemd"}:
            put(root / DOC / where, path.read_text())
    put(root / DOC / "README.Debian", (DEBIAN / "README.Debian").read_text())
    put_gz(root / DOC / "changelog.gz", (ROOT / "CHANGELOG.md").read_text())


def put(path: Path, text: str) -> None:
    """Write a text file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def put_gz(path: Path, text: str) -> None:
    """Write a compressed text file; the same text gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def files(root: Path) -> Iterator[Path]:
    """Yield every file below `root`, in the order of the names."""
    yield from sorted(path for path in root.rglob("*") if path.is_file())


def settle(root: Path, epoch: int) -> None:
    """Give every file and folder the same rights and time, whoever builds, and whenever."""
    scripts = {root / "DEBIAN" / name for name in ("postinst", "prerm", "postrm")}
    scripts |= {root / LIBRARY / "mend", *(root / path for path in ROOT_PROGRAMS)}
    for path in (*sorted(root.rglob("*"), reverse=True), root):
        executable = path.is_dir() or path in scripts or path.parent == root / "usr/bin"
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (epoch, epoch))
