"""What a package is built for: a release of Debian and an architecture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
REVISION: Final = 1  # of the packaging, where the same release of the appliance is packaged anew


class PackagingError(Exception):
    """The package cannot be built. A cause, and a cure after it."""

    def __init__(self, cause: str, cure: str) -> None:
        super().__init__(f"{cause}\n  Cure: {cure}")


@dataclass(frozen=True, slots=True)
class Suite:
    """A release of Debian, and of Raspberry Pi OS with the same name."""

    name: str
    number: int
    python: tuple[int, int]
    glibc: int  # the N of 2.N: newest wheel it can load
    depends: tuple[str, ...] = ()

    @property
    def abi(self) -> str:
        """The tag of its Python: `cp313`."""
        return "cp{}{}".format(*self.python)


SUITES: Final = {
    suite.name: suite
    for suite in (
        Suite("bookworm", 12, (3, 11), 36),
        # Debian 12's PyAV is 10, and aiortc needs 14: there PyAV comes as a wheel, with its codecs.
        Suite("trixie", 13, (3, 13), 41, depends=("python3-av (>= 14)",)),
    )
}

MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's word, the kernel's word


@dataclass(frozen=True, slots=True)
class Target:
    """One package to build."""

    suite: Suite
    architecture: str
    upstream: str  # version of the appliance

    @property
    def machine(self) -> str:
        """The kernel's and pip's word for the architecture."""
        return MACHINES[self.architecture]

    @property
    def triplet(self) -> str:
        """GNU's word for it, as in the names of cross compilers."""
        return f"{self.machine}-linux-gnu"

    @property
    def version(self) -> str:
        """Debian's version: that of bookworm is older than that of trixie (`~` sorts first)."""
        return f"{self.upstream}-{REVISION}~deb{self.suite.number}"

    @property
    def file_name(self) -> str:
        """Name of the finished package, as apt expects it."""
        return f"voice-appliance_{self.version}_{self.architecture}.deb"

    @property
    def platforms(self) -> list[str]:
        """Tags of the wheels it can load (PEP 600, and the older PEP 599), newest first."""
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in range(self.suite.glibc, 4, -1)]
        return [*tags, f"manylinux2014_{self.machine}"]
