"""What a driver behind `camera.BoundedCamera` must do; it may hang while it does it."""

from collections.abc import Callable
from typing import Protocol, TypeAlias


class CameraDriver(Protocol):
    """One way to a camera, made anew each time it is opened. It blocks, and may hang anywhere.

    In this order, on one thread: `load`, `open`, `start`, `picture` as often as wanted. All raise
    DeviceError; another exception is the driver's bug and is explained as such.
    """

    about: str
    """Which camera it is, in a few words; known once open."""

    stays_open: bool
    """Whether it is open between pictures; known once open."""

    def load(self) -> None:
        """Load libraries; the camera is not touched."""
        ...

    def open(self) -> None:
        """Find the camera and take hold of it."""
        ...

    def start(self) -> None:
        """Have it deliver frames."""
        ...

    def picture(self, settle: float, limit: float) -> bytes:
        """Return a JPEG taken after this call began, exposure settled, for at least `settle` s.

        Should give up after `limit` seconds: TimeoutError.
        """
        ...

    def close(self) -> None:
        """Return when the camera is off.

        Called once, on another thread, while `start` or `picture` may hang, but never during `open`
        (it may not even have been called).
        """
        ...


MakeDriver: TypeAlias = Callable[[], CameraDriver]
