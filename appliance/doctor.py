"""Checks everything a call needs, and names a cure for each fault."""

import asyncio
import importlib.metadata
import os
import platform
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

import aiohttp
import click
import msgspec

from appliance import __version__
from appliance.call.refusals import refusal, unreachable
from appliance.config import Config, state_directory
from appliance.control import connect, find
from appliance.credentials import find_key
from appliance.drivers import make_camera, make_echo
from appliance.errors import ApplianceError, DeviceError, UnreachableError
from appliance.hardware.alsa import Direction
from appliance.hardware.cards import choose
from appliance.hardware.gpiochip import CONSUMER, LIBRARY_CURE, check_pins, find_chip, pins_of
from appliance.hardware.portaudio import list_devices
from appliance.lamp import Lamp
from appliance.media.files import read_sound
from appliance.media.opus import conceals_deeply, find_opus

SERVICE_TIMEOUT = 5.0  # s for one small request; a call would not work with a slower service
BODY_LIMIT = 1_000_000  # bytes; the list of models has 20 kB, a sign-in page may have no end
CHECK_TIMEOUT = 35.0  # s for any check; a camera may take 30 by its setting
DISK_FREE_LIMIT = 50_000_000  # bytes; the state directory needs far less
LIBRARIES = ("aiortc", "av", "aiohttp", "websockets", "msgspec", "click", "gpiozero")

Verdict: TypeAlias = Literal["ok", "note", "fault"]
Test: TypeAlias = tuple[str, Verdict, Callable[[], Awaitable[str]]]
"""A name, the verdict if it fails, and what it does: return what it found, or raise."""


class Check(msgspec.Struct, frozen=True):
    """One thing looked at. A `note` does not keep calls from working, a `fault` does."""

    name: str
    verdict: Verdict
    finding: str
    cure: str = ""


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    """The part of the list of models that shows it is one (OpenAI API reference, models)."""

    data: list[_Model]


@dataclass(frozen=True, slots=True)
class Doctor:
    """The checks, over one configuration."""

    config: Config
    devices: Path = Path("/dev")

    def tests(self) -> Sequence[Test]:
        """Return everything there is to look at."""
        return (
            ("versions", "fault", self.versions),
            ("daemon", "note", self.daemon),
            ("key", "fault", self.key),
            ("service", "fault", self.service),
            ("microphone", "fault", self.microphone),
            ("speaker", "fault", self.speaker),
            ("sound", "note", self.sound),
            ("camera", "note", self.camera),
            ("panel", "note", self.panel),
            ("disk", "note", self.disk),
        )

    async def versions(self) -> str:
        """Tell what is installed."""
        try:
            found = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
        except importlib.metadata.PackageNotFoundError as error:
            raise DeviceError(
                f"The library {error.name} is missing.", "Install voice-appliance again."
            ) from error
        return ", ".join(
            (f"voice-appliance {__version__}", f"Python {platform.python_version()}", *found)
        )

    async def daemon(self) -> str:
        """Ask the running daemon what it does."""
        async with connect(find()) as control:
            return (await control.status()).model.sentence

    async def key(self) -> str:
        """Look for the key; it is not shown."""
        find_key(self.config.service)
        return "There is one."

    async def service(self) -> str:
        """Make one small request with the key."""
        base = self.config.service.base_url.rstrip("/")
        key = find_key(self.config.service)
        headers = {"Authorization": f"Bearer {key.reveal()}"}
        try:
            async with (
                asyncio.timeout(SERVICE_TIMEOUT),
                aiohttp.ClientSession(headers=headers) as session,
                session.get(f"{base}/models", allow_redirects=False) as answer,
            ):
                body = await answer.content.read(BODY_LIMIT)
                while len(body) < BODY_LIMIT and (more := await answer.content.read(BODY_LIMIT)):
                    body += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error, base) from error
        model = self.config.service.model
        if answer.status != 200:
            raise refusal(answer.status, answer.headers, body, model=model, key=key)
        try:
            models = [entry.id for entry in msgspec.json.decode(body, type=_Models).data]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreachableError(
                f"What answers at {base} is not the Realtime service.",
                "This network may want its sign-in page filled in first. Check service.base_url.",
            ) from error
        listed = "offers" if model in models else "takes the key, but does not list"
        return f"{base} answers and {listed} {model}."

    async def microphone(self) -> str:
        """Look for the sound card, or the file, that would be opened."""
        if self.config.audio.driver == "file":
            return await asyncio.to_thread(_heard, self.config.audio.input_file)
        return await _card("input", self.config.audio.input)

    async def speaker(self) -> str:
        """Look for the sound card, or the file, that would be opened."""
        if self.config.audio.driver == "file":
            return _written(self.config.audio.output_file)
        return await _card("output", self.config.audio.output)

    async def sound(self) -> str:
        """Tell what decodes the far end and what cancels its echo."""
        opus = await asyncio.to_thread(find_opus)
        echo = await asyncio.to_thread(make_echo, self.config.audio)
        deep = "deep" if await asyncio.to_thread(conceals_deeply, opus) else "classic"
        return f"{opus.version} with {deep} concealment; echo: {echo.name}."

    async def camera(self) -> str:
        """Take a picture and throw it away."""
        camera = make_camera(self.config.camera, Lamp(lambda _pattern: None))
        jpeg = await camera.capture()
        return f"{camera.about}. It delivered a picture of {len(jpeg) // 1000} kB; thrown away."

    async def panel(self) -> str:
        """See whether buttons and LED are there, and free or the appliance's own."""
        config = self.config.panel
        if config.driver != "gpio":
            return f"panel.driver is {config.driver}."
        chip = find_chip(config.chip, self.devices)
        if find_spec("lgpio") is None:  # importing it makes a pipe in the working directory
            raise DeviceError("The library lgpio is missing.", LIBRARY_CURE)
        pins = pins_of(config)
        check_pins(chip, pins, CONSUMER)
        numbers = ", ".join(map(str, pins.values()))
        return f"GPIO {numbers} on {chip.path.name} ({chip.label})."

    async def disk(self) -> str:
        """See whether there is room for what is kept."""
        folder = state_directory()
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        if free < DISK_FREE_LIMIT:
            raise DeviceError(f"The disk is full: {free // 1000} kB left.", "Make room.")
        return f"{free // 1_000_000} MB free."


async def _card(direction: Direction, wanted: str) -> str:
    cards = await asyncio.to_thread(list_devices)
    choice = choose(cards, wanted, direction)
    others = sum(bool(card.channels(direction)) for card in cards) - 1
    more = f" {others} more: voice-appliance devices." if others else ""
    return f"{choice.card.name}: {choice.reason}.{more}"


def _heard(path: str) -> str:
    if not path:
        return "Silence: audio.driver is file, and audio.input_file is empty."
    with closing(read_sound(Path(path))) as pieces:
        next(pieces, b"")
    return f"The file {path}."


def _written(path: str) -> str:
    if not path:
        return "Nothing is kept: audio.driver is file, and audio.output_file is empty."
    folder = Path(path).absolute().parent
    if not os.access(folder, os.W_OK):
        raise DeviceError(f"Nothing can be written to {folder}.", "Check audio.output_file.")
    return f"The file {path}."


async def look(tests: Iterable[Test]) -> AsyncIterator[Check]:
    """Do every test, one after the other, each within its time; an ApplianceError is a finding."""
    for name, verdict, test in tests:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                finding = await test()
        except ApplianceError as error:
            yield Check(name, verdict, error.cause, error.cure)
        except TimeoutError:
            yield Check(
                name, verdict, f"No answer within {CHECK_TIMEOUT:.0f} s.", "Restart this device."
            )
        else:
            yield Check(name, "ok", finding)


async def examine(config: Config, *, as_json: bool) -> int:
    """Print every check; return the exit code: 0, or 1 if something keeps calls from working."""
    checks = []
    async for check in look(Doctor(config).tests()):
        checks.append(check)
        if as_json:
            continue
        click.echo(f"{check.verdict:5} {check.name:11} {check.finding}")
        if check.cure:
            click.echo(f"{'':18}{check.cure}")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(checks)).decode())
    return int(any(check.verdict == "fault" for check in checks))
