"""Keeps a listening port usable: connections are few, and none lives long.

aiohttp itself waits for ever for the rest of a request, and for any number of connections.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from typing_extensions import override

LIFE: Final = 20.0  # s; a page of 15 kB takes a tenth of one
MOST: Final = 32  # connections; browsers open up to six
MOST_EACH: Final = 8  # from one address


class Doorkeeper:
    """Makes protocols for `loop.create_server`, each around one that `make` makes."""

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make
        self.open = Counter[str]()  # connections, by address

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _Guarded(self._make(), self.open)


class _Guarded(asyncio.Protocol):
    def __init__(self, inner: asyncio.Protocol, open_: "Counter[str]") -> None:
        self._inner = inner
        self._open = open_
        self._peer = ""
        self._end: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's own promise
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._open[self._peer] += 1
        self._inner.connection_made(transport)
        if self._open.total() > MOST or self._open[self._peer] > MOST_EACH:
            transport.abort()
        else:
            self._end = asyncio.get_running_loop().call_later(LIFE, transport.abort)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        self._open[self._peer] -= 1
        self._inner.connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    @override
    def pause_writing(self) -> None:
        self._inner.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._inner.resume_writing()
