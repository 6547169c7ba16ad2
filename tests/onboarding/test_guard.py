"""The port stays usable whoever connects: few connections, none for long."""

import asyncio

import pytest

from appliance.onboarding import guard, server
from appliance.onboarding.form import TYPE
from appliance.onboarding.server import SetUpPage
from tests.onboarding.wire import ask


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-a: b", b"POST / HT"])
async def test_who_never_finishes_is_cut_off(
    page: SetUpPage, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(guard, "LIFE", 0.05)
    async with asyncio.timeout(10):
        assert await ask(page, start) == b""


async def test_a_body_that_does_not_come_is_not_waited_for(
    page: SetUpPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BODY_TIME", 0.05)
    ours = page.origin.removeprefix("http://")
    head = f"POST / HTTP/1.1\r\nHost: {ours}\r\nContent-Type: {TYPE}\r\n"
    head += "Content-Length: 9\r\n\r\n"
    assert b" 408 " in (await ask(page, head.encode() + b"a")).splitlines()[0]


async def test_one_phone_cannot_take_all_connections(page: SetUpPage) -> None:
    port = int(page.origin.rpartition(":")[2])
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(guard.MOST_EACH)]
    assert await ask(page, b"GET / HTTP/1.0\r\n\r\n") == b""
    for reader, writer in idle:
        writer.write_eof()
        assert await reader.read() == b""  # the server saw it go
        writer.close()
    assert await ask(page, b"GET / HTTP/1.0\r\n\r\n")


async def test_many_phones_cannot_take_more_than_there_are(page: SetUpPage) -> None:
    port = int(page.origin.rpartition(":")[2])
    writers = list[asyncio.StreamWriter]()
    for number in range(guard.MOST):
        phone = (f"127.0.0.{2 + number % 5}", 0)
        writers.append((await asyncio.open_connection("127.0.0.1", port, local_addr=phone))[1])
    assert await ask(page, b"GET / HTTP/1.0\r\n\r\n") == b""
    for writer in writers:
        writer.close()
