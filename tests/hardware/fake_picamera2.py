"""picamera2 as far as the appliance uses it, with the behaviour seen of release 0.3.38."""

import io
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

from appliance.hardware.still_camera import PICTURES

JPEG = (PICTURES / "1-house.jpg").read_bytes()
BLACK = (PICTURES / "faults" / "black.jpg").read_bytes()
FRAME_TIME = 1 / 30  # s
Size: TypeAlias = tuple[int, int]


class FakePicamera2:
    """Stands for the module; `Picamera2` for its class. One camera at most, as on a Pi.

    `frames`: metadata of the first frames after each start, the last repeats. `black`: how many
    frames come out black after each start. `fault`: "missing", "busy", "permission", "init",
    "vanishes", "assertion", or what hangs until `let_go`: "open hangs", "start hangs",
    "all hangs" (start and close); "late": `on_late` is told, and the picture comes with `deliver`;
    "unplugged": what the cable does, see `unplug`. `modes`: the sensor's, as size and what it
    sees; all if none is given. `focuses`: whether the lens can.
    """

    def __init__(
        self,
        *,
        fault: str = "",
        frames: tuple[dict[str, Any], ...] = ({"AeState": 2},),
        black: int = 0,
        resolution: tuple[int, int] = (4056, 3040),
        on_open: Callable[[], object] = lambda: None,
        modes: tuple[tuple[Size, Size], ...] = (),
        focuses: bool = False,
    ) -> None:
        self.fault = fault
        self.frames = frames
        self.black = black
        self.resolution = resolution
        self.on_open = on_open
        self.modes = modes or ((resolution, resolution),)
        self.focuses = focuses
        self.seen: list[Size] = []  # what part of the sensor each picture is of
        self.focused: list[bool] = []  # whether the lens had followed
        self.opened = 0
        self.closed = 0
        self.time = 0.0  # s; each frame takes its time
        self.captured_sizes: list[tuple[int, int]] = []
        self.metadata_asked = 0
        self.let_go = threading.Event()
        self.on_late: Callable[[], object] = lambda: None
        self.deliver: Callable[[], None] = lambda: None
        self.closes_late = False  # with `let_go`
        self.manager = _Manager()
        module = self

        class Picamera2(_Camera):
            """The class, bound to this fake."""

            _module = module
            _cm = module.manager

            @staticmethod
            def global_camera_info() -> list[dict[str, Any]]:
                module.manager.running = True
                missing = module.fault in {"missing", "unplugged"}
                return [] if missing else [{"Num": 0, "Model": "imx477"}]

        self.Picamera2 = Picamera2

    def unplug(self) -> None:
        """Pull the cable: no frame comes any more, stop() hangs, close() returns."""
        self.fault = "unplugged"

    def clock(self) -> float:
        return self.time

    def allocate(self) -> object:
        if self.fault == "permission":
            raise RuntimeError("Could not open any dmaHeap device")
        return object()


class _Manager:
    """Keeps libcamera `running`, with all device files open, from the first look to the last close."""  # noqa: E501

    def __init__(self) -> None:
        self.running = False
        self.cameras: dict[int, _Camera] = {}

    def add(self, index: int, camera: "_Camera") -> None:
        self.cameras[index] = camera

    def cleanup(self, index: int) -> None:
        del self.cameras[index]
        self.running = bool(self.cameras)


class _Camera:
    _module: FakePicamera2
    _cm: _Manager

    def __init__(self) -> None:
        module = self._module
        module.on_open()
        self.notifyme_r, self.notifyme_w = os.pipe()
        self._reader = os.fdopen(self.notifyme_r, "rb")
        self.is_open = False
        self.camera_idx = 0
        try:
            self._take(module)
            self._cm.add(self.camera_idx, self)
            self.allocator = module.allocate()
        except BaseException:
            self._reader.close()  # as soon as nobody knows the object any more
            raise

    def _take(self, module: FakePicamera2) -> None:
        match module.fault:
            case "busy":
                cause = RuntimeError("Failed to acquire camera: Device or resource busy")
                raise RuntimeError("Camera __init__ sequence did not complete.") from cause
            case "open hangs":
                module.let_go.wait()
            case _:
                pass
        if module.opened > module.closed:
            raise RuntimeError("Camera in use: Device or resource busy")
        module.opened += 1
        self.is_open = True
        match module.fault:  # once it is taken
            case "init":
                raise RuntimeError("Camera __init__ sequence did not complete.")
            case "vanishes":
                raise AttributeError("'NoneType' object has no attribute 'at'")
            case "assertion":
                raise AssertionError
            case _:
                pass
        self.sensor_resolution = module.resolution
        self.camera_controls = {"AfMode": (0, 2, 0)} if module.focuses else {}
        self._configuration: dict[str, Any] | None = None
        self._started = False
        self._lost = False  # a camera that is plugged in again is another one
        self._frame = 0

    def create_still_configuration(
        self,
        main: dict[str, Any],
        raw: object,
        sensor: dict[str, Size] | None = None,
        controls: dict[str, int] | None = None,
    ) -> dict[str, Any]:
        width, height = main["size"]
        if width % 2 or height % 2:
            raise RuntimeError("width and height should be even")
        return {"main": main, "raw": raw, "sensor": sensor or {}, "controls": controls or {}}

    def configure(self, configuration: dict[str, Any]) -> None:
        for name in configuration["controls"]:
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self._configuration = configuration
        wanted = configuration["sensor"].get("output_size", configuration["main"]["size"])
        _, self._view = min(self._module.modes, key=lambda mode: _distance(wanted, mode[0]))

    def start(self) -> None:
        if self._configuration is None:
            raise RuntimeError("Camera has not been configured")
        if self._module.fault in {"start hangs", "all hangs"}:
            self._module.let_go.wait()
            raise RuntimeError("Camera frontend has timed out!")
        self._started = True

    def capture_metadata(self, *, wait: bool) -> "Future[dict[str, Any]]":
        assert wait is False
        if not self._next_frame():
            return Future()
        frames = self._module.frames
        self._module.metadata_asked += 1
        return _done(frames[min(self._frame, len(frames)) - 1])

    def capture_file(self, output: io.BytesIO, *, format: str, wait: bool) -> "Future[Any]":  # noqa: A002 - its name
        assert self._started
        assert self._configuration is not None
        assert (format, wait) == ("jpeg", False)
        if not self._next_frame():
            return Future()
        if self._module.fault == "late":
            return self._later(output)
        self._module.captured_sizes.append(self._configuration["main"]["size"])
        self._module.seen.append(self._view)
        self._module.focused.append(self._configuration["controls"].get("AfMode") == 2)
        output.write(BLACK if self._frame <= self._module.black else JPEG)
        return _done({"ExposureTime": 10_000})

    def _later(self, output: io.BytesIO) -> "Future[Any]":
        picture: Future[Any] = Future()

        def deliver() -> None:
            if self.is_open:  # a camera that was closed delivers nothing any more
                output.write(JPEG)
                picture.set_result({"ExposureTime": 10_000})

        self._module.deliver = deliver
        self._module.on_late()
        return picture

    def wait(self, job: "Future[Any]", timeout: float | None = None) -> Any:
        return job.result(timeout)

    def stop(self) -> None:
        if not self._next_frame():
            self._module.let_go.wait()
        self._started = False

    def close(self) -> None:
        if not self.is_open:
            return  # and the pipe stays open
        if self._module.fault == "all hangs" or self._module.closes_late:
            self._module.let_go.wait()
        self._module.closed += 1
        self._cm.cleanup(self.camera_idx)
        self.is_open = False
        self._reader.close()
        os.close(self.notifyme_w)
        del self.allocator  # which is made last

    def _next_frame(self) -> bool:
        self._lost = self._lost or self._module.fault == "unplugged"
        self._frame += 1
        self._module.time += FRAME_TIME
        return not self._lost


def _distance(wanted: Size, mode: Size) -> float:
    """How badly a mode fits: one that is too small does eight times so."""
    return sum(
        2 * (want - has) if want > has else (has - want) / 4
        for want, has in zip(wanted, mode, strict=True)
    )


def _done(result: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_result(result)
    return future
