"""Microphone, speaker, what is between them and the service, camera and pins."""

import os
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from msgspec.structs import replace

from appliance.config import AudioConfig, CameraConfig, PanelConfig
from appliance.doctor.contract import Found, in_thread
from appliance.doctor.software import ask
from appliance.drivers import make_camera, make_echo
from appliance.errors import ApplianceError, ConfigError, DeviceError
from appliance.hardware.alsa import Direction
from appliance.hardware.cards import choose
from appliance.hardware.gpiochip import CONSUMER, LIBRARY_CURE, check_pins, find_chip, pins_of
from appliance.hardware.portaudio import list_devices
from appliance.lamp import Lamp
from appliance.media.files import read_sound
from appliance.media.opus import conceals_deeply, find_opus

_CLASSIC = DeviceError(
    "This libopus conceals lost packets without its neural network: bad Wi-Fi sounds worse.",
    "Install the package voice-appliance again, which brings its own (a desktop: deploy/desktop "
    "setup).",
)
_NOT_LINEAR = DeviceError(
    "The library libspeexdsp is missing: it is hard to interrupt the appliance.",
    "Run: sudo apt install libspeexdsp1",
)


async def microphone(config: AudioConfig) -> str | Found:
    """Look for the sound card, or the file, that would be opened."""
    if config.driver == "file":
        return await in_thread(lambda: _heard(config.input_file))
    return await _card("input", config.input)


async def speaker(config: AudioConfig) -> str | Found:
    """Look for the sound card, or the file, that would be opened."""
    if config.driver == "file":
        return await in_thread(lambda: _written(config.output_file))
    return await _card("output", config.output)


async def sound(config: AudioConfig) -> str | Found:
    """Tell what decodes the far end and what cancels its echo; warn if it is a makeshift."""
    opus = await in_thread(find_opus)
    echo = await in_thread(lambda: make_echo(config))
    deep = await in_thread(lambda: conceals_deeply(opus))
    told = f"{opus.version} with {'deep' if deep else 'classic'} concealment; echo: {echo.name}."
    lacks: list[ApplianceError] = [] if deep else [_CLASSIC]
    lacks += await in_thread(lambda: _lacks_of_echo(config, echo.name))
    if not lacks:
        return told
    cures = " ".join(lack.cure for lack in lacks)
    return Found("warn", " ".join([told, *(lack.cause for lack in lacks)]), cures)


def _lacks_of_echo(config: AudioConfig, name: str) -> list[ApplianceError]:
    """Return what keeps the echo canceller from its best, if it is not the configuration."""
    if config.echo == "auto" and name == "half-duplex":
        try:
            make_echo(replace(config, echo="webrtc"))
        except ConfigError as error:
            return [error]
    if name == "webrtc":
        from appliance.media.speex import LinearCanceller  # noqa: PLC0415 - needs numpy

        try:
            LinearCanceller()
        except OSError:
            return [_NOT_LINEAR]
    return []


async def camera(config: CameraConfig) -> str | Found:
    """Take a picture and throw it away."""
    if config.driver == "none":
        return Found("not-applicable", "camera.driver is none.")
    eye = make_camera(config, Lamp(lambda _pattern: None))
    jpeg = await eye.capture()
    return f"{eye.about}. It delivered a picture of {len(jpeg) // 1000} kB; thrown away."


async def panel(config: PanelConfig, devices: Path = Path("/dev")) -> str | Found:
    """See whether buttons and LED are there, and free or the appliance's own."""
    if config.driver != "gpio":
        return Found("not-applicable", f"panel.driver is {config.driver}.")
    chip = await in_thread(lambda: find_chip(config.chip, devices))
    if find_spec("lgpio") is None:  # importing it makes a pipe in the working directory
        raise DeviceError("The library lgpio is missing.", LIBRARY_CURE)
    pins = pins_of(config)
    await in_thread(lambda: check_pins(chip, pins, CONSUMER))
    numbers = ", ".join(map(str, pins.values()))
    return f"GPIO {numbers} on {chip.path.name} ({chip.label})."


async def _card(direction: Direction, wanted: str) -> str:
    cards = await in_thread(list_devices)
    try:
        choice = choose(cards, wanted, direction)
    except DeviceError:
        status = await ask()
        rate = status.audio.get(f"{direction}_rate") if status is not None else None
        if rate is None or status is None or status.audio["driver"] != "pyaudio":
            raise
        return f"In use by the appliance's own call, at {rate} Hz."
    others = sum(bool(card.channels(direction)) for card in cards) - 1
    more = f" {others} more: voice-appliance devices." if others else ""
    return f"{choice.card.name}: {choice.reason}.{more}"


def _heard(path: str) -> str | Found:
    if not path:
        return Found(
            "not-applicable", "Silence: audio.driver is file, and audio.input_file is empty."
        )
    with closing(read_sound(Path(path))) as pieces:
        next(pieces, b"")
    return f"The file {path}."


def _written(path: str) -> str | Found:
    if not path:
        return Found(
            "not-applicable",
            "Nothing is kept: audio.driver is file, and audio.output_file is empty.",
        )
    folder = Path(path).absolute().parent
    if not os.access(folder, os.W_OK):
        raise DeviceError(f"Nothing can be written to {folder}.", "Check audio.output_file.")
    return f"The file {path}."
