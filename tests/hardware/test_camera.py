"""The Pi's camera against picamera2's behaviour, good and bad."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware.camera import SETTLE_FRAMES, PiCamera
from tests.hardware.fake_picamera2 import JPEG, FakePicamera2

CONFIG = CameraConfig(timeout=5)
IMPATIENT = CameraConfig(timeout=0.05)


class Light:
    """A latch that remembers."""

    def __init__(self) -> None:
        self.lit = False
        self.dark_again = asyncio.Event()

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        assert what == "camera"
        self.lit = True
        try:
            yield
        finally:
            self.lit = False
            self.dark_again.set()


async def test_a_picture_comes_as_the_camera_made_it() -> None:
    module = FakePicamera2()
    camera = PiCamera(CONFIG, Light(), lambda: module)
    assert await camera.capture() == JPEG
    assert await camera.capture() == JPEG
    assert (module.opened, module.closed) == (2, 2)


async def test_the_camera_is_open_only_while_the_light_is_on() -> None:
    light = Light()
    seen: list[bool] = []
    module = FakePicamera2(on_open=lambda: seen.append(light.lit))
    await PiCamera(CONFIG, light, lambda: module).capture()
    assert seen == [True]
    assert light.lit is False


async def test_without_a_light_no_camera_is_opened() -> None:
    class Refusing(Light):
        @contextmanager
        def hold(self, what: str) -> Iterator[None]:
            if what:
                raise DeviceError("The LED cannot be switched.")
            yield

    module = FakePicamera2()
    with pytest.raises(DeviceError, match="LED"):
        await PiCamera(CONFIG, Refusing(), lambda: module).capture()
    assert module.opened == 0


@pytest.mark.parametrize(
    ("resolution", "asked"),
    [
        ((4056, 3040), (1024, 766)),
        ((2592, 1944), (1024, 768)),
        ((1080, 1920), (576, 1024)),
        ((640, 480), (640, 480)),
        ((1023, 767), (1022, 766)),
    ],
)
async def test_the_sensor_scales_so_that_memory_stays_small(
    resolution: tuple[int, int], asked: tuple[int, int]
) -> None:
    module = FakePicamera2(resolution=resolution)
    await PiCamera(CONFIG, Light(), lambda: module).capture()
    assert module.captured_sizes == [asked]


@pytest.mark.parametrize(
    ("frames", "asked"),
    [
        (({"AeState": 1}, {"AeState": 1}, {"AeState": 2}), 3),
        (({"AeLocked": False}, {"AeLocked": True}), 2),
        (({},), SETTLE_FRAMES),
    ],
    ids=["AeState", "AeLocked", "webcam"],
)
async def test_exposure_settles_before_the_picture(
    frames: tuple[dict[str, object], ...], asked: int
) -> None:
    module = FakePicamera2(frames=frames)
    await PiCamera(CONFIG, Light(), lambda: module).capture()
    assert module.metadata_asked == asked


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("missing", "No camera is connected."),
        ("busy", "The camera is used by another program."),
        ("permission", "The camera may not be opened by this user."),
        ("init", "The camera failed"),
        ("vanishes", "The camera failed"),
        ("assertion", "The camera failed"),
    ],
)
async def test_failures_are_explained_and_the_next_capture_works(fault: str, cause: str) -> None:
    light = Light()
    module = FakePicamera2(fault=fault)
    camera = PiCamera(CONFIG, light, lambda: module)
    with pytest.raises(DeviceError) as caught:
        await camera.capture()
    assert caught.value.cause.startswith(cause)
    assert caught.value.cure
    assert light.lit is False
    module.fault = ""
    assert await camera.capture() == JPEG


async def test_a_missing_library_is_explained() -> None:
    camera = PiCamera(CONFIG, Light())
    try:
        import picamera2  # noqa: F401, PLC0415 - is there a Pi's archive here?
    except ImportError:
        with pytest.raises(DeviceError, match="apt install"):
            await camera.capture()
    else:
        pytest.skip("picamera2 is installed here")


async def test_a_camera_pulled_out_costs_one_timeout_and_is_closed() -> None:
    light = Light()
    module = FakePicamera2(fault="hang")
    camera = PiCamera(IMPATIENT, light, lambda: module)
    async with asyncio.timeout(5):
        with pytest.raises(DeviceError, match=r"no picture within 0\.05 seconds"):
            await camera.capture()
    assert (module.opened, module.closed) == (1, 1)
    assert light.lit is False
    module.fault = ""
    assert await camera.capture() == JPEG


@pytest.mark.looptime
async def test_a_driver_that_never_returns_keeps_the_light_on_and_the_loop_free() -> None:
    """looptime jumps over the waiting: the thread stands still in the driver meanwhile."""
    light = Light()
    module = FakePicamera2(fault="start hangs")
    camera = PiCamera(CONFIG, light, lambda: module)
    with pytest.raises(DeviceError, match="no picture within"):
        await camera.capture()
    assert light.lit is True  # it may still record
    with pytest.raises(DeviceError, match="another picture"):
        await camera.capture()  # at once, not after another timeout
    module.let_go.set()
    await light.dark_again.wait()
    module.fault = ""
    assert await camera.capture() == JPEG


async def test_a_cancelled_capture_lets_the_camera_finish_and_close() -> None:
    light = Light()
    loop, opening = asyncio.get_running_loop(), asyncio.Event()
    module = FakePicamera2(
        fault="start hangs", on_open=lambda: loop.call_soon_threadsafe(opening.set)
    )
    camera = PiCamera(CONFIG, light, lambda: module)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        capture = tasks.create_task(camera.capture())
        await opening.wait()
        capture.cancel()
    assert light.lit is True
    module.let_go.set()
    async with asyncio.timeout(5):
        await light.dark_again.wait()
    assert (module.opened, module.closed) == (1, 1)
