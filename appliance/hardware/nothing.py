"""Stands in for hardware that this appliance does not have."""

import asyncio
from collections.abc import AsyncIterator

from typing_extensions import override

from appliance.core.gestures import Edge
from appliance.core.lights import Pattern
from appliance.errors import DeviceError
from appliance.ports import Camera, Panel


class NoPanel(Panel):
    """No buttons, no LED: the command line is the only way in."""

    @override
    def open(self) -> None:
        pass

    @override
    def close(self) -> None:
        pass

    @override
    async def edges(self) -> AsyncIterator[Edge]:
        nothing: asyncio.Queue[Edge] = asyncio.Queue()
        while True:
            yield await nothing.get()

    @override
    def show(self, pattern: Pattern) -> None:
        pass


class NoCamera(Camera):
    """No camera: every picture is refused, in words."""

    about = "none"

    @override
    async def load(self) -> None:
        pass

    @override
    async def capture(self, settle: float = 0.0) -> bytes:
        raise DeviceError("This appliance has no camera.", "Set camera.driver if it has one.")

    @override
    async def keep_open(self) -> None:
        pass

    @override
    async def off(self) -> None:
        pass
