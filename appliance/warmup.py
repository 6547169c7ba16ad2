"""Loads what the first call needs behind READY, where nobody waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from appliance.errors import ApplianceError
from appliance.media.cues import render_all
from appliance.media.echo import EchoCanceller
from appliance.ports import Camera

WARM_PATIENCE: Final = 8.0  # s; libcamera takes 4 to load from a card


class WarmUp:
    """What calls wait for once in the life of a process. On the loop, which waits for no import."""

    def __init__(self, make_echo: Callable[[], EchoCanceller], camera: Camera) -> None:
        """`make_echo`: may load a library, and raise an ApplianceError."""
        self._make_echo = make_echo
        self._camera = camera
        self._warm = asyncio.Event()
        self._until: float | None = None  # when the first call's patience ends

    async def run(self) -> None:
        """Load it all. Raises ImportError if something is not whole."""
        warm_up = await asyncio.to_thread(self._load)
        await warm_up()
        await self._camera.load()  # libcamera and its friends hold everything up for 2 s
        self._warm.set()

    async def over(self) -> None:
        """Return when this process has time for a call: before, it would miss each deadline.

        WARM_PATIENCE after the first was wanted, calls have to do with what there is. Cancelling
        is safe.
        """
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + WARM_PATIENCE
        try:
            async with asyncio.timeout_at(self._until):
                await self._warm.wait()
        except TimeoutError:
            await asyncio.to_thread(self._load)
            self._warm.set()

    def _load(self) -> Callable[[], Awaitable[None]]:
        """Load what calls and photos need; return what then tries it out. On any thread.

        aiortc and FFmpeg are half of the time that loading the program takes: nothing of them
        may be loaded before READY.
        """
        from appliance import picture  # noqa: F401, PLC0415
        from appliance.call import call  # noqa: F401, PLC0415
        from appliance.call.warm import warm_up  # noqa: PLC0415

        render_all()
        with suppress(ApplianceError):  # the call will say it
            self._make_echo()
        return warm_up
