"""Does what `state` says comes next. The power may go at any step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from appliance.errors import ApplianceError, PostponedError, UpdateError
from appliance.update import state as states
from appliance.update.disk import holds
from appliance.update.fetch import fetch
from appliance.update.index import Index, Release, candidates, choose, verify
from appliance.update.ports import Channel, Disk, Packages, Power, Service
from appliance.update.preconditions import Preconditions
from appliance.update.state import STATE, WAY_BACK, Package, State, Trial


class Updater:
    """One run of the updater; nobody else runs one at the same time.

    `tell` is given a sentence for each thing that is done; `commit` is called before the first that
    must not be interrupted.
    """

    def __init__(
        self,
        disk: Disk,
        packages: Packages,
        service: Service,
        power: Power,
        *,
        tell: Callable[[str], None],
        commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._disk = disk
        self._packages = packages
        self._service = service
        self._preconditions = Preconditions(disk, packages, service, power)
        self._tell = tell
        self._commit = commit
        self.state = states.parse(disk.read(STATE))

    async def check(
        self, channel: Channel, keys: Sequence[Ed25519PublicKey]
    ) -> tuple[Release | None, str]:
        """Return the version that would be installed; else why a newer one is not, if there is one.

        Changes nothing.
        """
        return await self._look(await self._index(channel, keys))

    async def update(self, channel: Channel, keys: Sequence[Ed25519PublicKey]) -> State:
        """Install the newest version that is any good; return how it ended.

        Raises PostponedError, with the old version at work, if now is not the time; UpdateError if
        it cannot be had, or if the old version cannot be put back.
        """
        with self._noted():
            await self._begin(channel, keys)
        return await self.finish()

    async def finish(self) -> State:
        """Bring what was begun to its end, as after a power cut; see `update`."""
        with self._noted():
            try:
                await self._settle()
            except (ApplianceError, OSError):
                await self._service.start()
                raise
        return self.state

    async def rollback(self) -> State:
        """Install the version before this one, and stay away from this one; see `update`.

        Raises UpdateError if there is none, or if it is bad itself: it was left, or did not work.
        """
        if self.state.trial is not None:
            raise UpdateError("An update is under way.", "sudo voice-appliance update ends it.")
        installed = await self._installed()
        await self._adopt(installed)
        target, back = self.state.previous, self.state.current
        if target is None or not holds(self._disk, target):
            raise UpdateError("There is no version before this one to go back to.")
        by_hand = f"sudo dpkg -i {states.FOLDER / target.file}"
        if refusal := states.refusal(self.state, target.version):
            raise UpdateError(refusal, f"{by_hand} installs it without a safety net.")
        if back is None or back.version != installed or not holds(self._disk, back):
            raise UpdateError(
                f"{installed} was not installed by an update: its package is not here.",
                f"{by_hand} goes back without a safety net.",
            )
        with self._noted():
            await self._start(target, back, shun=installed)
        return await self.finish()

    async def _settle(self) -> None:
        while True:
            state = states.advance(self.state, await self._packages.installed())
            trial = state.trial
            if trial is None:
                break
            if trial.stage != "prove":
                await self._preconditions.check(trial.target if trial.stage == "install" else None)
            self._commit()
            self._keep(state)
            match trial.stage:
                case "install":
                    await self._install(trial)
                case "prove":
                    await self._prove(trial)
                case "return":
                    await self._return(trial)
        if state is not self.state:
            self._keep(state)
            await self._service.start()
        self._disk.remove(WAY_BACK)
        self._tidy()

    # The three stages. What they find is written down; `advance` says what follows from it.

    async def _install(self, trial: Trial) -> None:
        self._tell(f"Installing {trial.target.version}; the appliance is away for a moment.")
        await self._service.stop()
        try:
            why = await self._packages.install(trial.target.file)
        except PostponedError:  # that was no try
            self._keep(
                states.replace(self.state, trial=states.replace(trial, tries=trial.tries - 1))
            )
            raise
        if why is not None:
            self._keep(states.give_up(self.state, trial, why))

    async def _prove(self, trial: Trial) -> None:
        self._tell(f"Watching how {trial.target.version} does.")
        why = await self._service.prove(trial.target.version)
        state = self.state
        self._keep(
            states.proved(state, trial) if why is None else states.give_up(state, trial, why)
        )

    async def _return(self, trial: Trial) -> None:
        self._tell(f"{trial.target.version} does not work: {trial.why}.")
        self._tell(f"Putting {trial.back.version} back.")
        await self._service.stop()
        why = await self._packages.install(trial.back.file)
        if why is not None:
            raise UpdateError(
                f"{trial.target.version} does not work, nor could {trial.back.version} be put "
                f"back: {why}.",
                f"It is tried again; by hand: sudo dpkg -i {states.FOLDER / trial.back.file}",
            )

    # Before anything is touched

    async def _begin(self, channel: Channel, keys: Sequence[Ed25519PublicKey]) -> None:
        index = await self._index(channel, keys)
        installed = await self._installed()
        await self._adopt(installed)
        self._keep(states.replace(self.state, channel=channel.url, serial=index.serial))
        release, refusal = await self._look(index)
        if release is None:
            told = refusal or f"{installed} is the newest version there is for this machine."
            self._keep(states.replace(self.state, outcome=told, failed=False, held=bool(refusal)))
            return
        target = release.package
        self._preconditions.check_power()
        self._preconditions.check_room(target)
        back = await self._way_back(index, channel, installed)
        if target.file == back.file:  # and would take its place
            raise UpdateError(
                f"The index names the packages of {installed} and {target.version} alike: "
                f"{target.file}.",
                "Nothing was installed. Tell the channel's maker.",
            )
        await fetch(self._disk, channel, target, self._tell)
        if await self._packages.version_of(target.file) != target.version:
            self._disk.remove(target.file)
            raise UpdateError(
                f"{target.file} is not {target.version} of the appliance.",
                "Nothing was installed. Tell the channel's maker.",
            )
        await self._packages.prepare(target.file)
        await self._start(target, back)

    async def _start(self, target: Package, back: Package, shun: str = "") -> None:
        if (why := await self._service.absent()) is not None:
            raise PostponedError(why, "sudo systemctl start voice-appliance")
        await self._preconditions.check(target)
        self._disk.keep(WAY_BACK, f"{back.file}\n".encode())
        self._keep(states.begin(self.state, target, back, shun))

    async def _index(self, channel: Channel, keys: Sequence[Ed25519PublicKey]) -> Index:
        index = verify(await channel.index(), keys)
        if channel.url == self.state.channel and index.serial < self.state.serial:
            raise UpdateError(
                f"The index of updates is an old one: number {index.serial}, made {index.made}; "
                f"number {self.state.serial} was seen before.",
                "Somebody may be holding updates back: try another network.",
            )
        return index

    async def _look(self, index: Index) -> tuple[Release | None, str]:
        offers = candidates(index, *await self._packages.machine())
        installed, newer = await self._installed(), self._packages.newer
        release = choose(offers, installed, self.state.bad, newer)
        if release is None and (best := choose(offers, installed, (), newer)) is not None:
            return None, states.refusal(self.state, best.version)
        return release, ""

    async def _installed(self) -> str:
        installed = await self._packages.installed()
        if installed is None:
            raise UpdateError(
                "The appliance was not installed as a Debian package, or not wholly.",
                "Only a package can be updated: see deploy/README.md; or: sudo dpkg --configure -a",
            )
        return installed

    async def _adopt(self, installed: str) -> None:
        """Find the package of what is installed, if it is here: a person may have installed it."""
        state = self.state
        if state.current is not None and state.current.version == installed:
            return
        if state.previous is not None and state.previous.version == installed:
            found = state.previous
        else:
            for name in self._disk.names():
                if name.endswith(".deb") and await self._packages.version_of(name) == installed:
                    size, digest = self._disk.size(name), self._disk.sha256(name)
                    found = Package(installed, name, size, digest)
                    break
            else:
                return
        self._disk.sync(found.file)
        self._disk.sync_folder()
        self._keep(states.replace(state, current=found, previous=state.current))

    async def _way_back(self, index: Index, channel: Channel, installed: str) -> Package:
        """Return the package of what is installed; it is fetched if it is not here."""
        current = self.state.current
        if current is not None and current.version == installed and holds(self._disk, current):
            return current
        for offer in candidates(index, *await self._packages.machine()):
            if offer.version == installed:
                self._tell(f"Fetching {installed} as well, to be able to go back to it.")
                await fetch(self._disk, channel, offer.package, self._tell)
                return offer.package
        raise UpdateError(
            f"There would be no way back: the package of {installed} is neither here nor in the "
            "channel.",
            f"Copy the file it was installed from into {states.FOLDER}.",
        )

    # What is kept

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep what went wrong, for whoever asks later."""
        try:
            yield
        except OSError as error:
            why = f"The updater cannot read or write its files ({error})."
            raise UpdateError(why, "Check the disk: voice-appliance doctor.") from error
        except ApplianceError as error:
            failed = not isinstance(error, PostponedError)
            with suppress(OSError):
                told = states.replace(self.state, outcome=str(error), failed=failed, held=False)
                self._keep(told)
            raise

    def _keep(self, state: State) -> None:
        if state != self.state:
            self._disk.keep(STATE, msgspec.json.encode(state))
        self.state = state

    def _tidy(self) -> None:
        """Remove packages that nobody will want again."""
        known = {each.file for each in (self.state.current, self.state.previous) if each}
        if self.state.current is None:
            return
        for name in self._disk.names():
            if name.endswith((".deb", ".part", ".new")) and name not in known:
                self._disk.remove(name)
