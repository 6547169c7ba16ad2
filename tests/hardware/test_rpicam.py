"""The Pi's camera through rpicam-still, played by a program that behaves like it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware import rpicam
from appliance.hardware.camera import BoundedCamera
from appliance.hardware.rpicam import RpicamStill, read_list
from appliance.hardware.still_camera import PICTURES
from tests.hardware import fake_rpicam_still
from tests.hardware.fake_picamera2 import JPEG
from tests.hardware.lights import Light

Fail = Callable[[str], None]


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """Where the program writes how it was called."""
    return tmp_path / "seen"


def said(seen: Path) -> str:
    return seen.read_text()


def runs(pid: str) -> bool:
    return Path("/proc", pid).exists()


@pytest.fixture
def fault(tmp_path: Path, seen: Path, monkeypatch: pytest.MonkeyPatch) -> Fail:
    fake_rpicam_still.install(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SEEN", str(seen))
    monkeypatch.setenv("PICTURE", str(PICTURES / "1-house.jpg"))
    return lambda fault: monkeypatch.setenv("FAULT", fault)


def camera_of(light: Light, timeout: float = 5.0) -> BoundedCamera:
    return BoundedCamera(CameraConfig(timeout=timeout, warm=True), light, RpicamStill)


async def test_a_picture_in_the_shape_of_the_sensor(fault: Fail, seen: Path) -> None:
    light = Light()
    camera = camera_of(light)
    assert await camera.capture() == JPEG
    assert "--width 1024 --height 576" in said(seen)
    assert "--mode 2304:1296" in said(seen)  # which sees everything; 1536:864 would not
    assert "--timeout 500" in said(seen)
    assert camera.about == "rpicam-still, imx708"
    assert light.lit == 0


async def test_exposure_gets_the_time_it_is_given(fault: Fail, seen: Path) -> None:
    await camera_of(Light()).capture(settle=1.5)
    assert "--timeout 1500" in said(seen)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("missing", "sees no camera"),
        ("busy", "used by another program"),
        ("crash", "delivered no picture"),
    ],
)
async def test_failures_are_explained_and_pass(fault: Fail, name: str, cause: str) -> None:
    light = Light()
    camera = camera_of(light)
    fault(name)
    with pytest.raises(DeviceError, match=cause) as caught:
        await camera.capture()
    assert caught.value.cure
    assert light.lit == 0
    fault("")
    assert await camera.capture() == JPEG


async def test_a_missing_program_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="no program rpicam-still") as caught:
        await camera_of(Light()).capture()
    assert "apt install" in caught.value.cure


async def test_a_program_that_hangs_is_killed(fault: Fail, seen: Path) -> None:
    light = Light()
    camera = camera_of(light, timeout=1.5)
    fault("hang")
    async with asyncio.timeout(10):
        with pytest.raises(DeviceError, match="no picture within"):
            await camera.capture()
    assert light.lit == 0
    word, pid = said(seen).split()
    assert word == "pid"
    assert not runs(pid)


async def test_a_list_that_never_comes_is_told(
    fault: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpicam, "LIST_TIME", 0.3)
    light = Light()
    camera = camera_of(light)
    fault("list hangs")
    with pytest.raises(DeviceError, match="does not answer"):
        await camera.capture()
    assert light.lit == 0


async def test_it_does_not_keep_the_camera_open(fault: Fail) -> None:
    light = Light()
    camera = camera_of(light)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(camera.keep_open())
        await asyncio.sleep(0)
        await camera.capture()
        assert light.lit == 0
        keeping.cancel()


def test_lists_without_a_size_or_a_camera_are_no_camera() -> None:
    assert read_list("No cameras available!\n") is None
    assert read_list("0 : imx708 (/base/soc)\n") is None
