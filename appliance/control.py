"""The command line's side of the control socket."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec

from appliance.config import SYSTEM_RUNTIME, runtime_directory
from appliance.console.views import (
    SOCKET_NAME,
    ErrorView,
    EventView,
    GapView,
    LineView,
    ModelView,
    SayRequest,
    SelfTestRequest,
    Status,
    VolumeRequest,
)
from appliance.errors import NotRunningError, ProtocolError, RefusedError
from appliance.findings import Report

T = TypeVar("T")

REQUEST_TIMEOUT = 35.0  # s; longer than the longest wait of the other side (30 s)
CONNECT_TIMEOUT = 5.0  # s; a socket file connects at once unless the daemon is stuck

_DATA = b"data: "  # how an event begins (HTML Living Standard, server-sent events)
_EVENTS: msgspec.json.Decoder[EventView] = msgspec.json.Decoder(EventView)
_ERRORS = msgspec.json.Decoder(ErrorView)


class Control:
    """A connection to the running appliance; made by `connect`."""

    def __init__(self, session: aiohttp.ClientSession, path: Path) -> None:
        """`path`: the socket's, to be named in errors."""
        self._session = session
        self._path = path

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

    async def photo(self, *, wait: bool = True) -> ModelView:
        """Have a picture taken and described; with `wait` return when it is taken.

        Raises RefusedError with what stopped it.
        """
        return await self._request("POST", f"/api/photo{'?wait' if wait else ''}", ModelView)

    async def say(self, text: str) -> ModelView:
        """Send a typed message. Raises RefusedError if it is empty or too long."""
        return await self._request(
            "POST", "/api/say", ModelView, msgspec.json.encode(SayRequest(text))
        )

    async def mute(self) -> ModelView:
        """Mute or unmute the microphone."""
        return await self._request("POST", "/api/mute", ModelView)

    async def volume(self, percent: int) -> ModelView:
        """Make the speaker as loud as this, 0 to 100 %. Raises RefusedError beyond that."""
        return await self._request(
            "POST", "/api/volume", ModelView, msgspec.json.encode(VolumeRequest(percent))
        )

    async def selftest(self, *, save: bool = False) -> Report:
        """Have the sound tested, which takes 13 s; with `save` the gain that is right is kept.

        Raises RefusedError in a call, or with what does not work.
        """
        body = msgspec.json.encode(SelfTestRequest(save))
        return await self._request("POST", "/api/selftest", Report, body)

    async def events(self) -> AsyncGenerator[EventView]:
        """Yield what happens, beginning with the model, until the appliance ends.

        Raises NotRunningError when it breaks off instead.
        """
        # A quiet appliance says nothing for as long as it likes: reading has no deadline.
        patience = aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT)
        with _explained(self._path):
            async with self._session.get("/api/events", timeout=patience) as response:
                if response.status != 200:
                    raise _refusal(await response.read())
                async for line in response.content:
                    if line.startswith(_DATA):
                        yield _decoded(_EVENTS, line[len(_DATA) :])

    async def follow(self) -> AsyncGenerator[LineView]:
        """Yield the lines remembered, then each new or changed one; none is missed.

        A line comes again whenever it changes, under the same `item_id`.
        """
        told: dict[str, LineView] = {}
        fetched = False
        async with aclosing(self.events()) as events:
            async for event in events:
                if isinstance(event, LineView):
                    lines = [event]
                elif not fetched or isinstance(event, GapView):
                    lines, fetched = await self.transcript(), True
                else:
                    continue
                for line in lines:
                    if told.get(line.item_id) != line:
                        told[line.item_id] = line
                        yield line

    async def _request(self, method: str, path: str, kind: type[T], body: bytes | None = None) -> T:
        with _explained(self._path):
            async with self._session.request(method, path, data=body) as response:
                answer = await response.read()
        if response.status != 200:
            raise _refusal(answer)
        return _decoded(msgspec.json.Decoder(kind), answer)


def find(environ: Mapping[str, str] = os.environ, system: Path = SYSTEM_RUNTIME) -> Path:
    """Return the runtime directory of the appliance to ask: our own one's, else the service's.

    systemd keeps the service's until it is stopped (systemd.exec(5), RuntimeDirectory=). Whoever
    sets RUNTIME_DIRECTORY means that one and no other.
    """
    own = runtime_directory(environ)
    if environ.get("RUNTIME_DIRECTORY") or os.access(own / SOCKET_NAME, os.F_OK):
        return own
    return system if system.is_dir() else own


@asynccontextmanager
async def connect(directory: Path) -> AsyncIterator[Control]:
    """Open the control socket in the runtime `directory`; it is used from the first request on.

    Any request raises NotRunningError when no appliance answers there, RefusedError when it may
    not be asked or says no, ProtocolError when it cannot be understood.
    """
    path = directory / SOCKET_NAME
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT)
    async with aiohttp.ClientSession(
        "http://appliance", connector=aiohttp.UnixConnector(path=str(path)), timeout=timeout
    ) as session:
        yield Control(session, path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what aiohttp raises into what it means for a person."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PermissionError):
            raise RefusedError(
                f"You may not open {path}.",
                "Use sudo; or join its group (sudo adduser $USER voice-appliance) and log in anew.",
            ) from error
        raise NotRunningError(
            f"No appliance answers on {path}.",
            "Start it with `voice-appliance run` or `systemctl start voice-appliance`.",
        ) from error
    except TimeoutError as error:
        raise NotRunningError(
            f"The appliance on {path} does not answer in time.",
            "Restart it: systemctl restart voice-appliance.",
        ) from error
    except aiohttp.ClientError as error:
        raise NotRunningError(
            "The appliance ended meanwhile.", "`journalctl -u voice-appliance` may say why."
        ) from error


def _refusal(answer: bytes) -> RefusedError:
    error = _decoded(_ERRORS, answer)
    return RefusedError(error.cause, error.cure)


def _decoded(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(
            f"The running appliance answers in an unknown way ({error}).",
            "It may be of another version: restart it.",
        ) from error
