"""Lets the kernel run a foreign system's programs natively where there are twins of them.

A tree for another machine is built by its own programs, which qemu-user emulates. Nearly all they
do (shell, sed, tar, perl, systemctl) does not depend on the machine, so the same release's programs
for this machine do it: a minute instead of a quarter of an hour. It takes root: the kernel is told.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.packaging.inputs import run

PACKAGES: Final = (
    "adduser", "bash", "ca-certificates", "coreutils", "cpio", "dash", "debconf", "debianutils",
    "diffutils", "dpkg", "findutils", "grep", "gzip", "hostname", "init-system-helpers",
    "initramfs-tools-core", "iproute2", "kmod", "libc-bin", "libpam-runtime", "mawk", "openssl",
    "passwd", "perl-base", "procps", "sed", "systemd", "tar", "ucf", "udev", "util-linux",
    "xz-utils", "zstd",
)  # fmt: skip
_RULES: Final = Path("/proc/sys/fs/binfmt_misc")
_RULE: Final = "voice-appliance-arm64"
# An ELF of 64 bits for aarch64; Documentation/admin-guide/binfmt-misc.rst has the form.
_MAGIC: Final = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK: Final = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"


def possible() -> bool:
    """Whether this machine can: root, a compiler, qemu, and a kernel that takes rules."""
    commands = ("gcc", "unshare", "qemu-aarch64-static")
    return os.geteuid() == 0 and all(map(shutil.which, commands)) and (_RULES / "register").exists()


@contextlib.contextmanager
def registered(tree: Path) -> Iterator[str]:
    """Run arm64 programs by `tree`, a system of this machine; yield its libraries' folder name.

    For as long as this lasts it holds for every arm64 program on this machine.
    """
    (loader,) = tree.glob("usr/lib/*/ld-linux-*.so.*")
    triplet = loader.parent.name
    qemu = shutil.which("qemu-aarch64-static") or ""
    program = tree / "dispatch"
    run([
        "gcc", "-O2", "-Wall", "-static", "-o", program,
        f'-DLOADER="/twin/usr/lib/{triplet}/{loader.name}"',
        f'-DLIBRARIES="/twin/usr/lib/{triplet}"', f'-DQEMU="{qemu}"',
        Path(__file__).with_name("twin.c"),
    ])  # fmt: skip
    shutil.copy(qemu, tree / "qemu")
    _forget()  # what a build that was killed has left
    (_RULES / "register").write_text(f":{_RULE}:M::{_MAGIC}:{_MASK}:{program}:PF")
    try:
        yield triplet
    finally:
        _forget()


def _forget() -> None:
    rule = _RULES / _RULE
    if rule.exists():  # another build may have forgotten it for us
        rule.write_text("-1")
