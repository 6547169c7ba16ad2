"""The Pi's camera against picamera2's behaviour, good and bad."""

from contextlib import suppress
from pathlib import Path

import pytest

from appliance.album import Album, take_photo
from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware.camera import BoundedCamera
from appliance.hardware.picamera import SETTLE, SETTLE_FRAMES, PiCamera
from tests.hardware.fake_picamera2 import FRAME_TIME, JPEG, FakePicamera2
from tests.hardware.lights import Light


def camera_of(module: FakePicamera2, light: Light | None = None) -> BoundedCamera:
    driver = lambda: PiCamera(lambda: module, module.clock)  # noqa: E731 - one made for each
    return BoundedCamera(CameraConfig(), light or Light(), driver)


async def test_a_picture_comes_as_the_camera_made_it() -> None:
    module = FakePicamera2()
    camera = camera_of(module)
    assert await camera.capture() == JPEG
    assert await camera.capture() == JPEG
    assert (module.opened, module.closed) == (2, 2)
    assert camera.about == "picamera2, imx477"


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
    await camera_of(module).capture()
    assert module.captured_sizes == [asked]


def descriptors() -> int:
    """How many are open in this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


CAMERA_MODULE_3 = (  # as `rpicam-hello --list-cameras` shows them
    ((1536, 864), (3072, 1728)),
    ((2304, 1296), (4608, 2592)),
    ((4608, 2592), (4608, 2592)),
)


async def test_the_picture_is_of_all_the_sensor_sees() -> None:
    module = FakePicamera2(resolution=(4608, 2592), modes=CAMERA_MODULE_3)
    await camera_of(module).capture()
    assert module.captured_sizes == [(1024, 576)]
    assert module.seen == [(4608, 2592)]


async def test_a_small_sensor_keeps_its_pixels() -> None:
    modes = (((640, 400), (1280, 800)), ((1280, 800), (1280, 800)))
    module = FakePicamera2(resolution=(1280, 800), modes=modes)
    driver = PiCamera(lambda: module, module.clock)
    driver.load()
    driver.open()
    driver.start()
    assert driver._camera._configuration["sensor"] == {"output_size": (1280, 800)}
    driver.close()


async def test_a_lens_that_can_focus_does_so_before_the_picture() -> None:
    sharp = {"AeState": 2, "AfState": 2}
    module = FakePicamera2(frames=(*[{"AeState": 2, "AfState": 1}] * 7, sharp), focuses=True)
    await camera_of(module).capture()
    assert module.focused == [True]
    assert module.metadata_asked == 8


async def test_failures_leave_no_descriptors_open() -> None:
    module = FakePicamera2()
    camera = camera_of(module)
    await camera.capture()
    before = descriptors()
    for fault in ("busy", "permission", "init", "assertion", "", "busy"):
        module.fault = fault
        with suppress(DeviceError):
            await camera.capture()
        assert not module.manager.running
    assert descriptors() == before


@pytest.mark.parametrize(
    ("frames", "asked"),
    [
        (({"AeState": 1}, {"AeState": 1}, {"AeState": 2}), 3),
        (({"AeLocked": False}, {"AeLocked": True}), 2),
        (({},), SETTLE_FRAMES),
        (({"AeState": 1},), round(SETTLE / FRAME_TIME)),
    ],
    ids=["AeState", "AeLocked", "webcam", "never steady"],
)
async def test_exposure_settles_before_the_picture(
    frames: tuple[dict[str, object], ...], asked: int
) -> None:
    module = FakePicamera2(frames=frames)
    await camera_of(module).capture()
    assert module.metadata_asked == pytest.approx(asked, abs=1 if asked > SETTLE_FRAMES else 0)


async def test_exposure_gets_the_time_it_is_given() -> None:
    module = FakePicamera2()
    await camera_of(module).capture(settle=2.0)
    assert module.metadata_asked >= 2.0 / FRAME_TIME - 1


async def test_a_webcam_that_begins_black_gets_a_second_and_longer_try() -> None:
    module = FakePicamera2(frames=({},), black=SETTLE_FRAMES + 5)
    album = Album()
    photo = await take_photo(camera_of(module).capture, album)
    assert not album.picture(photo.name).dark
    assert len(module.captured_sizes) == 2


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
    camera = camera_of(module, light)
    with pytest.raises(DeviceError) as caught:
        await camera.capture()
    assert caught.value.cause.startswith(cause)
    assert caught.value.cure
    assert light.lit == 0
    module.fault = ""
    assert await camera.capture() == JPEG


async def test_a_missing_library_is_explained() -> None:
    camera = BoundedCamera(CameraConfig(), Light(), PiCamera)
    try:
        import picamera2  # noqa: F401, PLC0415 - is there a Pi's archive here?
    except ImportError:
        with pytest.raises(DeviceError, match="apt install"):
            await camera.capture()
    else:
        pytest.skip("picamera2 is installed here")
