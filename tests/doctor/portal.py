"""A captive portal: every name leads to it, and it answers every request with its own page."""

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

LOGIN = b"<!DOCTYPE html>\n<HTML><body>Welcome to Hotel WiFi. Room number?"


@dataclass
class Portal:
    """What it answers, and what it was asked. `port`: of its HTTP; TLS goes there too."""

    port: int = 0
    status: int = 302
    location: str = "http://login.hotel.test/?from=somewhere"
    body: bytes = b""
    asked: list[dict[str, str]] = field(default_factory=list)

    def names(self, host: str, port: int) -> Sequence[tuple[int, str]]:
        """Answer every question of DNS with ourselves."""
        del host, port
        return [(socket.AF_INET, "127.0.0.1")]

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        headers = {"Location": self.location} if self.location else {}
        return web.Response(status=self.status, body=self.body, headers=headers)


@asynccontextmanager
async def portal(tls: ssl.SSLContext | None = None) -> AsyncIterator[Portal]:
    """Run one on loopback; with `tls` it is an honest service instead."""
    made = Portal()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made._answer)
    server = TestServer(app)
    await server.start_server(ssl=tls)
    assert server.port is not None
    made.port = server.port
    try:
        yield made
    finally:
        await server.close()
