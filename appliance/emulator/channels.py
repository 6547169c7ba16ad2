"""The ways events reach clients: a WebRTC data channel, or a WebSocket."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import WSCloseCode, WSMsgType, web
from aiortc import RTCDataChannel
from aiortc.exceptions import InvalidStateError
from typing_extensions import override

log = logging.getLogger(__name__)

# A client that reads this much slower than it is written to is gone.
_MOST_WAITING: Final = 5000  # events
_SEND_DEADLINE: Final = 10.0  # seconds; the kernel's buffers hold a second of the largest events
_CLOSE_DEADLINE: Final = 2.0  # seconds for the close handshake
# Clients send pictures; the service is not known to limit them.
MAX_MESSAGE: Final = 32 << 20
NO_CLOSE_FRAME: Final = 1006  # RFC 6455: never on the wire, means the connection just ended

# Receives each frame of a client.
Receive = Callable[[str | bytes], None]


class Channel(Protocol):
    """One client's channel."""

    name: str

    def send(self, text: str) -> None:
        """Queue a frame; silently nothing when it is closed."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close it soon, after what was queued; 1006 cuts it at once."""
        ...


class DataChannel(Channel):
    """The client's `oai-events` channel."""

    name = "data channel"

    def __init__(self, channel: RTCDataChannel, limit: int, receive: Receive) -> None:
        """`limit`: bytes a client may send at once before the channel is closed; 0 for none."""
        self._channel = channel
        self._limit = limit
        self._receive = receive
        channel.on("message", self._message)

    @override
    def send(self, text: str) -> None:
        try:
            self._channel.send(text)
        except InvalidStateError:
            log.debug("> data channel is closed")
        except ValueError:  # over the client's announced maximum
            log.debug("> event of %d characters is too large for the data channel", len(text))

    @override
    def close(self, code: int, reason: str) -> None:
        self._channel.close()

    def _message(self, data: str | bytes) -> None:
        if self._limit and len(data) > self._limit:
            log.debug("< %d bytes close the data channel", len(data))
            self._channel.close()
            return
        self._receive(data)


class SocketChannel(Channel):
    """A WebSocket, sideband or primary. `run` returns when it is over."""

    name = "sideband"

    def __init__(self, socket: web.WebSocketResponse, receive: Receive) -> None:
        """`socket`: prepared."""
        self._socket = socket
        self._receive = receive
        self._outgoing: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue(_MOST_WAITING)

    @override
    def send(self, text: str) -> None:
        self._put(text)

    @override
    def close(self, code: int, reason: str) -> None:
        if code == NO_CLOSE_FRAME:
            self._cut()
        else:
            self._put((code, reason))

    async def run(self) -> None:
        """Move frames both ways until either side closes. Cancelling is safe."""
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(), name="socket writer")
                await self._read()
                writer.cancel()
        except* ConnectionError:
            log.debug("the socket is gone")

    async def _read(self) -> None:
        async for message in self._socket:  # ends with the socket; clients may be silent for long
            if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                self._receive(message.data)

    async def _write(self) -> None:
        while True:
            item = await self._outgoing.get()
            if isinstance(item, str):
                try:
                    async with asyncio.timeout(_SEND_DEADLINE):
                        await self._socket.send_str(item)
                except TimeoutError:
                    self._cut()
                continue
            code, reason = item
            try:
                async with asyncio.timeout(_CLOSE_DEADLINE):
                    await self._socket.close(code=code, message=reason.encode())
            except TimeoutError:
                self._cut()
            return

    def _put(self, item: str | tuple[int, str]) -> None:
        try:
            self._outgoing.put_nowait(item)
        except asyncio.QueueFull:
            log.debug("! a client does not read; its socket is cut")
            self._cut()

    def _cut(self) -> None:
        transport = self._socket._req.transport if self._socket._req else None  # noqa: SLF001 - no public abort
        if transport is not None:
            transport.abort()


GOING_AWAY: Final = int(WSCloseCode.GOING_AWAY)
NORMAL: Final = int(WSCloseCode.OK)
