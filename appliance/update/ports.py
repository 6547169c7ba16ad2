"""What the updater needs of the world, so that a test can cut the power between any two steps."""

from collections.abc import AsyncIterator
from typing import Protocol

from appliance.update.state import Package


class Disk(Protocol):
    """One folder. Nothing is certain to survive a power cut before it is synced. Blocks.

    Every method raises OSError as the file system does.
    """

    def names(self) -> list[str]:
        """Return the names of all files."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return what a small file holds; None if there is no such file."""
        ...

    def keep(self, name: str, data: bytes) -> None:
        """Write a small file so that a power cut leaves the old or the new; it survives one then.

        A cut may leave `.NAME.new` behind.
        """
        ...

    def append(self, name: str, data: bytes) -> None:
        """Write to the end of the file; make it if it is missing."""
        ...

    def size(self, name: str) -> int:
        """Return bytes; 0 if there is no such file."""
        ...

    def sha256(self, name: str) -> str:
        """Return the hash of the file in hexadecimal digits; empty if there is no such file."""
        ...

    def sync(self, name: str) -> None:
        """Return when what the file holds is on the disk (fsync(2))."""
        ...

    def rename(self, name: str, new: str) -> None:
        """Give the file another name, in place of the file that had it."""
        ...

    def remove(self, name: str) -> None:
        """Remove the file; nothing happens if it is not there."""
        ...

    def sync_folder(self) -> None:
        """Return when all names are on the disk."""
        ...

    def free(self) -> tuple[int, int]:
        """Return the bytes left here, and those left where packages are installed."""
        ...


class Packages(Protocol):
    """The package manager, for the one package that is ours."""

    async def machine(self) -> tuple[str, str]:
        """Return the release's code name and the architecture, in Debian's words."""
        ...

    async def installed(self) -> str | None:
        """Return the version that is wholly installed; None if there is none, or half of one."""
        ...

    def newer(self, version: str, than: str) -> bool:
        """Compare two versions as the package manager does. Blocks for a moment."""
        ...

    async def version_of(self, file: str) -> str | None:
        """Return the version of a package file in our folder; None if it is not one of ours."""
        ...

    async def prepare(self, file: str) -> None:
        """Install what else the package file needs.

        Raises PostponedError if it is not to be had now.
        """
        ...

    def busy(self) -> bool:
        """Return whether another program installs something now."""
        ...

    async def install(self, file: str) -> str | None:
        """Install a package file in our folder, newer or older; start nothing.

        Return why it failed. Raises PostponedError, with nothing done, while another program
        installs something.
        """
        ...


class Service(Protocol):
    """The appliance itself, as systemd's unit."""

    async def absent(self) -> str | None:
        """Return why nobody could tell how a new version does, as a sentence; None if it runs."""
        ...

    async def occupied(self) -> str | None:
        """Return why it must not be stopped now, as a sentence; None if it may be."""
        ...

    async def stop(self) -> None:
        """End it."""
        ...

    async def start(self) -> None:
        """Have it started; what comes of it is not waited for."""
        ...

    async def prove(self, version: str) -> str | None:
        """Start it and watch it; return what is wrong, without a full stop, None if all is well.

        Raises PostponedError if nothing was found out, because the machine is being switched off.
        """
        ...


class Channel(Protocol):
    """Where new versions are announced and fetched. What fails is an UpdateError."""

    url: str

    async def index(self) -> bytes:
        """Return the signed index."""
        ...

    def package(self, package: Package, offset: int) -> AsyncIterator[bytes]:
        """Yield the package file from `offset` on, or from its start, as it pleases.

        The first piece is empty if it begins at the start although `offset` was more.
        """
        ...


class Power(Protocol):
    """The supply of the board."""

    def undervolted(self) -> bool:
        """Return whether the supply is too weak now. Blocks for no longer than a read."""
        ...
