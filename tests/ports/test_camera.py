"""What every camera promises (ports.Camera), kept by the simulated one and by the Pi's."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import pytest

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware.camera import BoundedCamera
from appliance.hardware.picamera import PiCamera
from appliance.hardware.still_camera import FolderCamera
from appliance.picture import prepare
from appliance.ports import Camera
from tests.hardware.fake_picamera2 import FakePicamera2
from tests.hardware.lights import Light

CONFIG = CameraConfig(timeout=0.5)
Make: TypeAlias = Callable[[Light, str], Camera]


def folder(latch: Light, fault: str) -> Camera:
    match fault:
        case "":
            return FolderCamera(CONFIG, latch)
        case "missing" | "busy" | "hang":
            return FolderCamera(CONFIG, latch, [fault])
        case _:
            raise ValueError(fault)


def fake_pi(latch: Light, fault: str) -> Camera:
    faults = iter([fault])

    def next_module() -> FakePicamera2:
        match next(faults, ""):
            case "hang":
                return FakePicamera2(fault="start hangs")
            case other:
                return FakePicamera2(fault=other)

    return BoundedCamera(CONFIG, latch, lambda: PiCamera(next_module))


def real_pi(latch: Light, fault: str) -> Camera:
    if fault:
        pytest.skip("a real camera fails when it wants")
    return BoundedCamera(CameraConfig(), latch, PiCamera)


@pytest.fixture(
    params=[folder, fake_pi, pytest.param(real_pi, marks=pytest.mark.pi)],
    ids=["folder", "fake picamera2", "picamera2"],
)
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


async def test_a_capture_is_a_jpeg_the_album_takes(make: Make) -> None:
    jpeg = await make(Light(), "").capture()
    assert prepare(jpeg).width > 0


async def test_the_latch_is_held_once_and_let_go(make: Make) -> None:
    latch = Light()
    await make(latch, "").capture()
    assert (latch.lit, latch.ever) == (0, 1)


@pytest.mark.parametrize("fault", ["missing", "busy", "hang"])
async def test_a_failure_has_cause_and_cure_and_passes(make: Make, fault: str) -> None:
    latch = Light()
    camera = make(latch, fault)
    async with asyncio.timeout(5):
        with pytest.raises(DeviceError) as caught:
            await camera.capture()
        assert caught.value.cause.endswith(".")
        assert caught.value.cure.endswith(".")
        assert latch.lit == 0
        await camera.capture()


async def test_the_loop_runs_on_during_a_capture(make: Make) -> None:
    camera = make(Light(), "hang") if make is not real_pi else make(Light(), "")
    turns = 0
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        capture = tasks.create_task(_outcome(camera))
        while not capture.done():
            turns += 1
            await asyncio.sleep(0)
    assert turns > 10


async def _outcome(camera: Camera) -> None:
    try:
        await camera.capture()
    except DeviceError:
        return
