"""A webcam straight from the kernel (V4L2), where libcamera is missing or does not know it."""

import errno
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from typing_extensions import override

from appliance.errors import DeviceError
from appliance.hardware.camera_driver import CameraDriver
from appliance.hardware.video_device import Card, Kernel, Layout, VideoDevice

T = TypeVar("T")

SIZE: Final = (1024, 768)  # pixels asked for; the driver takes the nearest it has
FORMATS: Final = ("MJPG", "JPEG", "YUYV")  # in this order: compressed ones spare the USB
SETTLE_FRAMES: Final = 5  # webcams do not tell when exposure is steady
SETTLE: Final = 1.0  # s after which it is
NOT_CAMERAS: Final = {"bcm2835-isp"}  # the Pi's image processor: delivers nothing by itself


class V4l2Camera(CameraDriver):
    """The first webcam of `devices`."""

    stays_open = True

    def __init__(self, devices: Path = Path("/dev"), kernel: Kernel | None = None) -> None:
        self.about = ""
        self._devices = devices
        self._kernel = kernel or Kernel()
        self._video: VideoDevice | None = None
        self._card = Card("", "", ())
        self._layout = Layout(0, 0, "", 0)
        self._started = 0.0
        self._frames = 0
        self._busy = threading.Lock()  # while it is used; each use ends by itself

    @override
    def load(self) -> None:
        pass

    @override
    def open(self) -> None:
        paths = sorted(self._devices.glob("video*"), key=lambda path: (len(path.name), path.name))
        refused: OSError | None = None
        for path in paths:
            try:
                if self._is_camera(path):
                    return
            except OSError as error:
                refused = error
        if refused is not None:
            raise _explained(refused)
        raise DeviceError("There is no webcam (/dev/video*).", "Plug one in.")

    @override
    def start(self) -> None:
        def begin(video: VideoDevice) -> None:
            chosen = next(name for name in FORMATS if name in self._card.formats)
            self._layout = video.configure(chosen, *SIZE)
            video.start()
            self._started = time.monotonic()

        self._use(begin)

    @override
    def picture(self, settle: float, limit: float) -> bytes:
        return self._use(lambda video: self._take(video, settle, time.monotonic() + limit))

    @override
    def close(self) -> None:
        with self._busy:
            if self._video is not None:
                self._video.close()
                self._video = None

    def _is_camera(self, path: Path) -> bool:
        """Keep the device open if it is one we can use. Raises OSError."""
        with ExitStack() as unless_kept:
            video = VideoDevice(str(path), self._kernel)
            unless_kept.callback(video.close)
            card = video.card()
            if card is None or card.driver in NOT_CAMERAS:
                return False
            if set(FORMATS).isdisjoint(card.formats):
                return False
            unless_kept.pop_all()
        self._video, self._card = video, card
        self.about = f"V4L2, {card.name} ({path})"
        return True

    def _use(self, call: Callable[[VideoDevice], T]) -> T:
        with self._busy:
            if self._video is None:
                raise DeviceError("The camera was closed.")
            try:
                return call(self._video)
            except TimeoutError:
                raise
            except OSError as error:
                raise _explained(error) from error

    def _take(self, video: VideoDevice, settle: float, deadline: float) -> bytes:
        began = time.monotonic()
        video.drop_waiting()
        while True:
            frame = video.frame(max(deadline - time.monotonic(), 0.0))
            self._frames += 1
            now = time.monotonic()
            steady = self._frames > SETTLE_FRAMES or now - self._started >= SETTLE
            if steady and now - began >= settle:
                break
        if self._layout.format == "YUYV":
            from appliance.picture import from_yuyv  # noqa: PLC0415 - loads FFmpeg

            return from_yuyv(frame, self._layout.width, self._layout.height, self._layout.stride)
        return frame.rstrip(b"\0")  # some webcams fill the last block


def _explained(error: OSError) -> DeviceError:
    if isinstance(error, DeviceError):
        return error
    match error.errno:
        case errno.EBUSY:
            return DeviceError(
                "The camera is used by another program.",
                "Wait a moment; if it stays, end the other program or replug the camera.",
            )
        case errno.EACCES | errno.EPERM:
            return DeviceError(
                "The camera may not be opened by this user.", "Add the user to the group video."
            )
        case errno.ENODEV | errno.ENXIO | errno.ENOENT:
            return DeviceError("The camera was unplugged.", "Plug it in again.")
        case _:
            return DeviceError(
                f"The camera failed ({error.strerror}).", "Unplug it, and plug it in again."
            )
