"""The Pi's camera, or a webcam, through picamera2: one JPEG for each capture."""

import asyncio
import importlib
import io
import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from typing_extensions import override

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.ports import Camera, CaptureLatch

log = logging.getLogger(__name__)

LONG_SIDE: Final = 1024  # pixels asked of the camera's own scaler: the album keeps no more
SETTLE: Final = 1.0  # s for exposure and white balance; the picamera2 manual's examples wait 1 s
SETTLE_FRAMES: Final = 5  # for cameras that report no exposure state (webcams)
CONVERGED: Final = 2  # libcamera's AeState; older ones report AeLocked
IMPORT_TIME: Final = 15.0  # s for loading libcamera and numpy, once; 4 s on a slow card
CLOSE_TIME: Final = 2.0  # s for closing after a capture that hung, before we answer anyway


class PiCamera(Camera):
    """Opens the camera for each capture, so that it is closed whenever the LED is dark.

    picamera2 blocks, and with a camera that was pulled out it blocks for ever. All of it therefore
    runs on a thread of its own, which is abandoned when it overstays: the loop, the exit of the
    process and a later capture never wait for it. `load` returns the module picamera2.
    """

    def __init__(
        self, config: CameraConfig, latch: CaptureLatch, load: Callable[[], Any] | None = None
    ) -> None:
        self._timeout = config.timeout
        self._latch = latch
        self._load = load or _load_picamera2
        self._loaded = False
        self._shot: _Shot | None = None

    @override
    async def capture(self) -> bytes:
        if self._shot is not None:
            raise _busy("The camera still works on another picture.")
        lit = ExitStack()
        lit.enter_context(self._latch.hold("camera"))
        loop = asyncio.get_running_loop()
        shot = self._shot = _Shot(self._load, self._timeout)

        def closed() -> None:  # on the loop, whenever the thread ends: the camera is off now
            self._shot = None
            lit.close()
            shot.answered.set()

        shot.start(lambda: loop.call_soon_threadsafe(closed))
        limit = self._timeout + CLOSE_TIME + (0 if self._loaded else IMPORT_TIME)
        try:
            async with asyncio.timeout(limit):
                await shot.answered.wait()
        except TimeoutError:
            raise _hung(self._timeout) from None
        self._loaded = True
        return shot.result()


@dataclass(slots=True)
class _Shot:
    """One capture on its own thread."""

    load: Callable[[], Any]
    timeout: float
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    jpeg: bytes = b""
    error: DeviceError | None = None

    def start(self, done: Callable[[], object]) -> None:
        """Capture; `done` is called on the camera thread when the camera is closed again."""

        def run() -> None:
            try:
                self.jpeg = _capture(self.load(), self.timeout)
            except DeviceError as error:
                self.error = error
            except Exception as error:  # noqa: BLE001 - bulkhead: the camera's driver
                self.error = _translated(error)
            finally:
                try:
                    done()
                except RuntimeError:  # the loop is closed: nobody waits any more
                    log.debug("a camera came back after the end")

        # A daemon thread: one that hangs in the driver must not keep the process alive.
        threading.Thread(target=run, name="camera", daemon=True).start()

    def result(self) -> bytes:
        if self.error is not None:
            raise self.error
        return self.jpeg


def _load_picamera2() -> Any:  # noqa: ANN401 - picamera2 carries no types
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise DeviceError(
            f"The camera library picamera2 cannot be loaded ({error}).",
            "Run: sudo apt install --no-install-recommends python3-picamera2, "
            "or set camera.driver to folder or none.",
        ) from error


def _capture(module: Any, timeout: float) -> bytes:  # noqa: ANN401 - no types
    """Open, let the exposure settle, capture, close. Called on the camera thread.

    After a capture that hung, stop() hangs too; only close() returns (seen with picamera2 0.3.38
    and a webcam pulled out), so it is close() in any case.
    """
    deadline = time.monotonic() + timeout
    if not module.Picamera2.global_camera_info():
        raise _missing()
    camera = module.Picamera2()
    try:
        camera.configure(_still(camera))
        camera.start()
        _settle(camera, deadline)
        buffer = io.BytesIO()
        job = camera.capture_file(buffer, format="jpeg", wait=False)
        camera.wait(job, timeout=_left(deadline))
    except TimeoutError:
        raise _hung(timeout) from None
    finally:
        camera.close()
    return buffer.getvalue()


def _still(camera: Any) -> Any:  # noqa: ANN401 - no types
    """Ask for a picture of at most LONG_SIDE: 2 MB of buffer instead of the sensor's 36 MB."""
    width, height = camera.sensor_resolution
    scale = min(LONG_SIDE / max(width, height), 1)
    size = (int(width * scale) // 2 * 2, int(height * scale) // 2 * 2)  # libcamera wants even
    return camera.create_still_configuration(main={"size": size}, raw=None)


def _settle(camera: Any, deadline: float) -> None:  # noqa: ANN401 - no types
    """Let exposure converge, at most SETTLE seconds: the first frames come out black or white."""
    end = min(time.monotonic() + SETTLE, deadline)
    frames = 0
    while time.monotonic() < end:
        job = camera.capture_metadata(wait=False)
        metadata = camera.wait(job, timeout=_left(deadline))
        frames += 1
        state, locked = metadata.get("AeState"), metadata.get("AeLocked")
        if locked or state == CONVERGED:
            return
        if state is None and locked is None and frames >= SETTLE_FRAMES:
            return


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.0)


def _missing() -> DeviceError:
    return DeviceError(
        "No camera is connected.",
        "Check its cable with the power off; `rpicam-hello --list-cameras` shows what is seen.",
    )


def _busy(cause: str) -> DeviceError:
    return DeviceError(cause, "Wait a moment; if it stays, end the other program or replug it.")


def _hung(timeout: float) -> DeviceError:
    return DeviceError(
        f"The camera delivered no picture within {timeout:g} seconds.",
        "Check its cable; unplugging and plugging it in again helps most often.",
    )


def _translated(error: Exception) -> DeviceError:
    """Say in our words what picamera2 and libcamera say in theirs."""
    text = f"{error}; {error.__cause__}" if error.__cause__ else str(error)
    said = text.lower()
    if isinstance(error, IndexError) or "no camera number" in said:
        return _missing()
    if "busy" in said or "acquire" in said:
        return _busy("The camera is used by another program.")
    if "dmaheap" in said or "permission" in said:
        return DeviceError(
            "The camera may not be opened by this user.", "Add the user to the group video."
        )
    return DeviceError(
        f"The camera failed ({type(error).__name__}: {text[:200]}).",
        "Check its cable, then restart.",
    )
