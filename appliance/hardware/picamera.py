"""The Pi's camera, or a webcam, through picamera2."""

import atexit
import importlib
import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from typing_extensions import override

from appliance.errors import DeviceError
from appliance.hardware.camera_driver import CameraDriver
from appliance.hardware.sensor import mode_size, picture_size

SETTLE: Final = 1.0  # s for exposure and white balance; the picamera2 manual's examples wait 1 s
SETTLE_FRAMES: Final = 5  # for cameras that report no exposure state (webcams)
CONVERGED: Final = 2  # libcamera's AeState; older ones report AeLocked
CONTINUOUS: Final = 2  # libcamera's AfMode; by default the lens stays where it is
SCANNING: Final = 1  # libcamera's AfState


class PiCamera(CameraDriver):
    """`load` returns the module picamera2; `clock` counts seconds."""

    stays_open = True

    def __init__(
        self,
        load: Callable[[], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.about = ""
        self._load = load or _load_picamera2
        self._clock = clock
        self._module: Any = None  # picamera2 carries no types
        self._camera: Any = None
        self._made = False  # completely
        self._started = 0.0

    @override
    def load(self) -> None:
        self._module = self._load()

    @override
    def open(self) -> None:
        with _explained():
            found = self._module.Picamera2.global_camera_info()
            if not found:
                raise _missing()
            # In two steps: if the second fails half-way the camera is taken, and must be closed.
            self._camera = self._module.Picamera2.__new__(self._module.Picamera2)
            self._camera.__init__()
            self._made = True
        # Its own closing at exit would hold up the end of the process for ever if it hangs.
        atexit.unregister(self._camera.close)
        self.about = f"picamera2, {found[0].get('Model', 'a camera without a name')}"

    @override
    def start(self) -> None:
        with _explained():
            self._camera.configure(_still(self._camera))
            self._camera.start()
        self._started = self._clock()

    @override
    def picture(self, settle: float, limit: float) -> bytes:
        deadline = self._clock() + limit
        buffer = io.BytesIO()
        with _explained():
            self._settle(settle, deadline)
            job = self._camera.capture_file(buffer, format="jpeg", wait=False)
            self._camera.wait(job, timeout=self._left(deadline))
        return buffer.getvalue()

    @override
    def close(self) -> None:
        if self._camera is None:
            return
        if self._made:
            # After a picture that hung, stop() hangs too, and only close() returns: seen with
            # picamera2 0.3.38 and a webcam that was pulled out.
            self._camera.close()
        else:
            _close_half_made(self._camera)

    def _settle(self, least: float, deadline: float) -> None:
        """Let exposure and focus converge, at most SETTLE seconds: the first frames are no good.

        One frame is dropped at least: it may be from before the person pressed the button.
        """
        began = self._clock()
        frames = 0
        while True:
            job = self._camera.capture_metadata(wait=False)
            metadata = self._camera.wait(job, timeout=self._left(deadline))
            frames += 1
            now = self._clock()
            if now >= deadline or now - began >= max(least, SETTLE):
                return
            if now - began >= least and self._steady(metadata, frames, now):
                return

    def _steady(self, metadata: Any, frames: int, now: float) -> bool:  # noqa: ANN401 - no types
        if metadata.get("AfState") == SCANNING:
            return False
        state, locked = metadata.get("AeState"), metadata.get("AeLocked")
        if state is None and locked is None:
            return frames >= SETTLE_FRAMES or now - self._started >= SETTLE
        return bool(locked) or state == CONVERGED

    def _left(self, deadline: float) -> float:
        return max(deadline - self._clock(), 0.0)


def _close_half_made(camera: Any) -> None:  # noqa: ANN401 - no types
    """Close a camera whose making failed half-way; read in picamera2 0.3.38.

    Its close() counts on being known to picamera2's manager, lets go of the camera and then
    stumbles over what was not made. If it does not have the camera, it does nothing at all: its
    pipe stays open, and so does libcamera, with all device files, until the next picture.
    """
    manager, number = camera._cm, getattr(camera, "camera_idx", None)  # noqa: SLF001 - no other way
    if number not in manager.cameras:
        manager.add(number, camera)
    taken = camera.is_open
    with suppress(Exception):
        camera.close()
    if not taken:
        os.close(camera.notifyme_w)
        vars(camera).clear()  # what it knows of the camera holds on to libcamera too
        vars(camera).update(_preview=None, is_open=False)  # its own end asks for these
        if manager.cameras.get(number) is camera:
            manager.cleanup(number)


def _load_picamera2() -> Any:  # noqa: ANN401 - picamera2 carries no types
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise DeviceError(
            f"The library picamera2 cannot be loaded ({error}).",
            "Run: sudo apt install --no-install-recommends python3-picamera2, "
            "or set camera.driver to auto.",
        ) from error


def _still(camera: Any) -> Any:  # noqa: ANN401 - no types
    """Ask for a small picture: 2 MB of buffer instead of the sensor's 36 MB."""
    size = camera.sensor_resolution
    return camera.create_still_configuration(
        main={"size": picture_size(*size)},
        raw=None,
        sensor={"output_size": mode_size(*size)},
        controls={"AfMode": CONTINUOUS} if "AfMode" in camera.camera_controls else {},
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what picamera2 raises into a DeviceError; a TimeoutError stays one."""
    try:
        yield
    except (DeviceError, TimeoutError):
        raise
    except Exception as error:
        raise _translated(error) from error


def _missing() -> DeviceError:
    return DeviceError(
        "No camera is connected.",
        "Check its cable with the power off; `rpicam-hello --list-cameras` shows what is seen.",
    )


def _translated(error: Exception) -> DeviceError:
    """Say in our words what picamera2 and libcamera say in theirs."""
    text = f"{error}; {error.__cause__}" if error.__cause__ else str(error)
    said = text.lower()
    if isinstance(error, IndexError) or "no camera number" in said:
        return _missing()
    if "busy" in said or "acquire" in said:
        return DeviceError(
            "The camera is used by another program.",
            "Wait a moment; if it stays, end the other program or replug the camera.",
        )
    if "dmaheap" in said or "permission" in said:
        return DeviceError(
            "The camera may not be opened by this user.", "Add the user to the group video."
        )
    return DeviceError(
        f"The camera failed ({type(error).__name__}: {text[:200]}).",
        "Check its cable, then restart this device.",
    )
