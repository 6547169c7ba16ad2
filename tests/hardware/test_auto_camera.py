"""Which camera "auto" takes, and the reason it gives."""

import pytest

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware.auto_camera import AutoCamera
from appliance.hardware.camera import BoundedCamera
from appliance.hardware.camera_driver import CameraDriver
from appliance.hardware.picamera import PiCamera
from tests.hardware.fake_picamera2 import FakePicamera2
from tests.hardware.lights import Light


class Way(CameraDriver):
    """A driver that fails where it is told to."""

    def __init__(self, about: str, *, fails_at: str = "", stays_open: bool = True) -> None:
        self.about = about
        self.stays_open = stays_open
        self.fails_at = fails_at
        self.closed = 0

    def _step(self, name: str) -> None:
        if self.fails_at == name:
            raise DeviceError(f"{self.about} cannot {name}.", f"Mend {self.about}.")

    def load(self) -> None:
        self._step("load")

    def open(self) -> None:
        self._step("open")

    def start(self) -> None:
        self._step("start")

    def picture(self, settle: float, limit: float) -> bytes:
        return self.about.encode()

    def close(self) -> None:
        self.closed += 1


def auto(*ways: Way, warm: bool = False) -> BoundedCamera:
    named = {way.about: (lambda way=way: way) for way in ways}
    return BoundedCamera(CameraConfig(warm=warm), Light(), lambda: AutoCamera(named))


async def test_the_first_is_taken_without_a_word_about_the_others() -> None:
    camera = auto(Way("a"), Way("b", fails_at="load"))
    assert camera.about == "auto"
    assert await camera.capture() == b"a"
    assert camera.about == "a"


async def test_the_next_is_taken_with_the_reason_against_those_before() -> None:
    camera = auto(Way("a", fails_at="open"), Way("b", fails_at="load"), Way("c"))
    assert await camera.capture() == b"c"
    assert camera.about == "c (not a: a cannot open; b: b cannot load)"


async def test_what_was_not_there_before_is_taken_when_it_comes() -> None:
    first = Way("a", fails_at="open")
    camera = auto(first, Way("b"))
    assert await camera.capture() == b"b"
    first.fails_at = ""
    assert await camera.capture() == b"a"


async def test_without_any_all_reasons_are_given_and_the_first_cure() -> None:
    with pytest.raises(DeviceError) as caught:
        await auto(Way("a", fails_at="load"), Way("b", fails_at="open")).capture()
    assert caught.value.cause == "No camera works here (a: a cannot load; b: b cannot open)."
    assert caught.value.cure == "Mend a."


async def test_a_camera_that_is_there_but_fails_is_not_replaced_by_a_worse_one() -> None:
    camera = auto(Way("a", fails_at="start"), Way("b"))
    with pytest.raises(DeviceError, match="a cannot start"):
        await camera.capture()


async def test_each_that_was_tried_is_closed_once() -> None:
    ways = (Way("a", fails_at="open"), Way("b"), Way("c"))
    await auto(*ways).capture()
    assert [way.closed for way in ways] == [1, 1, 0]


async def test_a_camera_that_fails_half_made_is_let_go_before_the_next() -> None:
    module = FakePicamera2(fault="init")
    ways = {"picamera2": lambda: PiCamera(lambda: module), "b": lambda: Way("b")}
    camera = BoundedCamera(CameraConfig(), Light(), lambda: AutoCamera(ways))
    assert await camera.capture() == b"b"
    assert (module.opened, module.closed) == (1, 1)
