"""Takes pictures with a driver that may hang: neither loop nor next picture waits for it."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final, TypeVar

from typing_extensions import override

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware.camera_driver import CameraDriver, MakeDriver
from appliance.hardware.worker import Worker
from appliance.ports import Camera, CaptureLatch

log = logging.getLogger(__name__)

T = TypeVar("T")

LOAD_TIME: Final = 15.0  # s for loading the driver's libraries, once; libcamera's take 4 on a card
CLOSE_TIME: Final = 2.0  # s for closing, before we answer anyway
STALE_TIME: Final = 2.0  # s an open camera has for a picture before it is opened anew
MOST_STUCK: Final = 3  # cameras that hang, or do not close; each keeps a thread


class BoundedCamera(Camera):
    """A camera on threads of its own, which are abandoned when they overstay. Loop thread only.

    Captures come one after the other, each within `config.timeout`, of which loading the libraries
    is no part. A camera that hangs is closed from another thread, and the next capture opens it
    anew on a new one. The light is on until closing has returned.
    """

    def __init__(self, config: CameraConfig, latch: CaptureLatch, make: MakeDriver) -> None:
        self._timeout = config.timeout
        self._warm = config.warm
        self._latch = latch
        self._make = make
        self._about: str = config.driver
        self._kept: _Opened | None = None  # open between pictures
        self._keepers = 0
        self._all: set[_Opened] = set()  # of which the light is on, or a thread hangs
        self._turn = asyncio.Lock()

    @property
    @override
    def about(self) -> str:
        return self._about

    @override
    async def load(self) -> None:
        opened = _Opened(self._make(), self._latch, self._all)
        try:
            with suppress(DeviceError):
                await opened.load()
        finally:
            opened.close()

    @override
    async def capture(self, settle: float = 0.0) -> bytes:
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout) as limit:
                    jpeg = await self._capture(settle, limit)
            except TimeoutError:
                await self.off()
                raise _hung(self._timeout) from None
            except DeviceError:
                await self.off()
                raise
            finally:
                self._let_go()
            await self.off()
            return jpeg

    @override
    async def keep_open(self) -> None:
        if not self._warm:
            return
        self._keepers += 1
        try:
            async with self._turn:
                if self._kept is None:
                    await self._open_ahead()
            await asyncio.Event().wait()
        finally:
            self._keepers -= 1
            if not self._turn.locked():  # else it is closed after the picture under way
                self._let_go()

    @override
    async def off(self) -> None:
        for opened in self._all - {self._kept}:
            await opened.wait_off()

    async def _capture(self, settle: float, limit: asyncio.Timeout) -> bytes:
        if self._kept is not None:
            try:
                async with asyncio.timeout(STALE_TIME + settle):
                    return await self._picture(self._kept, settle, STALE_TIME + settle)
            except (DeviceError, TimeoutError):  # unplugged and back, for example
                log.info("the open camera delivers no picture, it is opened anew")
        opened = await self._open(limit)
        return await self._picture(opened, settle, (limit.when() or _now()) - _now())

    async def _open_ahead(self) -> None:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                opened = await self._open(limit)
            if opened is not self._kept:  # this kind is open for each picture only
                opened.close()
        except (DeviceError, TimeoutError) as error:
            log.info("the camera does not open ahead (%s)", error)  # the next capture says more

    async def _open(self, limit: asyncio.Timeout) -> "_Opened":
        """Open a camera within `limit`, which loading the libraries puts off."""
        await self.off()
        if len(self._all - {self._kept}) >= MOST_STUCK:
            raise DeviceError(
                "The camera's driver hangs.", "Unplug the camera, and restart this device."
            )
        opened = _Opened(self._make(), self._latch, self._all)
        try:
            left = (limit.when() or _now()) - _now()
            limit.reschedule(None)
            await opened.load()
            limit.reschedule(_now() + left)
            await opened.start()
        except BaseException:
            opened.close()
            raise
        if opened.about != self._about:
            self._about = opened.about
            log.info("camera: %s", self._about)
        if self._keepers and opened.stays_open:
            self._kept = opened
        return opened

    async def _picture(self, opened: "_Opened", settle: float, limit: float) -> bytes:
        """Take a picture; after that, and after anything else, close what is not kept."""
        try:
            jpeg = await opened.picture(settle, limit)
        except BaseException:
            self._drop(opened)
            raise
        if opened is not self._kept:
            opened.close()
        return jpeg

    def _let_go(self) -> None:
        """Close what nobody wants kept open."""
        if self._keepers == 0:
            self._drop(self._kept)

    def _drop(self, opened: "_Opened | None") -> None:
        if opened is not None:
            opened.close()
        if opened is self._kept:
            self._kept = None


class _Opened:
    """A driver at work on a thread of its own, in the light. Loop thread only."""

    def __init__(self, driver: CameraDriver, latch: CaptureLatch, alive: "set[_Opened]") -> None:
        """`alive`: where it is found from before it is opened until its threads ended."""
        self._driver = driver
        self._latch = latch
        self._alive = alive
        self._light = ExitStack()
        self._loop = asyncio.get_running_loop()
        self._worker = Worker(self._loop, "camera")
        self._not_opening = threading.Event()
        self._not_opening.set()
        self._off = asyncio.Event()
        self._closing = False
        self._threads = 2
        self._waited = False

    @property
    def about(self) -> str:
        return self._driver.about

    @property
    def stays_open(self) -> bool:
        return self._driver.stays_open

    async def load(self) -> None:
        """Load within LOAD_TIME. Raises DeviceError."""
        try:
            async with asyncio.timeout(LOAD_TIME):
                await self._run(self._driver.load)
        except TimeoutError:
            raise DeviceError(
                "The camera's libraries do not load.", "Restart this device."
            ) from None

    async def start(self) -> None:
        """Light up, open, have it deliver frames. Raises DeviceError, also if there is no light."""
        self._light.enter_context(self._latch.hold("camera"))
        self._alive.add(self)
        self._not_opening.clear()
        await self._run(self._open)
        await self._run(self._driver.start)

    async def picture(self, settle: float, limit: float) -> bytes:
        return await self._run(lambda: self._driver.picture(settle, limit))

    def close(self) -> None:
        """Begin to close, whatever hangs; the light goes out when that is done. Idempotent."""
        if self._closing:
            return
        self._closing = True
        self._worker.last(lambda: None).add_done_callback(self._ended)
        Worker(self._loop, "camera close").last(self._close).add_done_callback(self._closed)

    async def wait_off(self) -> None:
        """Return when the camera is closed, after at most CLOSE_TIME; later on at once."""
        if self._waited:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIME):
                await self._off.wait()
        self._waited = True

    async def _run(self, call: Callable[[], T]) -> T:
        try:
            return await self._worker.run(call)
        except (DeviceError, TimeoutError):
            raise
        except Exception as error:
            raise DeviceError(
                f"The camera failed ({type(error).__name__}: {str(error)[:200]}).",
                "Check its cable, then restart this device.",
            ) from error

    def _open(self) -> None:
        """Called on the camera's thread."""
        try:
            self._driver.open()
        finally:
            self._not_opening.set()

    def _close(self) -> None:
        """Called on a thread of its own: the camera's may hang."""
        self._not_opening.wait()
        self._driver.close()

    def _closed(self, closing: "asyncio.Future[None]") -> None:
        if (error := closing.exception()) is not None:  # most often it is unplugged: nothing to see
            log.warning("closing the camera failed (%s: %s)", type(error).__name__, error)
        self._light.close()
        self._off.set()
        self._ended(closing)

    def _ended(self, _: "asyncio.Future[None]") -> None:
        """Count the threads: one that took pictures, one that closed."""
        self._threads -= 1
        if not self._threads:
            self._alive.discard(self)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _hung(timeout: float) -> DeviceError:
    return DeviceError(
        f"The camera delivered no picture within {timeout:g} seconds.",
        "Check its cable; unplugging and plugging it in again helps most often.",
    )
