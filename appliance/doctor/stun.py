"""What can be asked of UDP: whether there is a way out, and whether a STUN server answers."""

import asyncio
import os
import socket
import struct
from typing import Final
from urllib.parse import urlsplit

from appliance.errors import UnreachableError

STUN_TRIES: Final = 3
STUN_PAUSE: Final = 0.5  # s, the first time-out of RFC 8489, 6.2.1
STUN_PORT: Final = 3478  # RFC 8489, 18.6; the service's media has the same

_STUN: Final = struct.Struct(">HHI12s")  # type, length, magic cookie, transaction (RFC 8489, 5)
_BINDING, _COOKIE = 0x0001, 0x2112A442


def stun_server(url: str) -> tuple[str, int] | None:
    """Return host and port of an ICE server's URL (RFC 7064, 7065); None if it is not over UDP."""
    scheme, _, rest = url.partition(":")
    place, _, query = rest.partition("?")
    if scheme not in {"stun", "turn"} or "transport=tcp" in query:
        return None
    parts = urlsplit(f"//{place}")
    return (parts.hostname, parts.port or STUN_PORT) if parts.hostname else None


async def asks_stun(address: tuple[int, str], port: int) -> bool:
    """Whether a STUN server answers a binding request (RFC 8489, 6); within 1.5 s."""
    loop = asyncio.get_running_loop()
    transaction = os.urandom(12)
    with socket.socket(address[0], socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        try:
            await loop.sock_connect(line, (address[1], port))
            for _ in range(STUN_TRIES):
                await loop.sock_sendall(line, _STUN.pack(_BINDING, 0, _COOKIE, transaction))
                try:
                    async with asyncio.timeout(STUN_PAUSE):
                        while True:
                            answer = await loop.sock_recv(line, 1500)
                            if answer[8:20] == transaction:
                                return True
                except TimeoutError:
                    continue
        except OSError:  # no way, or a refusal
            return False
    return False


def way_out(address: tuple[int, str]) -> None:
    """Raise UnreachableError if the kernel knows no way for UDP. Sends nothing."""
    with socket.socket(address[0], socket.SOCK_DGRAM) as line:
        try:
            line.connect((address[1], STUN_PORT))
        except OSError as error:
            raise UnreachableError(
                f"There is no way out for UDP ({error.strerror}).", "Check the network."
            ) from error
