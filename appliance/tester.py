"""Runs the self-test between calls: one at a time, and none once a call begins."""

import asyncio
from collections.abc import Awaitable, Callable

from appliance.errors import DeviceError
from appliance.findings import Report
from appliance.ports import AudioDevice


class SelfTester:
    """The self-test of one device. Loop thread only."""

    def __init__(self, device: AudioDevice) -> None:
        self._device = device
        self._scope: asyncio.Timeout | None = None

    async def run(
        self, volume: int, gain_db: int, begins: Callable[[str], None] = lambda _part: None
    ) -> Report:
        """Do the test, as `selftest.run` does.

        Raises DeviceError also if a test is under way, or a call begins.
        """
        if self._scope is not None:
            raise DeviceError("A self-test is under way.", "Wait some seconds.")
        try:
            async with asyncio.timeout(None) as self._scope:
                run = await asyncio.to_thread(_load)
                return await run(self._device, volume, gain_db, begins)
        except TimeoutError as error:
            raise DeviceError("A call began.", "Try again when it is over.") from error
        finally:
            self._scope = None

    def stop(self) -> None:
        """End the test if there is one: somebody needs the card. It is free within a second."""
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())


def _load() -> Callable[..., Awaitable[Report]]:
    from appliance.selftest import run  # noqa: PLC0415 - loads numpy, seldom needed

    return run
