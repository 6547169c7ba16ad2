"""What is installed, on what it runs, and what the running appliance says of itself."""

import importlib.metadata
import platform

from appliance import __version__
from appliance.control import connect, find
from appliance.errors import DeviceError

LIBRARIES = ("aiortc", "av", "aiohttp", "websockets", "msgspec", "click", "gpiozero")


async def versions() -> str:
    """Tell what is installed. Raises DeviceError if a library is missing."""
    try:
        found = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    except importlib.metadata.PackageNotFoundError as error:
        raise DeviceError(
            f"The library {error.name} is missing.", "Install voice-appliance again."
        ) from error
    return ", ".join(
        (f"voice-appliance {__version__}", f"Python {platform.python_version()}", *found)
    )


async def daemon() -> str:
    """Ask the running daemon what it does. Raises NotRunningError if there is none."""
    async with connect(find()) as control:
        return (await control.status()).model.sentence
