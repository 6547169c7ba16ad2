"""What is installed, on what it runs, and what the running appliance says of itself."""

import importlib.metadata
import platform
from functools import partial
from pathlib import Path

from appliance import __version__
from appliance.config import UpdateConfig
from appliance.console.views import Status
from appliance.control import connect, find
from appliance.doctor.contract import Found, in_thread
from appliance.errors import ApplianceError, DeviceError, UpdateError
from appliance.update.state import FOLDER, recall

LIBRARIES = ("aiortc", "av", "aiohttp", "websockets", "msgspec", "click", "gpiozero")
EXTRAS = ("numpy", "pyaudio", "pywebrtc-audio", "lgpio", "picamera2", "systemd-python")
"""Those that some machines do without."""


async def versions() -> str:
    """Tell what is installed. Raises DeviceError if a library is missing."""
    try:
        found = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    except importlib.metadata.PackageNotFoundError as error:
        raise DeviceError(
            f"The library {error.name} is missing.", "Install voice-appliance again."
        ) from error
    found += [f"{name} {version}" for name in EXTRAS if (version := _version(name))]
    own = f"voice-appliance {__version__}, Python {platform.python_version()}"
    return f"{own}; {', '.join(found)}."


async def ask() -> Status | None:
    """Return what the running daemon says of itself; None if none does."""
    try:
        async with connect(find()) as control:
            return await control.status()
    except ApplianceError:
        return None


async def daemon() -> str | Found:
    """Ask the running daemon what it does. Raises NotRunningError if there is none."""
    async with connect(find()) as control:
        model = (await control.status()).model
    if model.phase == "safe-mode":
        return Found("fail", model.sentence)
    if model.problem is not None:
        return Found("warn", f"It runs. {model.problem.cause}", model.problem.cure)
    return model.sentence


async def updates(config: UpdateConfig, folder: Path = FOLDER) -> str | Found:
    """Tell what came of the last look for a new version. Raises UpdateError if it failed.

    `folder`: where the updater keeps its state.
    """
    state = await in_thread(partial(recall, folder))
    if state.failed:
        raise UpdateError(state.outcome)
    if not config.index_url:
        return Found("not-applicable", "Off: update.index_url is empty.")
    return state.outcome or "None was looked for yet."


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
