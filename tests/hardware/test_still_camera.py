"""The camera made of a folder."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.config import CameraConfig
from appliance.errors import DeviceError
from appliance.hardware.still_camera import PICTURES, Fault, FolderCamera
from appliance.picture import prepare


class NoLight:
    """A latch nobody looks at."""

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        yield


async def test_the_shipped_pictures_come_in_turn() -> None:
    camera = FolderCamera(CameraConfig(), NoLight())
    taken = [await camera.capture() for _ in range(4)]
    files = sorted(PICTURES.glob("*.jpg"))
    assert taken == [file.read_bytes() for file in (*files, files[0])]


async def test_a_folder_of_ones_own_is_read_anew_each_time(tmp_path: Path) -> None:
    camera = FolderCamera(CameraConfig(folder=str(tmp_path)), NoLight())
    with pytest.raises(DeviceError, match="no picture in"):
        await camera.capture()
    (tmp_path / "a.jpeg").write_bytes(b"\xff\xd8first")
    assert await camera.capture() == b"\xff\xd8first"


async def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    camera = FolderCamera(CameraConfig(folder=str(tmp_path / "nowhere")), NoLight())
    with pytest.raises(DeviceError) as caught:
        await camera.capture()
    assert "camera.folder" in caught.value.cure


async def test_a_picture_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    camera = FolderCamera(CameraConfig(folder=str(tmp_path)), NoLight())
    with pytest.raises(DeviceError, match="cannot be read"):
        await camera.capture()


async def test_faults_come_in_order_and_then_pictures() -> None:
    faults: tuple[Fault, ...] = ("busy", "", "missing", "corrupt", "black")
    camera = FolderCamera(CameraConfig(), NoLight(), faults)
    with pytest.raises(DeviceError, match="another program"):
        await camera.capture()
    assert not prepare(await camera.capture()).dark
    with pytest.raises(DeviceError, match="No camera"):
        await camera.capture()
    with pytest.raises(DeviceError, match="damaged"):
        prepare(await camera.capture())
    assert prepare(await camera.capture()).dark
    assert not prepare(await camera.capture()).dark


@pytest.mark.looptime
async def test_a_camera_that_hangs_fails_after_its_timeout() -> None:
    loop = asyncio.get_running_loop()
    camera = FolderCamera(CameraConfig(timeout=7), NoLight(), ["hang"])
    began = loop.time()
    with pytest.raises(DeviceError, match="within 7 seconds"):
        await camera.capture()
    assert loop.time() - began == pytest.approx(7, abs=0.01)
