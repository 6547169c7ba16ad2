"""Whatever hangs in a camera's driver: the loop, the light and the next picture do not mind."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware import camera as module_under_test
from appliance.hardware.camera import MOST_STUCK, BoundedCamera
from appliance.hardware.picamera import PiCamera
from tests.hardware.fake_picamera2 import JPEG, FakePicamera2
from tests.hardware.lights import Light

SHORT = 0.05  # s


def camera_of(
    module: FakePicamera2, light: Light, *, timeout: float = 5.0, warm: bool = False
) -> BoundedCamera:
    config = CameraConfig(timeout=timeout, warm=warm)
    return BoundedCamera(config, light, lambda: PiCamera(lambda: module, module.clock))


async def fails_to_hang(camera: BoundedCamera) -> None:
    """Have one capture time out soon, and be patient again."""
    patient, camera._timeout = camera._timeout, SHORT
    async with asyncio.timeout(5):
        with pytest.raises(DeviceError, match="no picture within"):
            await camera.capture()
    camera._timeout = patient


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_under_test, "STALE_TIME", SHORT)
    monkeypatch.setattr(module_under_test, "CLOSE_TIME", SHORT)


async def test_the_camera_is_open_only_while_the_light_is_on() -> None:
    light = Light()
    seen: list[int] = []
    module = FakePicamera2(on_open=lambda: seen.append(light.lit))
    await camera_of(module, light).capture()
    assert seen == [1]
    assert light.lit == 0


async def test_without_a_light_no_camera_is_opened() -> None:
    class Refusing(Light):
        @contextmanager
        def hold(self, what: str) -> Iterator[None]:
            if what:
                raise DeviceError("The LED cannot be switched.")
            yield

    module = FakePicamera2()
    with pytest.raises(DeviceError, match="LED"):
        await camera_of(module, Refusing()).capture()
    assert module.opened == 0


async def test_a_camera_pulled_out_costs_one_timeout_and_is_closed() -> None:
    light = Light()
    module = FakePicamera2()
    camera = camera_of(module, light)
    await camera.capture()
    module.on_open = module.unplug  # in the middle of the capture
    await fails_to_hang(camera)
    assert (module.opened, module.closed) == (2, 2)
    assert light.lit == 0
    with pytest.raises(DeviceError, match="No camera is connected"):
        await camera.capture()
    module.on_open = lambda: None
    module.fault = ""  # plugged in again
    assert await camera.capture() == JPEG


async def test_a_start_that_hangs_is_closed_from_outside_and_the_next_capture_works() -> None:
    light = Light()
    module = FakePicamera2(fault="start hangs")
    camera = camera_of(module, light)
    await fails_to_hang(camera)
    assert (module.opened, module.closed) == (1, 1)
    assert light.lit == 0
    module.fault = ""
    assert await camera.capture() == JPEG  # while the first thread still hangs
    module.let_go.set()


async def test_a_camera_that_does_not_close_keeps_the_light_on(impatient: None) -> None:
    light = Light()
    module = FakePicamera2(fault="all hangs")
    camera = camera_of(module, light)
    await fails_to_hang(camera)
    assert light.lit == 1  # it may still record
    with pytest.raises(DeviceError, match="used by another program"):
        await camera.capture()
    assert light.lit == 1
    module.let_go.set()
    await light.dark()
    module.fault = ""
    assert await camera.capture() == JPEG


async def test_a_constructor_that_hangs_is_closed_when_it_returns(impatient: None) -> None:
    light = Light()
    module = FakePicamera2(fault="open hangs")
    camera = camera_of(module, light)
    await fails_to_hang(camera)
    assert (module.opened, module.closed, light.lit) == (0, 0, 1)
    module.let_go.set()
    await light.dark()
    assert (module.opened, module.closed) == (1, 1)


async def test_cameras_that_never_close_are_not_opened_for_ever(impatient: None) -> None:
    light = Light()
    module = FakePicamera2(fault="open hangs")
    camera = camera_of(module, light)
    for _ in range(MOST_STUCK):
        await fails_to_hang(camera)
    with pytest.raises(DeviceError, match="driver hangs"):
        await camera.capture()
    assert light.ever == MOST_STUCK
    module.let_go.set()
    await light.dark()


async def test_starts_that_hang_do_not_gather_threads() -> None:
    module = FakePicamera2(fault="start hangs")
    camera = camera_of(module, Light())
    for _ in range(MOST_STUCK):
        await fails_to_hang(camera)
    assert (module.opened, module.closed) == (MOST_STUCK, MOST_STUCK)
    with pytest.raises(DeviceError, match="driver hangs"):
        await camera.capture()
    assert module.opened == MOST_STUCK
    module.let_go.set()


async def test_a_cancelled_capture_closes_the_camera() -> None:
    light = Light()
    loop, opening = asyncio.get_running_loop(), asyncio.Event()
    module = FakePicamera2(
        fault="start hangs", on_open=lambda: loop.call_soon_threadsafe(opening.set)
    )
    camera = camera_of(module, light)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        capture = tasks.create_task(camera.capture())
        await opening.wait()
        capture.cancel()
    await camera.off()
    assert (module.opened, module.closed) == (1, 1)
    assert light.lit == 0
    module.let_go.set()


async def test_a_capture_waits_for_a_camera_that_still_closes() -> None:
    loop, opening = asyncio.get_running_loop(), asyncio.Event()
    module = FakePicamera2(
        fault="start hangs", on_open=lambda: loop.call_soon_threadsafe(opening.set)
    )
    module.closes_late = True
    camera = camera_of(module, Light())
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        capture = tasks.create_task(camera.capture())
        await opening.wait()
        capture.cancel()
        module.fault = ""
        loop.call_later(SHORT, module.let_go.set)
        assert await camera.capture() == JPEG


async def test_captures_wait_for_each_other() -> None:
    module = FakePicamera2()
    camera = camera_of(module, Light())
    async with asyncio.TaskGroup() as tasks:
        captures = [tasks.create_task(camera.capture()) for _ in range(3)]
    assert [capture.result() for capture in captures] == [JPEG] * 3


async def test_libraries_can_be_loaded_ahead_in_the_dark() -> None:
    light = Light()
    module = FakePicamera2()
    loads: list[int] = []

    def load() -> FakePicamera2:
        loads.append(light.lit)
        return module

    camera = BoundedCamera(CameraConfig(), light, lambda: PiCamera(load, module.clock))
    await camera.load()
    assert loads == [0]
    assert (module.opened, light.ever) == (0, 0)


async def test_libraries_that_are_missing_are_told_by_the_picture_only() -> None:
    def load() -> FakePicamera2:
        raise DeviceError("The library is missing.")

    camera = BoundedCamera(CameraConfig(), Light(), lambda: PiCamera(load))
    await camera.load()
    with pytest.raises(DeviceError, match="missing"):
        await camera.capture()


async def test_libraries_that_never_load_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_under_test, "LOAD_TIME", SHORT)
    loaded = threading.Event()

    def load() -> FakePicamera2:
        loaded.wait()
        return FakePicamera2()

    camera = BoundedCamera(CameraConfig(), Light(), lambda: PiCamera(load))
    with pytest.raises(DeviceError, match="libraries do not load"):
        await camera.capture()
    loaded.set()


async def test_a_cold_camera_is_not_kept_open() -> None:
    module = FakePicamera2()
    async with asyncio.timeout(5):
        await camera_of(module, Light()).keep_open()
    assert module.opened == 0


async def test_a_warm_camera_stays_open_and_lit_until_the_call_ends() -> None:
    light = Light()
    module = FakePicamera2()
    camera = camera_of(module, light, warm=True)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(camera.keep_open())
        await asyncio.sleep(0)  # it has the first turn
        assert await camera.capture() == JPEG
        assert await camera.capture() == JPEG
        assert (module.opened, module.closed, light.lit) == (1, 0, 1)
        keeping.cancel()
    await camera.off()
    assert (module.opened, module.closed, light.lit) == (1, 1, 0)


async def test_a_warm_picture_is_newer_than_the_press() -> None:
    module = FakePicamera2()
    camera = camera_of(module, Light(), warm=True)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(camera.keep_open())
        await asyncio.sleep(0)
        await camera.capture()
        before = module.metadata_asked
        await camera.capture()
        assert module.metadata_asked == before + 1  # the frame that lay there
        keeping.cancel()
    await camera.off()


async def test_a_call_that_ends_during_a_picture_does_not_spoil_it() -> None:
    loop, waiting = asyncio.get_running_loop(), asyncio.Event()
    light = Light()
    module = FakePicamera2()
    module.on_late = lambda: loop.call_soon_threadsafe(waiting.set)
    camera = camera_of(module, light, warm=True)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(camera.keep_open())
        await asyncio.sleep(0)
        await camera.capture()
        module.fault = "late"
        capture = tasks.create_task(camera.capture())
        await waiting.wait()
        keeping.cancel()
        await asyncio.wait({keeping})
        await camera.off()  # whatever is being closed
        assert light.lit == 1
        module.deliver()
        assert await capture == JPEG
    assert (module.opened, module.closed, light.lit) == (1, 1, 0)


async def test_a_warm_camera_plugged_in_anew_is_opened_anew(impatient: None) -> None:
    light = Light()
    module = FakePicamera2()
    camera = camera_of(module, light, warm=True)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(camera.keep_open())
        await asyncio.sleep(0)
        await camera.capture()
        module.unplug()
        with pytest.raises(DeviceError, match="No camera is connected"):
            await camera.capture()
        assert light.lit == 0
        module.fault = ""
        assert await camera.capture() == JPEG
        assert (module.opened, module.closed, light.lit) == (2, 1, 1)
        keeping.cancel()
    await camera.off()
    assert light.lit == 0


async def test_a_warm_camera_that_is_missing_does_not_disturb_the_call() -> None:
    light = Light()
    module = FakePicamera2(fault="missing")
    camera = camera_of(module, light, warm=True)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(camera.keep_open())
        await asyncio.sleep(0)
        with pytest.raises(DeviceError, match="No camera"):
            await camera.capture()
        assert not keeping.done()
        module.fault = ""
        assert await camera.capture() == JPEG  # plugged in later
        assert light.lit == 1
        keeping.cancel()
    await camera.off()
    assert light.lit == 0
