"""What every camera promises (ports.Camera), kept by the simulated one and by the Pi's."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import pytest

from appliance.album import prepare
from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware.camera import PiCamera
from appliance.hardware.still_camera import FolderCamera
from appliance.ports import Camera
from tests.hardware.fake_picamera2 import FakePicamera2


class Counting:
    """A latch that counts who holds it."""

    def __init__(self) -> None:
        self.held = 0
        self.ever = 0

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        assert what == "camera"
        self.held += 1
        self.ever += 1
        try:
            yield
        finally:
            self.held -= 1


CONFIG = CameraConfig(timeout=0.1)
Make: TypeAlias = Callable[[Counting, str], Camera]


def folder(latch: Counting, fault: str) -> Camera:
    match fault:
        case "":
            return FolderCamera(CONFIG, latch)
        case "missing" | "busy" | "hang":
            return FolderCamera(CONFIG, latch, [fault])
        case _:
            raise ValueError(fault)


def fake_pi(latch: Counting, fault: str) -> Camera:
    module = FakePicamera2(fault=fault)

    def first_fault_only() -> FakePicamera2:
        module.fault, fault_now = "", module.fault
        module.fault = fault_now if not module_used else ""
        module_used.append(True)
        return module

    module_used: list[bool] = []
    return PiCamera(CONFIG, latch, first_fault_only)


def real_pi(latch: Counting, fault: str) -> Camera:
    if fault:
        pytest.skip("a real camera fails when it wants")
    return PiCamera(CameraConfig(), latch)


@pytest.fixture(
    params=[folder, fake_pi, pytest.param(real_pi, marks=pytest.mark.pi)],
    ids=["folder", "fake picamera2", "picamera2"],
)
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


async def test_a_capture_is_a_jpeg_the_album_takes(make: Make) -> None:
    jpeg = await make(Counting(), "").capture()
    assert prepare(jpeg).width > 0


async def test_the_latch_is_held_once_and_let_go(make: Make) -> None:
    latch = Counting()
    await make(latch, "").capture()
    assert (latch.held, latch.ever) == (0, 1)


@pytest.mark.parametrize("fault", ["missing", "busy", "hang"])
async def test_a_failure_has_cause_and_cure_and_passes(make: Make, fault: str) -> None:
    latch = Counting()
    camera = make(latch, fault)
    async with asyncio.timeout(5):
        with pytest.raises(DeviceError) as caught:
            await camera.capture()
        assert caught.value.cause.endswith(".")
        assert caught.value.cure.endswith(".")
        assert latch.held == 0
        await camera.capture()


async def test_the_loop_runs_on_during_a_capture(make: Make) -> None:
    camera = make(Counting(), "hang") if make is not real_pi else make(Counting(), "")
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
