"""Chooses the driver behind each port, by the words of the configuration."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, assert_never

from appliance.config import AudioConfig, CameraConfig, PanelConfig
from appliance.core.model import Problem
from appliance.errors import ConfigError
from appliance.hardware.auto_camera import AutoCamera
from appliance.hardware.camera import BoundedCamera
from appliance.hardware.nothing import NoCamera, NoPanel
from appliance.media.echo import EchoCanceller, HalfDuplex, NoEcho
from appliance.ports import AudioDevice, Camera, CaptureLatch, Panel

# A driver is imported only when it is chosen: a desktop never needs picamera2, a Pi no keyboard.
DRIVERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "audio": {
        "pyaudio": ("appliance.hardware.audio", "PyAudioDevice"),
        "file": ("appliance.hardware.file_audio", "FileAudio"),
    },
    "camera": {
        "picamera2": ("appliance.hardware.picamera", "PiCamera"),
        "rpicam-still": ("appliance.hardware.rpicam", "RpicamStill"),
        "v4l2": ("appliance.hardware.v4l2", "V4l2Camera"),
        "folder": ("appliance.hardware.still_camera", "FolderCamera"),
    },
}

CAMERAS = ("picamera2", "rpicam-still", "v4l2")  # in the order in which "auto" tries them


NO_CANCELLER = Problem(
    "device",
    "No echo canceller here: the microphone is closed while the appliance speaks.",
    "Install the packages python3-numpy and voice-appliance again (without packages: "
    "voice-appliance[sound]), or set audio.echo to half-duplex.",
)


def _driver(port: str, name: str) -> Any:  # noqa: ANN401 - the makers below give it its type
    module, attribute = DRIVERS[port][name]
    return getattr(import_module(module), attribute)


def make_audio(config: AudioConfig, latch: CaptureLatch) -> AudioDevice:
    """Return the sound card of this configuration, not yet open."""
    device: AudioDevice = _driver("audio", config.driver)(config, latch)
    return device


def make_echo(config: AudioConfig) -> EchoCanceller:
    """Return a new echo canceller. The first one loads a library: some 0.2 s, 18 MB.

    Raises ConfigError if the one that is asked for is missing here.
    """
    name = config.echo
    if name == "auto" and config.driver == "file":
        name = "none"  # nothing that is played comes back
    match name:
        case "none" | "system":
            return NoEcho(name)
        case "half-duplex":
            return HalfDuplex()
        case "auto" | "webrtc":
            try:
                made: EchoCanceller = import_module("appliance.media.webrtc_echo").WebRtcEcho()
            except ImportError as error:
                if name == "webrtc":
                    raise ConfigError(
                        f"WebRTC's echo cancellation is missing here ({error.name}).",
                        NO_CANCELLER.cure,
                    ) from error
                return HalfDuplex(NO_CANCELLER)
            return made
        case _:
            assert_never(name)


def make_camera(config: CameraConfig, latch: CaptureLatch) -> Camera:
    """Return the camera of this configuration, not yet open."""
    match config.driver:
        case "none":
            return NoCamera()
        case "folder":
            folder: Camera = _driver("camera", "folder")(config, latch)
            return folder
        case "auto":
            ways = {name: _driver("camera", name) for name in CAMERAS}
            return BoundedCamera(config, latch, lambda: AutoCamera(ways))
        case "picamera2" | "rpicam-still" | "v4l2":
            return BoundedCamera(config, latch, _driver("camera", config.driver))
        case _:
            assert_never(config.driver)


def make_panel(config: PanelConfig) -> Panel:
    """Return the panel of this configuration, not yet open."""
    match config.driver:
        case "none":
            return NoPanel()
        case "keyboard":
            keyboard: Panel = import_module("appliance.hardware.keyboard").KeyboardPanel()
            return keyboard
        case "gpio" | "gpio-mock":
            gpio: Panel = import_module("appliance.hardware.gpio").GpioPanel(config)
            return gpio
