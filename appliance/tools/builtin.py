"""The tools every appliance has."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from appliance.core.model import Photo
from appliance.errors import ToolError
from appliance.tools.registry import Tool, tool

ADDING_TIME = 2.0  # seconds; long enough to hear that the conversation goes on meanwhile
PHOTO_TIMEOUT = 40.0  # seconds; the camera may take up to 30 by its setting, the album the rest

Number = Annotated[float, Meta(ge=-1e12, le=1e12)]
Percent = Annotated[int, Meta(ge=0, le=100)]
ShortText = Annotated[str, Meta(max_length=2000)]


class Context(Protocol):
    """What the tools need of the appliance."""

    def status(self) -> Mapping[str, object]:
        """Return the state of the device, as JSON."""
        ...

    async def take_photo(self) -> Photo:
        """Take a picture and show it to the model in the current call.

        Raises ApplianceError if that is not possible. Cancelling is safe.
        """
        ...

    def set_volume(self, percent: int) -> None:
        """Make the speaker as loud as this, 0 to 100."""
        ...

    def end_call(self) -> None:
        """End the current call once what the model says next has been spoken."""
        ...


def builtin_tools(context: Context) -> list[Tool]:
    """Return the tools, bound to the appliance."""

    @tool
    async def device_status() -> object:
        """Tell how this device is doing: call, sound, camera, buttons, and since when it runs."""
        return dict(context.status())

    @tool(timeout=PHOTO_TIMEOUT)
    async def take_photo() -> object:
        """Take a picture with the device's camera, so that you can see what is in front of it.

        The picture follows as a message of its own.
        """
        photo = await context.take_photo()
        return {"photo": photo.name, "shown": True}

    @tool
    async def set_volume(percent: Percent) -> object:
        """Make the speaker louder or quieter, when the person asks for it.

        Args:
            percent: How loud, 0 to 100. What it is now device_status tells; change it by 15 to 20.
        """
        context.set_volume(percent)
        return {"volume": percent}

    @tool
    async def end_call() -> object:
        """End this call, when the person says goodbye or asks for it.

        Say a short goodbye afterwards; the line is closed when it has been spoken.
        """
        context.end_call()
        return {"ending": True, "note": "Say a short goodbye now."}

    return [delayed_add, echo_upper, current_time, device_status, take_photo, set_volume, end_call]


@tool
async def delayed_add(a: Number, b: Number) -> object:
    """Add two numbers slowly. It takes about two seconds.

    Args:
        a: The first number.
        b: The second number.
    """
    await asyncio.sleep(ADDING_TIME)
    total = a + b
    return {"sum": int(total) if total.is_integer() else total}


@tool
async def echo_upper(text: ShortText) -> object:
    """Return a text in upper case.

    Args:
        text: The text.
    """
    return {"text": text.upper()}


@tool
async def current_time(time_zone: Annotated[str, Meta(max_length=64)] = "") -> object:
    """Tell the date, the weekday and the time.

    Args:
        time_zone: An IANA time zone such as Europe/Berlin; empty for the zone of this device.
    """
    if time_zone:
        now = datetime.now(UTC).astimezone(await asyncio.to_thread(_zone, time_zone))
    else:
        now = datetime.now(UTC).astimezone()
    return {
        "time": now.isoformat(timespec="seconds"),
        "weekday": now.strftime("%A"),
        "time_zone": time_zone or str(now.tzinfo),
    }


def _zone(name: str) -> ZoneInfo:
    """Read a time zone from the system's files."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolError(
            f"There is no time zone {name}.", "Use a name such as Europe/Berlin."
        ) from error
