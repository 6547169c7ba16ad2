"""The WebSocket beside a call: reconnects for the life of the call, hands messages on."""

import asyncio
import json
import logging
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from yarl import URL

from appliance import __version__
from appliance.credentials import Secret

OPEN_TIMEOUT = 5.0  # s for one try: name, TCP, TLS and handshake
PING_INTERVAL = 5.0  # s; with PING_TIMEOUT a dead line is noticed within 10 s
PING_TIMEOUT = 5.0  # s
CLOSE_TIMEOUT = 0.5  # s for the service's goodbye; nobody waits for more
MESSAGE_LIMIT = 4 * 2**20  # bytes of one message; the longest recorded has 6 kB, an echo 300 kB
QUEUE_LIMIT = 64  # messages read ahead of us

# s before each try, the last one repeated. The first follow each other closely: right after the
# call was created the service may not know it yet (404; seen by users and by OpenAI's Codex).
BACK_OFF: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
STEADY = 10.0  # s; a connection that held so long was a good one, and the next try is at once

_EXPIRED: Final = "maximum duration"  # of the reason that comes with close code 1001

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a connection, or a try for one, ended. `code`: WebSocket's, or HTTP's below 1000."""

    code: int
    reason: str
    opened: bool

    @property
    def expired(self) -> bool:
        """Whether the session is over because it lasted as long as a session can."""
        return self.code == 1001 and _EXPIRED in self.reason


class Listener(Protocol):
    """What the call does about the sideband. Synchronous; must not raise."""

    def sideband_opened(self) -> str:
        """Return the first message to send, the session."""
        ...

    def sideband_received(self, message: str) -> None:
        """Take in a message of the service."""
        ...

    def sideband_closed(self, closed: Closed) -> bool:
        """Take note of a lost connection or a failed try; return whether to try again."""
        ...


class Sideband:
    """One call's WebSocket, used once. `run` in a task of the call; the rest on the loop."""

    def __init__(self, base_url: str, call_id: str, key: Secret, listener: Listener) -> None:
        """`base_url`: the service's, as for signalling."""
        url = URL(base_url.rstrip("/"))
        scheme = "wss" if url.scheme == "https" else "ws"
        self._url = (url.with_scheme(scheme) / "realtime").with_query(call_id=call_id)
        self._key = key
        self._listener = listener
        self._socket: ClientConnection | None = None
        self._outgoing: deque[str] = deque()
        self._more = asyncio.Event()
        self._tries = 0
        # The library writes all headers of the handshake, the key among them, at DEBUG.
        self._log = logging.getLogger(f"{__name__}.websockets")
        self._log.setLevel(logging.WARNING)

    @property
    def is_open(self) -> bool:
        """Whether messages reach the service."""
        return self._socket is not None

    def send(self, message: str) -> bool:
        """Send a message, after those sent before; return False if the line is down."""
        if self._socket is None:
            return False
        self._outgoing.append(message)
        self._more.set()
        return True

    def take_unsent(self) -> list[str]:
        """Return, oldest first, and forget what did not leave before the line went down."""
        unsent = list(self._outgoing)
        self._outgoing.clear()
        return unsent

    async def run(self) -> None:
        """Connect, and connect again, until the listener says enough. Cancelling is safe."""
        while True:
            await asyncio.sleep(pause(self._tries))
            self._tries += 1
            closed = await self._try()
            log.debug("! sideband: %s %s", closed.code, closed.reason)
            if not self._listener.sideband_closed(closed):
                return

    async def _try(self) -> Closed:
        """Connect and hand on messages until the connection is lost; return how that ended."""
        began = asyncio.get_running_loop().time()
        opened = False
        try:
            async with self._connect() as socket:
                opened = True
                return await self._converse(socket)
        except InvalidStatus as error:
            body = error.response.body or b""
            return Closed(error.response.status_code, _reason(bytes(body)), opened=False)
        except (OSError, TimeoutError, WebSocketException, EOFError) as error:
            return Closed(1006, type(error).__name__, opened)
        finally:
            self._socket = None
            if opened and asyncio.get_running_loop().time() - began >= STEADY:
                self._tries = 0

    async def _converse(self, socket: ClientConnection) -> Closed:
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write(socket), name="sideband writer")
            try:
                while True:  # without a deadline: the pings watch the line
                    message = await socket.recv()
                    if isinstance(message, str):
                        self._listener.sideband_received(message)
            except ConnectionClosed as error:
                frame = error.rcvd or error.sent
                code, reason = (frame.code, frame.reason) if frame else (1006, "")
                return Closed(code, reason, opened=True)
            finally:
                writer.cancel()

    async def _write(self, socket: ClientConnection) -> None:
        """Send the session, then what is wanted; a full line is ended by the pings."""
        try:
            await socket.send(self._listener.sideband_opened())
            self._socket = socket
            while True:
                while self._outgoing:
                    await socket.send(self._outgoing[0])
                    self._outgoing.popleft()
                self._more.clear()
                await self._more.wait()
        except ConnectionClosed:
            return  # the reader tells why

    def _connect(self) -> "connect":
        return _ConnectHere(
            str(self._url),
            additional_headers={"Authorization": f"Bearer {self._key.reveal()}"},
            user_agent_header=f"voice-appliance/{__version__}",
            compression=None,  # messages are small or base64 of JPEG
            proxy=None,
            open_timeout=OPEN_TIMEOUT,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            max_size=MESSAGE_LIMIT,
            max_queue=QUEUE_LIMIT,
            logger=self._log,
        )


def pause(tries: int) -> float:
    """Return the seconds to wait before the next try after `tries` of them."""
    return BACK_OFF[min(tries, len(BACK_OFF) - 1)]


class _ConnectHere(connect):
    """Follows no redirect: the key goes to the configured host and nowhere else."""

    @override
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _reason(body: bytes) -> str:
    """Return the error code of a refusal, or nothing."""
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return code[:64] if isinstance(code, str) else ""
