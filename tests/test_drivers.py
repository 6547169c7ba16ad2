"""Words of the configuration become parts."""

import sys
from pathlib import Path

import pytest

from appliance.config import AudioConfig, CameraConfig
from appliance.drivers import make_camera, make_echo
from appliance.errors import ConfigError, DeviceError
from appliance.hardware.still_camera import PICTURES
from tests.hardware import fake_rpicam_still
from tests.hardware.fake_picamera2 import JPEG, FakePicamera2
from tests.hardware.lights import Light


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (AudioConfig(), "webrtc"),
        (AudioConfig(driver="file"), "none"),
        (AudioConfig(driver="file", echo="webrtc"), "webrtc"),
        (AudioConfig(echo="none"), "none"),
        (AudioConfig(echo="system"), "system"),
        (AudioConfig(echo="half-duplex"), "half-duplex"),
    ],
)
def test_echo_is_cancelled_as_configured(config: AudioConfig, name: str) -> None:
    assert make_echo(config).name == name
    assert make_echo(config) is not make_echo(config), "each call its own"


@pytest.fixture
def no_webrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "appliance.media.webrtc_echo", raising=False)
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)


@pytest.mark.usefixtures("no_webrtc")
def test_without_the_library_the_microphone_takes_turns_and_can_say_why() -> None:
    echo = make_echo(AudioConfig())
    assert echo.name == "half-duplex"
    assert echo.stands_in is not None
    assert "No echo canceller here" in echo.stands_in.cause
    assert make_echo(AudioConfig(echo="half-duplex")).stands_in is None


@pytest.mark.usefixtures("no_webrtc")
def test_library_that_is_asked_for_and_missing_is_an_error_with_a_cure() -> None:
    with pytest.raises(ConfigError, match="voice-appliance\\[sound\\]"):
        make_echo(AudioConfig(echo="webrtc"))


@pytest.fixture
def no_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the library nor the program, and PATH is `tmp_path`."""
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_camera")
async def test_auto_prefers_picamera2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_rpicam_still.install(tmp_path)
    monkeypatch.setitem(sys.modules, "picamera2", FakePicamera2())
    camera = make_camera(CameraConfig(), Light())
    assert await camera.capture() == JPEG
    assert camera.about == "picamera2, imx477"


@pytest.mark.usefixtures("no_camera")
async def test_auto_takes_rpicam_still_next_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_rpicam_still.install(tmp_path)
    monkeypatch.setenv("PICTURE", str(PICTURES / "1-house.jpg"))
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    camera = make_camera(CameraConfig(), Light())
    assert await camera.capture() == JPEG
    assert camera.about.startswith("rpicam-still, imx708 (not picamera2: The library picamera2 can")


@pytest.mark.skipif(any(Path("/dev").glob("video*")), reason="there may be a webcam here")
@pytest.mark.usefixtures("no_camera")
async def test_auto_without_any_camera_tells_all_three_reasons() -> None:
    with pytest.raises(DeviceError, match=r"picamera2: .*; rpicam-still: .*; v4l2: ") as caught:
        await make_camera(CameraConfig(), Light()).capture()
    assert "python3-picamera2" in caught.value.cure


async def test_no_camera_is_told() -> None:
    with pytest.raises(DeviceError, match="has no camera"):
        await make_camera(CameraConfig(driver="none"), Light()).capture()
