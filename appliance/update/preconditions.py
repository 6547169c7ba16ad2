"""Whether now is the time to install a package."""

import asyncio

from appliance.errors import PostponedError
from appliance.update.disk import holds
from appliance.update.ports import Disk, Packages, Power, Service
from appliance.update.state import Package

POWER_LOOKS = 5  # a weak supply sags now and then; the driver's value is two seconds old at most
MARGIN = 50_000_000  # bytes that stay free


class Preconditions:
    """Supply, disk, package manager and people. What speaks against it is a PostponedError."""

    def __init__(self, disk: Disk, packages: Packages, service: Service, power: Power) -> None:
        self._disk = disk
        self._packages = packages
        self._service = service
        self._power = power

    async def check(self, target: Package | None) -> None:
        """Look at all of it, for some seconds.

        `target`: what is to be installed; None: what was there before is put back.
        """
        for _ in range(POWER_LOOKS):
            self.check_power()
            await asyncio.sleep(1)
        if target is not None:
            self.check_room(target)
        if self._packages.busy():
            raise PostponedError("Another program is installing packages. The update waits.")
        if (why := await self._service.occupied()) is not None:
            raise PostponedError(f"{why} The update waits.")

    def check_power(self) -> None:
        """Look at the supply once."""
        if self._power.undervolted():
            raise PostponedError(
                "The power supply is too weak, and a power cut could come at any moment.",
                "Take a supply and a cable made for this board.",
            )

    def check_room(self, package: Package) -> None:
        """Look whether the disk takes the package file, if it is not there yet, and its content."""
        here, there = self._disk.free()
        missing = 0 if holds(self._disk, package) else package.size
        if here < missing + MARGIN or there < package.installed + MARGIN:
            need = (missing + package.installed + MARGIN) / 1e6
            raise PostponedError(
                f"The disk is too full for an update: {min(here, there) / 1e6:.0f} MB left.",
                f"Make room: {need:.0f} MB are needed.",
            )
