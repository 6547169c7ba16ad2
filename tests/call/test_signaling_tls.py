"""Which certificates the HTTP half of a call trusts."""

import ssl
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

from appliance.call.signaling import HttpSignaling
from appliance.config import ServiceConfig
from appliance.credentials import Secret
from appliance.errors import (
    UnreachableError,
)
from tests.call.certificates import make_certificate
from tests.call.test_signaling import CREATED, OFFER, SESSION, Service, serving


async def answer_over_tls(server: ssl.SSLContext, client: ssl.SSLContext | None) -> None:
    service = Service(CREATED)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.handle)
    site = TestServer(app, scheme="https")
    await site.start_server(ssl=server)
    try:
        config = ServiceConfig(base_url=str(site.make_url("/v1")))
        connector = TCPConnector(ssl=client if client is not None else True)
        async with (
            ClientSession(connector=connector) as session,
            HttpSignaling(config, Secret("sk-test"), session) as signalling,
        ):
            await signalling.offer(OFFER, SESSION)
    finally:
        await site.close()


async def test_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    await answer_over_tls(*make_certificate(tmp_path))


@pytest.mark.parametrize(
    ("begins", "ends", "host", "word"),
    [
        (-2, -1, "127.0.0.1", "expired"),
        (1, 2, "127.0.0.1", "not valid yet"),
        (-1, 1, "127.0.0.2", "in the place of"),
    ],
    ids=["expired", "future", "other"],
)
async def test_bad_certificate_is_named(
    tmp_path: Path, begins: int, ends: int, host: str, word: str
) -> None:
    contexts = make_certificate(tmp_path, begins=begins, ends=ends, host=host)

    with pytest.raises(UnreachableError, match=word):
        await answer_over_tls(*contexts)


async def test_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    server, _ = make_certificate(tmp_path)

    with pytest.raises(UnreachableError, match="cannot be trusted"):
        await answer_over_tls(server, None)


async def test_session_handed_in_is_left_open() -> None:
    async with serving(CREATED) as (_, _), ClientSession() as session:
        async with HttpSignaling(ServiceConfig(), Secret("sk-test"), session):
            pass
        assert not session.closed
