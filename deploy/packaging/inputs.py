"""Fetches what goes into a package: wheels by their hashes, libopus and lgpio from source."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from deploy.packaging.target import ROOT, PackagingError, Target

FROM_SOURCE = "lgpio"  # no wheel for Python 3.13


def run(command: Sequence[str | Path], folder: Path | None = None, **environ: str) -> str:
    """Return what `command` prints. Raises PackagingError with its last lines if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder, env=os.environ | environ, text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise PackagingError(f"{' '.join(map(str, command))} failed:\n{tail}", "Mend that first.")
    return done.stdout


def need(*commands: str) -> None:
    """Raise PackagingError that names what to install if a command is missing."""
    if missing := [command for command in commands if not shutil.which(command)]:
        raise PackagingError(
            f"There is no {', '.join(missing)}.",
            "sudo apt-get install --no-install-recommends gcc libc6-dev make swig; for arm64 also "
            "gcc-aarch64-linux-gnu libc6-dev-arm64-cross.",
        )


def source_date() -> int:
    """Return the time of all files: SOURCE_DATE_EPOCH, else that of the commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    git = shutil.which("git")
    command = [git or "git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    told = subprocess.run(command, capture_output=True, text=True, check=False) if git else None
    if told is None or told.returncode:
        raise PackagingError("The time of the sources is unknown.", "Set SOURCE_DATE_EPOCH.")
    return int(told.stdout)


def lock_file(target: Target) -> Path:
    """Return the lock file of this suite."""
    return ROOT / "deploy" / "requirements" / f"device-{target.suite.name}.txt"


def locked(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return name -> (version, SHA-256 of its files) of a lock file with hashes and no markers.

    Raises PackagingError for a requirement without version or hash.
    """
    found = {}
    for entry in re.split(r"\n(?=\S)", text.replace("\\\n", " ").strip()):
        if entry.startswith("#") or not entry.strip():
            continue
        name, equals, rest = entry.partition("==")
        hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", rest))
        if not equals or not hashes or ";" in rest:
            raise PackagingError(f"{entry.split()[0]} is not locked.", "Run deploy/lock.")
        found[name.strip()] = (rest.split()[0], hashes)
    return found


def fetch_wheels(target: Target, folder: Path) -> list[Path]:
    """Return the wheels of the lock file in `folder`, fetched by pip, which checks the hashes."""
    wheels = folder / "wheels"
    wheels.mkdir()
    tags = [word for tag in target.platforms for word in ("--platform", tag)]
    lock = folder / "wheels.txt"
    lock.write_text(_without(lock_file(target).read_text(), FROM_SOURCE))
    run([
        *_pip(folder), "download", "--quiet", "--no-deps", "--require-hashes",
        "--only-binary=:all:", "--dest", wheels, *tags, "--implementation", "cp",
        "--python-version", "{}.{}".format(*target.suite.python),
        "--abi", target.suite.abi, "--abi", "abi3", "--abi", "none", "--requirement", lock,
    ])  # fmt: skip
    return sorted(wheels.glob("*.whl"))


def _without(lock: str, name: str) -> str:
    return "\n".join(part for part in re.split(r"\n(?=\S)", lock) if not part.startswith(name))


def _only(lock: str, name: str) -> str:
    return "\n".join(part for part in re.split(r"\n(?=\S)", lock) if part.startswith(name))


def _pip(folder: Path) -> list[str | Path]:
    """Return a pip of our own: a person's may be missing (PEP 668) or old."""
    python = folder / "pip" / "bin" / "python"
    if not python.exists():
        run([sys.executable, "-m", "venv", folder / "pip"])
        # pip asks a source for its name, and lgpio answers by setuptools.
        run([
            python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
            "--only-binary=:all:", "--requirement", ROOT / "deploy" / "requirements" / "build.txt",
        ])  # fmt: skip
    return [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]


def unpack(wheel: Path, site: Path) -> None:
    """Put the files of a wheel into `site`, byte for byte; scripts and headers stay away."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            top, _, rest = name.partition("/")
            if top.endswith(".data"):
                kind, _, name = rest.partition("/")  # noqa: PLW2901 - the name below site
                if kind not in {"purelib", "platlib"}:
                    continue
                raise PackagingError(f"{wheel.name} has {kind}.", "Teach deploy/packaging of it.")
            path = site / name
            if name.endswith("/"):
                continue
            if not path.resolve().is_relative_to(site.resolve()) or path.exists():
                raise PackagingError(f"{wheel.name} may not bring {name}.", "Look at this wheel.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))


def build_opus(target: Target, folder: Path, place: Path) -> tuple[str, str]:
    """Put libopus with deep concealment into `place`; return its licence and version."""
    run([ROOT / "deploy" / "opus", folder / "opus", target.triplet])
    shutil.copyfile(folder / "opus" / "libopus.so.0", place / "libopus.so.0")
    recipe = (ROOT / "deploy" / "opus").read_text()
    (version,) = re.findall(r"^version=(\S+)$", recipe, re.MULTILINE)
    return (folder / "opus" / "libopus.COPYING").read_text(), version


def build_lgpio(target: Target, folder: Path, place: Path) -> str:
    """Compile lgpio for the target's Python, from its locked source; return its licence."""
    compiler = f"{target.triplet}-gcc"
    need("swig", compiler)
    lock = folder / "source.txt"
    lock.write_text(_only(lock_file(target).read_text(), FROM_SOURCE))
    run([
        *_pip(folder), "download", "--quiet", "--no-deps", "--require-hashes",
        "--no-build-isolation", "--no-binary=:all:", "--dest", folder / "source",
        "--requirement", lock,
    ])  # fmt: skip
    (archive,) = (folder / "source").glob("lgpio-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "source", filter="data")
    source = folder / "source" / archive.name.removesuffix(".tar.gz")
    headers = python_headers(target, folder)
    run(["swig", "-python", "-Isrc", "lgpio.i"], source)
    run([
        compiler, "-shared", "-fPIC", "-O2", "-pthread", "-w", "-fstack-protector-strong",
        "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro,-z,now", "-s", "-Isrc",
        f"-ffile-prefix-map={headers}=/usr/include",  # else two builds differ
        f"-I{headers}/python{'{}.{}'.format(*target.suite.python)}", f"-I{headers}",
        "lgpio_wrap.c", *sorted(str(each.relative_to(source)) for each in source.glob("src/lg*.c")),
        "src/rgpiod.c", "-lrt", "-ldl", "-o", "_lgpio.so",
    ], source)  # fmt: skip
    tag = f"cpython-{target.suite.abi[2:]}-{target.triplet}"
    shutil.copyfile(source / "_lgpio.so", place / f"_lgpio.{tag}.so")
    shutil.copyfile(source / "lgpio.py", place / "lgpio.py")
    return (source / "LICENSE").read_text()


def python_headers(target: Target, folder: Path) -> Path:
    """Return Debian's headers of the target's Python, unpacked, not installed."""
    package = "libpython{}.{}-dev".format(*target.suite.python)
    debs = folder / "headers"
    run([ROOT / "deploy" / "debian-fetch", target.suite.name, target.architecture, debs, package])
    (deb,) = debs.glob(f"{package}_*.deb")
    run(["dpkg-deb", "-x", deb, debs / "root"])
    return debs / "root" / "usr" / "include"
