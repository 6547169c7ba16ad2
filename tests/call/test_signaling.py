"""The HTTP half of a call, against a small server with every oddity."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from appliance.call import signaling
from appliance.call.signaling import ANSWER_LIMIT, HttpSignaling
from appliance.config import ServiceConfig
from appliance.credentials import Secret
from appliance.errors import (
    AuthError,
    BusyError,
    ServiceError,
    UnreachableError,
)

OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
ANSWER = "v=0\r\nanswer\r\n"
SESSION = b'{"type":"realtime"}'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What the server answers with."""


@dataclass
class Service:
    """A server that writes down what it was asked and answers as told."""

    handler: Handler
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        sent = await request.read()
        self.requests.append((request.method, request.path_qs, dict(request.headers), sent))
        return await self.handler(request)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[Service, HttpSignaling]]:
    service = Service(handler)
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", service.handle)
    async with TestServer(app) as server:
        config = ServiceConfig(base_url=str(server.make_url("/v1")))
        async with HttpSignaling(config, Secret("sk-test")) as client:
            yield service, client


def answering(status: int = 201, body: bytes | str = ANSWER, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=data, headers=named)

    return handler


CREATED = answering(Location="/v1/realtime/calls/rtc_u1_X")


async def test_offer_goes_out_as_the_two_parts_the_service_asks_for() -> None:
    async with serving(CREATED) as (service, client):
        answer = await client.offer(OFFER, SESSION)

    ((method, path, headers, sent),) = service.requests
    boundary = headers["Content-Type"].partition("boundary=")[2].encode()
    sdp, session = sent.split(b"--" + boundary)[1:3]
    assert (method, path) == ("POST", "/v1/realtime/calls")
    assert headers["Content-Type"].startswith("multipart/form-data")
    assert headers["Accept"] == "application/sdp"
    assert headers["Authorization"] == "Bearer sk-test"
    assert "Transfer-Encoding" not in headers
    assert not any(name.lower() == "openai-beta" for name in headers)
    assert part_of(sdp) == ("sdp", "application/sdp", OFFER.encode())
    assert part_of(session) == ("session", "application/json", SESSION)
    assert (answer.sdp, answer.call_id) == (ANSWER, "rtc_u1_X")


def part_of(raw: bytes) -> tuple[str, str, bytes]:
    head, _, content = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    name = lines["Content-Disposition"].removeprefix('form-data; name="').rstrip('"')
    assert "filename" not in lines["Content-Disposition"]
    return name, lines["Content-Type"], content.removesuffix(b"\r\n")


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_any_success_is_accepted(status: int) -> None:
    async with serving(answering(status)) as (_, client):
        assert (await client.offer(OFFER, SESSION)).call_id is None


async def test_redirect_is_not_followed() -> None:
    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/v1/elsewhere")

    async with serving(redirect) as (service, client):
        with pytest.raises(UnreachableError, match="redirect"):
            await client.offer(OFFER, SESSION)

    assert len(service.requests) == 1


async def test_refusal_becomes_its_error() -> None:
    refused = b'{"error": {"code": "invalid_api_key", "message": "No."}}'
    async with serving(answering(401, refused)) as (_, client):
        with pytest.raises(AuthError):
            await client.offer(OFFER, SESSION)


async def test_busy_service_says_when_to_come_back() -> None:
    async with serving(answering(429, b"", Retry_After="20")) as (_, client):
        with pytest.raises(BusyError) as caught:
            await client.offer(OFFER, SESSION)

    assert caught.value.retry_after == 20


async def test_captive_portal_is_recognised() -> None:
    async with serving(answering(200, "<html>Welcome to the hotel")) as (_, client):
        with pytest.raises(UnreachableError, match="sign-in"):
            await client.offer(OFFER, SESSION)


@pytest.mark.parametrize(
    "body",
    ["", "{}", b"\xff\xfe", "v=0\r\n" + "a=x\r\n" * ANSWER_LIMIT],
    ids=["empty", "json", "bytes", "huge"],
)
async def test_call_with_an_unreadable_answer_is_hung_up(body: bytes | str) -> None:
    handler = answering(201, body, Location="/v1/realtime/calls/rtc_u1_X")
    async with serving(handler) as (service, client):
        with pytest.raises(ServiceError, match="unreadable"):
            await client.offer(OFFER, SESSION)

    assert service.requests[-1][1] == "/v1/realtime/calls/rtc_u1_X/hangup"


async def test_service_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signaling, "OFFER_TIMEOUT", 0.05)
    release = asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serving(never) as (_, client):
        with pytest.raises(UnreachableError, match="in time"):
            await client.offer(OFFER, SESSION)
        release.set()


@pytest.mark.parametrize(("cut", "why"), [(False, "in time"), (True, "broke")])
async def test_call_whose_answer_stops_on_the_way_is_hung_up(
    monkeypatch: pytest.MonkeyPatch, cut: bool, why: str
) -> None:
    monkeypatch.setattr(signaling, "OFFER_TIMEOUT", 5 if cut else 0.1)
    release = asyncio.Event()

    async def half(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/hangup"):
            return web.Response()
        response = web.StreamResponse(status=201, headers={"Location": "/calls/rtc_u1_X"})
        await response.prepare(request)
        await response.write(b"v=0\r\n")
        assert request.transport is not None
        if cut:
            request.transport.abort()
        else:
            await release.wait()
        return response

    async with serving(half) as (service, client):
        with pytest.raises(UnreachableError, match=why):
            await client.offer(OFFER, SESSION)
        release.set()

    assert service.requests[-1][1] == "/v1/realtime/calls/rtc_u1_X/hangup"


async def test_dropped_connection_is_unreachable() -> None:
    async def drop(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(drop) as (_, client):
        with pytest.raises(UnreachableError, match="broke"):
            await client.offer(OFFER, SESSION)


async def raw_server(answer: bytes) -> asyncio.Server:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


async def test_something_else_on_the_port_is_named() -> None:
    async with await raw_server(b"SSH-2.0-OpenSSH_9.2\r\n") as server:
        port = server.sockets[0].getsockname()[1]
        config = ServiceConfig(base_url=f"http://127.0.0.1:{port}/v1")
        async with HttpSignaling(config, Secret("sk-test")) as client:
            with pytest.raises(UnreachableError, match="no HTTP"):
                await client.offer(OFFER, SESSION)


async def test_closed_port_is_unreachable() -> None:
    server = await raw_server(b"")
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    config = ServiceConfig(base_url=f"http://127.0.0.1:{port}/v1")
    async with HttpSignaling(config, Secret("sk-test")) as client:
        with pytest.raises(UnreachableError, match=r"Nothing answers at 127\.0\.0\.1"):
            await client.offer(OFFER, SESSION)


async def test_hang_up_names_the_call() -> None:
    async with serving(answering(200, b"")) as (service, client):
        await client.hang_up("rtc_u1_X")

    ((method, path, headers, sent),) = service.requests
    assert (method, path) == ("POST", "/v1/realtime/calls/rtc_u1_X/hangup")
    assert headers["Authorization"] == "Bearer sk-test"
    assert sent == b""


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b""), (400, b'{"error": {"code": "call_id_not_found"}}'), (200, b"")],
)
async def test_hanging_up_a_call_that_is_gone_is_a_success(
    status: int, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(answering(status, body)) as (_, client):
        await client.hang_up("rtc_u1_X")

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_hang_up_that_fails_is_a_warning_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(answering(500, b"")) as (_, client):
        await client.hang_up("rtc_u1_X")

    assert "did not hang up" in caplog.text


async def test_hang_up_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(signaling, "HANG_UP_TIMEOUT", 0.05)
    release = asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serving(never) as (_, client):
        await client.hang_up("rtc_u1_X")
        release.set()

    assert "not told" in caplog.text


async def test_key_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving(answering(401, b"")) as (_, client):
            with pytest.raises(AuthError):
                await client.offer(OFFER, SESSION)

    assert "sk-test" not in caplog.text
    assert "sk-test" not in repr(client)


async def test_nothing_is_left_open(no_leftover_resources: None) -> None:
    async with serving(CREATED) as (_, client):
        await client.offer(OFFER, SESSION)
        await client.hang_up("rtc_u1_X")
