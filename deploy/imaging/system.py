"""The system on the card: Debian's packages, the appliance's, our files."""

import contextlib
import io
import os
import shlex
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.imaging import twins
from deploy.packaging.inputs import run
from deploy.packaging.target import ROOT, PackagingError

HERE: Final = ROOT / "deploy" / "imaging"
SUITE: Final = "trixie"
TOOLS: Final = ("e2fsprogs", "libarchive13t64", "dosfstools", "mtools")
DEBIANS: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_EXECUTABLE: Final = "usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Archive:
    """Where kernel and firmware come from."""

    name: str
    packages: tuple[str, ...]
    keyring: str = ""  # of an archive beside Debian's; whoever builds names its server


@dataclass(frozen=True, slots=True)
class Source:
    """A place that apt asks. `keyring`: a file; without one Debian's."""

    server: str
    suites: tuple[str, ...]
    parts: str
    keyring: str = ""

    def lines(self) -> list[str]:
        """Return it for mmdebstrap, a line for each suite."""
        signed = f"[signed-by={self.keyring}] " if self.keyring else ""
        return [f"deb {signed}{self.server} {suite} {self.parts}" for suite in self.suites]

    def stanza(self) -> str:
        """Return it for the card (sources.list(5), deb822)."""
        return (
            f"Types: deb\nURIs: {self.server}\nSuites: {' '.join(self.suites)}\n"
            f"Components: {self.parts}\nSigned-By: {self.keyring or DEBIANS}\n"
        )


ARCHIVES: Final = {
    archive.name: archive
    for archive in (
        Archive("debian", ("linux-image-arm64", "raspi-firmware", "firmware-brcm80211")),
        Archive(
            "raspberrypi",
            ("linux-image-rpi-v8", "linux-image-rpi-2712", "raspi-firmware", "firmware-brcm80211",
             "python3-picamera2", "python3-lgpio"),
            "/usr/share/keyrings/raspberrypi-archive-keyring.pgp",
        ),
    )
}  # fmt: skip


def packages(text: str) -> list[str]:
    """Return the names in a list of packages with comments."""
    return [word for line in text.splitlines() for word in line.partition("#")[0].split()]


def dependencies(package: Path) -> list[str]:
    """Return what a package depends on; of alternatives the first."""
    depends = run(["dpkg-deb", "--field", package, "Depends"]).split(",")
    return [each.split("|")[0].split("(")[0].strip() for each in depends]


def lay_files(folder: Path, archive: Path, epoch: int, sources: str = "") -> None:
    """Pack a folder as root's files, with one time and plain rights, in the order of the names.

    `sources`: where the card's apt asks for updates (deb822).
    """
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            entry = tarfile.TarInfo(name)
            entry.mtime = epoch
            entry.mode = 0o755 if path.is_dir() or name.startswith(_EXECUTABLE) else 0o644
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
            else:
                _add(tar, entry, path.read_bytes())
        if sources:
            entry = tarfile.TarInfo("etc/apt/sources.list.d/debian.sources")
            entry.mtime, entry.mode = epoch, 0o644
            _add(tar, entry, sources.encode())


def _add(tar: tarfile.TarFile, entry: tarfile.TarInfo, data: bytes) -> None:
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def fetch_tools(work: Path) -> Path:
    """Return a folder with tools, and twins, of the suite for this machine; unpacked only."""
    folder = work / "tools"
    run([
        *_mmdebstrap(), "--variant=extract", f"--include={','.join((*TOOLS, *twins.PACKAGES))}",
        SUITE, folder, f"deb {_server()} {SUITE} main",
    ])  # fmt: skip
    return folder


def build_system(
    package: Path, archive: Archive, server: str, work: Path, epoch: int
) -> tuple[Path, Path]:
    """Return the root file system as an archive, and the boot partition as a folder.

    `server`: that of an archive beside Debian's. `work` holds the tools. Where there are no
    `twins`, it takes a quarter of an hour.

    The hooks tidy up, and mmdebstrap does not: its apt learns from a file in the tree's /tmp which
    tree is meant, and where that is gone, it takes the package lists away from this machine.
    """
    if archive.keyring and not server:
        raise PackagingError(
            f"It was not said where the archive of {archive.name} is.",
            "Name it: --server, with the address that a board's own package sources have.",
        )
    if archive.keyring and not Path(archive.keyring).exists():
        raise PackagingError(
            f"{archive.keyring} is missing, so {server} cannot be trusted.",
            "Install raspberrypi-archive-keyring, or build with --archive debian.",
        )
    overlay, root, boot = work / "files.tar", work / "root.tar", work / "boot"
    sources = _sources(archive, server)
    lay_files(HERE / "files", overlay, epoch, "\n".join(source.stanza() for source in sources))
    boot.mkdir()
    listed = packages((HERE / "packages.txt").read_text())
    names = sorted({*listed, *archive.packages, *dependencies(package)})
    excludes = HERE / "files/etc/dpkg/dpkg.cfg.d/voice-appliance"
    command: list[str | Path] = [
        *_mmdebstrap(), "--variant=minbase", "--architectures=arm64", "--format=tar",
        "--skip=cleanup/apt,cleanup/reproducible",
        f"--include={','.join(names)}", f"--dpkgopt={excludes}", "--dpkgopt=force-unsafe-io",
        "--aptopt=APT::Install-Recommends false", "--aptopt=Acquire::Languages none",
        script("essential", "essential.sh"),
        hook("customize", "tar-in", overlay, "/"),
        hook("customize", "copy-in", package, "/var/cache"),
        script("customize", "customize.sh"),
        hook("customize", "copy-out", "/boot/firmware", boot),
        '--customize-hook=rm -rf "$1"/boot/firmware && mkdir "$1"/boot/firmware',
    ]  # fmt: skip
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHON_313": _python()}
    lines = [line for source in sources for line in source.lines()]
    target: list[str | Path] = [SUITE, root, *lines]
    if twins.possible() and run(["uname", "-m"]).strip() != "aarch64":
        with twins.registered(work / "tools") as triplet:
            twin = script("extract", "twin.sh", work / "tools", triplet)
            run([*command, twin, *target], None, **environment)
    else:
        run([*command, *target], None, **environment)
    firmware = boot / "firmware"
    for path in sorted((HERE / "boot").iterdir()):
        text = path.read_text(encoding="utf-8")
        windows = path.suffix in {".txt", ".toml"} and path.stem not in {"config", "cmdline"}
        (firmware / path.name).write_bytes(
            (text.replace("\n", "\r\n") if windows else text).encode("utf-8")
        )
    return root, firmware


def hook(when: str, *words: str | Path) -> str:
    """Return the option of mmdebstrap that does a special hook, such as copy-in, then.

    mmdebstrap reads it as a shell does, so the paths may have blanks.
    """
    return f"--{when}-hook={shlex.join(map(str, words))}"


def script(when: str, name: str, *words: str | Path) -> str:
    """Return the option that runs one of our scripts then, with the tree and the words.

    mmdebstrap gives it to `sh -c`, with the tree as its first argument.
    """
    quoted = shlex.join(map(str, words))
    return f'{hook(when, "sh", HERE / "hooks" / name)} "$1" {quoted}'.rstrip()


def _mmdebstrap() -> list[str | Path]:
    """Return the command, as root or in a user namespace; apt in it asks as apt here does."""
    if not shutil.which("mmdebstrap"):
        raise PackagingError(
            "There is no mmdebstrap.",
            "sudo apt-get install --no-install-recommends mmdebstrap qemu-user-static "
            "binfmt-support uidmap xz-utils zstd",
        )
    if os.geteuid() != 0:
        return ["mmdebstrap", "--mode=unshare", *_apt_options()]
    # However it ends, what it mounted goes too: nobody deletes this machine's /dev with a tree.
    private = ("unshare", "--mount", "--propagation", "private")
    return [*private, "mmdebstrap", "--mode=root", *_apt_options()]


def _apt_options() -> list[str]:
    """A machine behind a proxy that looks into TLS: apt inside needs what apt here has.

    That is this machine's own affair, so a hook takes it out of the tree again (99mmdebstrap).
    """
    lines = run(["apt-config", "dump", "Acquire"]).splitlines()
    return [f"--aptopt={line}" for line in lines if '""' not in line]


def _server() -> str:
    return run([ROOT / "deploy" / "debian-fetch", "--server"]).strip()


def _sources(archive: Archive, server: str) -> list[Source]:
    """Return where packages come from, while it is built and on the card: the builder's servers."""
    debian, parts = _server(), "main non-free-firmware"
    security = debian.rstrip("/").removesuffix("/debian") + "/debian-security"
    found = [
        Source(debian, (SUITE, f"{SUITE}-updates"), parts),
        Source(security, (f"{SUITE}-security",), parts),
    ]
    if archive.keyring:
        found.append(Source(server, (SUITE,), "main", archive.keyring))
    return found


def _python() -> str:
    """Return a Python of the suite's version on this machine, which compiles faster; or none."""
    for python in (sys.executable, shutil.which("python3.13")):
        if python:
            with contextlib.suppress(PackagingError):
                if run([python, "-c", "import sys; print(*sys.version_info[:2])"]) == "3 13\n":
                    return python
    return ""
