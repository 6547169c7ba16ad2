"""A machine whose power can be cut between any two steps."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from appliance.errors import PostponedError, UpdateError
from appliance.update.index import Index, Release, sign
from appliance.update.ports import Channel, Disk, Packages, Power, Service
from appliance.update.state import STATE, WAY_BACK, Package, State, parse
from appliance.update.updater import Updater

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PIECE = 900  # bytes that the channel delivers at once
After: TypeAlias = Literal["lost", "torn", "kept"]


class PowerCut(BaseException):
    """The machine is off."""


@dataclass
class Current:
    """Counts steps, and cuts the power at the one that is asked for."""

    cut_at: int | None = None
    steps: int = 0
    off: bool = False

    def flow(self) -> None:
        if self.off or self.steps == self.cut_at:
            self.off = True  # whoever tidies up in a `finally` finds no power either
            raise PowerCut
        self.steps += 1


@dataclass
class _File:
    data: bytes = b""
    synced: bytes = b""


class FakeDisk(Disk):
    """A folder as POSIX has it: what is not synced survives a cut, or in part, or not at all."""

    def __init__(self, current: Current) -> None:
        self.current = current
        self.space = (10**9, 10**9)
        self._names: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}

    @override
    def names(self) -> list[str]:
        return sorted(self._names)

    @override
    def read(self, name: str) -> bytes | None:
        return self._names[name].data if name in self._names else None

    @override
    def keep(self, name: str, data: bytes) -> None:
        new = f".{name}.new"  # the steps of appliance/durable.py
        self.write(new, data)
        self.sync(new)
        self.rename(new, name)
        self.sync_folder()

    def write(self, name: str, data: bytes) -> None:
        self.current.flow()
        self._names.setdefault(name, _File()).data = b""
        self.current.flow()
        self._names[name].data = data

    @override
    def append(self, name: str, data: bytes) -> None:
        self.current.flow()
        self._names.setdefault(name, _File()).data += data

    @override
    def size(self, name: str) -> int:
        return len(self.read(name) or b"")

    @override
    def sha256(self, name: str) -> str:
        data = self.read(name)
        return "" if data is None else hashlib.sha256(data).hexdigest()

    @override
    def sync(self, name: str) -> None:
        self.current.flow()
        self._names[name].synced = self._names[name].data

    @override
    def rename(self, name: str, new: str) -> None:
        self.current.flow()
        self._names[new] = self._names.pop(name)

    @override
    def remove(self, name: str) -> None:
        self.current.flow()
        self._names.pop(name, None)

    @override
    def sync_folder(self) -> None:
        self.current.flow()
        self._durable = dict(self._names)

    @override
    def free(self) -> tuple[int, int]:
        return self.space

    def settle(self, after: After) -> None:
        """Be what the next boot finds."""
        if after == "lost":
            self._names = dict(self._durable)
        for file in self._names.values():
            if after == "torn" and file.data != file.synced:
                file.data = file.data[: len(file.data) // 2] + b"\0" * (len(file.data) % 7)
            elif after == "lost":
                file.data = file.synced
            file.synced = file.data
        self._durable = dict(self._names)


@dataclass
class Ways:
    """How a version behaves. `refused`: dpkg does not take it. `ill`: what is wrong when it runs.

    `deadly`: the machine goes down when it runs.
    """

    refused: bool = False
    ill: str | None = None
    deadly: bool = False


class FakePackages(Packages):
    """dpkg: before it unpacks it notes that the package is half installed."""

    def __init__(self, current: Current, disk: FakeDisk, installed: str) -> None:
        self.current = current
        self.disk = disk
        self.tree: set[str] = {installed}  # versions whose files lie there
        self.whole = True  # what dpkg has noted
        self.ways: dict[str, Ways] = {}
        self.installs: Counter[str] = Counter()
        self.locked = False
        self.seen_locked = True
        self.missing = False

    @override
    async def machine(self) -> tuple[str, str]:
        return "trixie", "arm64"

    @override
    async def installed(self) -> str | None:
        return next(iter(self.tree)) if self.whole else None

    @override
    def newer(self, version: str, than: str) -> bool:
        def parts(text: str) -> list[int]:
            return [int(part) for part in text.split(".")]

        return parts(version) > parts(than)

    @override
    async def version_of(self, file: str) -> str | None:
        head, _, _ = (self.disk.read(file) or b"").partition(b"\n")
        return head.decode() if file.endswith(".deb") else None

    @override
    async def prepare(self, file: str) -> None:
        if self.missing:
            raise PostponedError("It needs a package that is not to be had.")

    @override
    def busy(self) -> bool:
        return self.locked and self.seen_locked

    @override
    async def install(self, file: str) -> str | None:
        if self.locked:
            raise PostponedError("Another program is installing packages.")
        data = self.disk.read(file)
        if data is None:
            return "no such file"
        version = data.partition(b"\n")[0].decode()
        assert data == content(version), "half a package was given to dpkg"
        self.current.flow()
        self.installs[version] += 1
        if self.ways.get(version, Ways()).refused:
            self.whole = False
            return "dpkg refused it: no"
        self.whole = False
        self.current.flow()
        self.tree.add(version)
        self.current.flow()
        self.tree = {version}
        self.current.flow()
        self.whole = True
        self.current.flow()
        return None


class FakeService(Service):
    """The appliance as a unit: it runs what lies in the tree."""

    def __init__(self, current: Current, packages: FakePackages) -> None:
        self.current = current
        self.packages = packages
        self.running: str | None = next(iter(packages.tree))
        self.call = False
        self.stops = 0
        self.leaving = False  # the machine is being switched off

    @override
    async def absent(self) -> str | None:
        return None if self.running else "The service is stopped."

    @override
    async def occupied(self) -> str | None:
        return "A call is in progress." if self.call and self.running else None

    @override
    async def stop(self) -> None:
        assert not self.call, "a call was cut"
        self.current.flow()
        self.stops += 1
        self.running = None

    @override
    async def start(self) -> None:
        self.current.flow()
        (self.running,) = self.packages.tree  # a mixture does not start

    @override
    async def prove(self, version: str) -> str | None:
        await self.start()
        ways = self.packages.ways.get(version, Ways())
        if ways.deadly:
            self.current.off = True
        self.current.flow()
        if self.leaving:
            raise PostponedError("The machine is being switched off.")
        return ways.ill if self.running == version else "it is another version"


@dataclass
class FakeChannel(Channel):
    """A channel in memory. `short`: it delivers no more than so many bytes of a package."""

    url: str = "https://updates.example/index.json"
    offers: list[Release] = field(default_factory=list)
    serial: int = 1
    key: Ed25519PrivateKey = KEY
    short: int | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    delivered: int = 0

    def offer(self, *versions: str, minimum: str = "") -> "FakeChannel":
        for version in versions:
            self.offers.append(release(version, minimum=minimum))
            self.files[f"va_{version}.deb"] = content(version)
        return self

    @override
    async def index(self) -> bytes:
        return _signed(self.serial, tuple(self.offers), self.key)

    @override
    async def package(self, package: Package, offset: int) -> AsyncIterator[bytes]:
        data = self.files[package.file][: self.short]
        for start in range(offset, len(data), PIECE):
            self.delivered += len(data[start : start + PIECE])
            yield data[start : start + PIECE]


@cache
def _signed(serial: int, offers: tuple[Release, ...], key: Ed25519PrivateKey) -> bytes:
    return sign(Index(serial=serial, made="2026-11-28T12:00:00Z", packages=offers), [key])


class FakePower(Power):
    """A supply that may sag."""

    def __init__(self) -> None:
        self.weak = False

    @override
    def undervolted(self) -> bool:
        return self.weak


class World:
    """All of it. `installed` is, and its package is here; the channel offers `versions`."""

    def __init__(self, *versions: str, installed: str = "1.0") -> None:
        self.current = Current()
        self.disk = FakeDisk(self.current)
        self.packages = FakePackages(self.current, self.disk, installed)
        self.service = FakeService(self.current, self.packages)
        self.channel = FakeChannel().offer(*versions)
        self.power = FakePower()
        self.told: list[str] = []
        name = f"va_{installed}.deb"
        self.disk.write(name, content(installed))
        self.disk.sync(name)
        self.disk.sync_folder()
        self.current.steps = 0

    def updater(self) -> Updater:
        return Updater(self.disk, self.packages, self.service, self.power, tell=self.told.append)

    async def run(self) -> bool:
        """Do what the timer does; return whether the power was cut."""
        try:
            updater = self.updater()
            if updater.state.trial is not None:
                await updater.finish()
            else:
                await updater.update(self.channel, [self.channel.key.public_key()])
        except PowerCut:
            return True
        return False

    async def boot(self, after: After, cut: int | None = None) -> None:
        """Switch it on again: the repair, then the service. `cut`: after so many steps of that."""
        self.current.off = False
        self.current.cut_at = None if cut is None else self.current.steps + cut
        self.disk.settle(after)
        if not self.packages.whole:
            back = self.disk.read(WAY_BACK)
            assert back is not None, "half installed, and no way back"
            assert await self.packages.install(back.decode().strip()) is None
        (self.service.running,) = self.packages.tree

    @property
    def kept(self) -> State:
        """What the updater has written down."""
        return parse(self.disk.read(STATE))

    async def trouble(self) -> UpdateError:
        """Run it; return what went wrong."""
        try:
            await self.run()
        except UpdateError as error:
            return error
        raise AssertionError("nothing went wrong")


def content(version: str) -> bytes:
    """A package file, which begins with its version."""
    return f"{version}\n".encode() + version.encode() * 700


def release(version: str, *, minimum: str = "", suite: str = "trixie") -> Release:
    data = content(version)
    return Release(
        version=version, suite=suite, arch="arm64", file=f"va_{version}.deb", size=len(data),
        installed=10_000_000, sha256=hashlib.sha256(data).hexdigest(), minimum=minimum,
    )  # fmt: skip
