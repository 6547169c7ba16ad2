"""A camera made of a folder: its pictures in turn, and the failures of real cameras on demand."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, TypeAlias, assert_never

from typing_extensions import override

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.ports import Camera, CaptureLatch

PICTURES: Final = Path(__file__).parent / "pictures"

Fault: TypeAlias = Literal["", "missing", "busy", "hang", "black", "corrupt"]

_BLACK: Final = PICTURES / "faults" / "black.jpg"  # what a covered lens delivers


class FolderCamera(Camera):
    """Delivers the *.jpg and *.jpeg of `camera.folder` (ours if empty) by name, over and over.

    `faults`: what the next captures do instead, "" for a picture. "missing" and "busy" fail at
    once, "hang" after `camera.timeout`; "black" delivers a black picture, "corrupt" half a one.
    """

    def __init__(
        self, config: CameraConfig, latch: CaptureLatch, faults: Iterable[Fault] = ()
    ) -> None:
        self._folder = Path(config.folder).expanduser() if config.folder else PICTURES
        self._timeout = config.timeout
        self._latch = latch
        self._faults = iter(faults)
        self._warm = config.warm
        self._turn = 0

    @property
    @override
    def about(self) -> str:
        return f"folder: {self._folder}"

    @override
    async def keep_open(self) -> None:
        if self._warm:
            with suppress(DeviceError), self._latch.hold("camera"):
                await asyncio.Event().wait()

    @override
    async def off(self) -> None:
        pass

    @override
    async def load(self) -> None:
        pass

    @override
    async def capture(self, settle: float = 0.0) -> bytes:
        with self._latch.hold("camera"):
            fault: Fault = next(self._faults, "")
            match fault:
                case "missing":
                    raise DeviceError("No camera is connected.", "Check its cable.")
                case "busy":
                    raise DeviceError(
                        "The camera is used by another program.", "End the other program."
                    )
                case "hang":
                    return await self._hang()
                case "black":
                    return await asyncio.to_thread(_BLACK.read_bytes)
                case "corrupt":
                    jpeg = await asyncio.to_thread(self._next)
                    return jpeg[: len(jpeg) // 2]
                case "":
                    return await asyncio.to_thread(self._next)
                case _:
                    assert_never(fault)

    async def _hang(self) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        raise DeviceError(
            f"The camera delivered no picture within {self._timeout:g} seconds.",
            "Check its cable.",
        )

    def _next(self) -> bytes:
        """Read the next picture. Called on a worker thread."""
        pictures = sorted(self._folder.glob("*.jp*g"))
        if not pictures:
            raise DeviceError(
                f"There is no picture in {self._folder}.",
                "Put a .jpg there, or leave camera.folder empty for the pictures we ship.",
            )
        self._turn += 1
        picture = pictures[(self._turn - 1) % len(pictures)]
        try:
            return picture.read_bytes()
        except OSError as error:
            raise DeviceError(
                f"The picture {picture} cannot be read ({error.strerror}).", "Check camera.folder."
            ) from error
