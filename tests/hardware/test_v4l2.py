"""Webcams straight from the kernel."""

import errno
from pathlib import Path

import pytest

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware import video_device
from appliance.hardware.camera import BoundedCamera
from appliance.hardware.v4l2 import SETTLE_FRAMES, V4l2Camera
from appliance.picture import prepare
from tests.hardware.fake_kernel import FakeKernel, Webcam
from tests.hardware.fake_picamera2 import BLACK, JPEG
from tests.hardware.lights import Light


def numbered(count: int) -> list[bytes | None]:
    return [b"\xff\xd8%d\xff\xd9" % number for number in range(count)]


class Bench:
    """A /dev with these webcams, and a camera that looks at it."""

    def __init__(self, folder: Path, *webcams: Webcam, timeout: float = 5.0, warm: bool = False):
        paths = [folder / f"video{number}" for number in range(len(webcams))]
        for path in paths:
            path.touch()
        pairs = zip(paths, webcams, strict=True)
        self.kernel = FakeKernel({str(path): webcam for path, webcam in pairs})
        config = CameraConfig(timeout=timeout, warm=warm)
        self.light = Light()
        self.camera = BoundedCamera(config, self.light, lambda: V4l2Camera(folder, self.kernel))


async def test_a_settled_picture_comes_as_the_webcam_made_it(tmp_path: Path) -> None:
    first: list[bytes | None] = [BLACK] * SETTLE_FRAMES
    bench = Bench(tmp_path, Webcam(frames=[*first, JPEG + bytes(100)]))
    assert await bench.camera.capture() == JPEG
    assert bench.camera.about == f"V4L2, HD Webcam ({tmp_path}/video0)"
    assert bench.kernel.open_devices == bench.light.lit == 0


async def test_a_damaged_frame_is_not_taken(tmp_path: Path) -> None:
    frames: list[bytes | None] = [BLACK] * SETTLE_FRAMES
    bench = Bench(tmp_path, Webcam(frames=[*frames, None, None, JPEG]))
    assert await bench.camera.capture() == JPEG


async def test_raw_frames_become_jpeg(tmp_path: Path) -> None:
    width, height = 64, 48
    row = bytes((150, 128)) * width + bytes(64)  # grey, and the gap after each row
    bench = Bench(tmp_path, Webcam(formats=("YUYV",), size=(width, height), frames=[row * height]))
    picture = prepare(await bench.camera.capture())
    assert (picture.width, picture.height) == (width, height)
    assert picture.luma == pytest.approx(150, abs=12)  # studio range stretched to full


async def test_a_raw_frame_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Webcam(formats=("YUYV",), size=(64, 48), frames=[bytes(100)]))
    with pytest.raises(DeviceError, match="damaged"):
        await bench.camera.capture()


async def test_what_is_no_camera_is_passed_over(tmp_path: Path) -> None:
    both = video_device.CAN_CAPTURE | video_device.CAN_STREAM
    others = (
        Webcam("metadata of a webcam", capabilities=video_device.CAN_STREAM),
        Webcam("sensor of a Pi", capabilities=both | video_device.PART_OF_A_PIPELINE),
        Webcam("image processor of a Pi", driver="bcm2835-isp"),
        Webcam("infrared", formats=("GREY",)),
    )
    bench = Bench(tmp_path, *others, Webcam("mine", frames=[JPEG]))
    await bench.camera.capture()
    assert "mine" in bench.camera.about
    assert bench.kernel.open_devices == 0


async def test_no_webcam_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="There is no webcam"):
        await Bench(tmp_path).camera.capture()


@pytest.mark.parametrize(
    ("webcam", "cause"),
    [
        (Webcam(busy=True), "used by another program"),
        (Webcam(refuses=errno.EACCES), "may not be opened by this user"),
        (Webcam(refuses=errno.EIO), "The camera failed"),
        (Webcam(gone=True), "unplugged"),
    ],
    ids=["busy", "permission", "broken", "gone"],
)
async def test_failures_are_explained_and_nothing_stays_open(
    tmp_path: Path, webcam: Webcam, cause: str
) -> None:
    bench = Bench(tmp_path, webcam)
    with pytest.raises(DeviceError, match=cause) as caught:
        await bench.camera.capture()
    assert caught.value.cure
    assert bench.kernel.open_devices == bench.light.lit == 0


async def test_a_webcam_without_frames_costs_the_timeout(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Webcam(silent=True), timeout=0.05)
    with pytest.raises(DeviceError, match="no picture within"):
        await bench.camera.capture()
    assert bench.kernel.open_devices == bench.light.lit == 0


async def test_frames_from_before_the_press_are_not_shown(tmp_path: Path) -> None:
    webcam = Webcam(frames=numbered(30))
    path = tmp_path / "video0"
    path.touch()
    kernel = FakeKernel({str(path): webcam})
    camera = V4l2Camera(tmp_path, kernel)
    camera.open()
    camera.start()
    camera.picture(0.0, 1.0)
    kernel.fill_all()
    waiting = webcam.taken
    assert camera.picture(0.0, 1.0) == numbered(30)[waiting]
    camera.close()


async def test_a_webcam_unplugged_while_open_is_told_and_found_again(tmp_path: Path) -> None:
    webcam = Webcam(frames=[JPEG])
    path = tmp_path / "video0"
    path.touch()
    kernel = FakeKernel({str(path): webcam})
    camera = V4l2Camera(tmp_path, kernel)
    camera.open()
    camera.start()
    webcam.gone = True
    with pytest.raises(DeviceError, match="unplugged"):
        camera.picture(0.0, 1.0)
    camera.close()
    with pytest.raises(DeviceError, match="closed"):
        camera.picture(0.0, 1.0)
    assert kernel.open_devices == 0
