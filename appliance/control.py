"""The command line's side of the control socket."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec

from appliance.console.server import SOCKET_NAME
from appliance.console.views import ErrorView, EventView, LineView, ModelView, SayRequest, Status
from appliance.errors import ApplianceError, UnreachableError

T = TypeVar("T")

REQUEST_TIMEOUT = 35.0  # s; longer than the longest wait of the other side (30 s)

_EVENTS = msgspec.json.Decoder(EventView)


class RefusedError(ApplianceError):
    """The running appliance says why it did not do what was asked."""


class Control:
    """A connection to the running appliance; made by `connect`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def status(self) -> Status:
        """Return a snapshot."""
        return await self._request("GET", "/api/status", Status)

    async def transcript(self) -> list[LineView]:
        """Return the lines remembered, in order."""
        return await self._request("GET", "/api/transcript", list[LineView])

    async def call(self, *, wait: bool = True) -> ModelView:
        """Start a call; with `wait` return when it is live.

        Raises RefusedError with what stopped it.
        """
        return await self._request("POST", f"/api/call{'?wait' if wait else ''}", ModelView)

    async def hang_up(self, *, wait: bool = True) -> ModelView:
        """End the call; with `wait` return when it is over."""
        return await self._request("POST", f"/api/hangup{'?wait' if wait else ''}", ModelView)

    async def photo(self) -> ModelView:
        """Take a picture and have it described."""
        return await self._request("POST", "/api/photo", ModelView)

    async def say(self, text: str) -> ModelView:
        """Send a typed message. Raises RefusedError if it is empty or too long."""
        return await self._request(
            "POST", "/api/say", ModelView, msgspec.json.encode(SayRequest(text))
        )

    async def mute(self) -> ModelView:
        """Mute or unmute the microphone."""
        return await self._request("POST", "/api/mute", ModelView)

    async def events(self) -> AsyncGenerator[EventView]:
        """Yield what happens, beginning with the model, until the appliance ends."""
        async with self._session.get("/api/events", timeout=aiohttp.ClientTimeout()) as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    yield _EVENTS.decode(line[len(b"data: ") :])

    async def _request(self, method: str, path: str, kind: type[T], body: bytes | None = None) -> T:
        async with self._session.request(method, path, data=body) as response:
            answer = await response.read()
            if response.status != 200:
                error = msgspec.json.decode(answer, type=ErrorView)
                raise RefusedError(error.cause, error.cure)
            return msgspec.json.decode(answer, type=kind)


@asynccontextmanager
async def connect(directory: Path) -> AsyncIterator[Control]:
    """Open the control socket in the runtime `directory`.

    Raises UnreachableError, from here or from any request, when no appliance answers there.
    """
    path = directory / SOCKET_NAME
    connector = aiohttp.UnixConnector(path=str(path))
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
    async with aiohttp.ClientSession(
        "http://appliance", connector=connector, timeout=timeout
    ) as session:
        try:
            yield Control(session)
        except PermissionError as error:
            raise UnreachableError(
                f"You may not open {path}.", "Run the command as the appliance's user or with sudo."
            ) from error
        except (TimeoutError, aiohttp.ClientConnectionError, FileNotFoundError) as error:
            raise UnreachableError(
                f"No appliance answers on {path}.",
                "Start it with `voice-appliance run` or `systemctl start voice-appliance`.",
            ) from error
