"""The WebSocket beside a call, against a real websockets server."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from appliance.call import sideband
from appliance.call.sideband import Closed, Listener, Sideband
from appliance.credentials import Secret

PATIENCE = 10  # s


@dataclass
class Service:
    """Answers handshakes as told and keeps what comes."""

    refuse: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    received: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    sockets: asyncio.Queue[ServerConnection] = field(default_factory=asyncio.Queue)
    port: int = 0

    def process(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if not self.refuse:
            return None
        status = self.refuse.pop(0)
        body = json.dumps({"error": {"code": "call_id_not_found"}})
        response = connection.respond(HTTPStatus(status), body)
        if status == 302:
            response.headers["Location"] = f"ws://127.0.0.1:{self.port}/v1/elsewhere"
        return response

    async def handle(self, socket: ServerConnection) -> None:
        self.sockets.put_nowait(socket)
        try:
            while True:
                self.received.put_nowait(str(await socket.recv()))
        except ConnectionClosed:
            return


@dataclass
class Ear(Listener):
    """A listener that goes on until told otherwise."""

    again: Callable[[Closed], bool] = lambda closed: True
    sessions: int = 0
    messages: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    ends: asyncio.Queue[Closed] = field(default_factory=asyncio.Queue)

    def sideband_opened(self) -> str:
        self.sessions += 1
        return f"session {self.sessions}"

    def sideband_received(self, message: str) -> None:
        self.messages.put_nowait(message)

    def sideband_closed(self, closed: Closed) -> bool:
        self.ends.put_nowait(closed)
        return self.again(closed)


@asynccontextmanager
async def scene(*refuse: int, again: bool = True) -> AsyncIterator[tuple[Service, Sideband, Ear]]:
    service, ear = Service(list(refuse)), Ear(lambda closed: again)
    async with asyncio.timeout(PATIENCE):
        async with serve(
            service.handle, "127.0.0.1", 0, process_request=service.process, max_size=2**24
        ) as server:
            service.port = port_of(server)
            line = Sideband(
                f"http://127.0.0.1:{service.port}/v1", "rtc_u1_X", Secret("sk-test-4711"), ear
            )
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(line.run())
                yield service, line, ear
                running.cancel()


def port_of(server: Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port


async def test_call_is_named_and_the_key_shown() -> None:
    async with scene() as (service, _, _):
        await service.received.get()

    request = service.requests[0]
    assert request.path == "/v1/realtime?call_id=rtc_u1_X"
    assert request.headers["Authorization"] == "Bearer sk-test-4711"
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert "OpenAI-Beta" not in request.headers


async def test_session_is_the_first_word() -> None:
    async with scene() as (service, line, _):
        assert await service.received.get() == "session 1"
        assert line.is_open
        assert line.send("one")
        assert line.send("two")
        assert [await service.received.get() for _ in range(2)] == ["one", "two"]


async def test_messages_of_the_service_are_handed_on() -> None:
    async with scene() as (service, _, ear):
        socket = await service.sockets.get()
        await socket.send("a" * 1_000_000)
        await socket.send(b"binary is not for us")
        await socket.send("b")
        assert len(await ear.messages.get()) == 1_000_000
        assert await ear.messages.get() == "b"


async def test_nothing_is_sent_while_the_line_is_down() -> None:
    async with scene(again=False) as (service, line, ear):
        assert not line.send("too early")
        socket = await service.sockets.get()
        await service.received.get()
        await socket.close(1000)
        await ear.ends.get()
        assert not line.is_open
        assert not line.send("too late")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1013])
async def test_lost_line_is_opened_again_with_the_session(code: int) -> None:
    async with scene() as (service, _, ear):
        socket = await service.sockets.get()
        assert await service.received.get() == "session 1"
        await socket.close(code, "because")
        assert await ear.ends.get() == Closed(code, "because", opened=True)
        assert await service.received.get() == "session 2"


async def test_line_cut_without_a_word_is_opened_again() -> None:
    async with scene() as (service, _, ear):
        socket = await service.sockets.get()
        socket.transport.abort()
        assert (await ear.ends.get()).code == 1006
        await service.sockets.get()


async def test_longest_session_is_told_by_its_reason() -> None:
    async with scene(again=False) as (service, _, ear):
        socket = await service.sockets.get()
        await socket.close(1001, "Your session hit the maximum duration of 60 minutes.")
        assert (await ear.ends.get()).expired

    assert not Closed(1001, "going away", opened=True).expired


async def test_refusals_are_waited_out() -> None:
    async with scene(404, 500, 401) as (service, line, ear):
        ends = [await ear.ends.get() for _ in range(3)]
        await service.received.get()
        assert line.is_open

    assert [end.code for end in ends] == [404, 500, 401]
    assert not any(end.opened for end in ends)


async def test_redirect_is_not_followed() -> None:
    async with scene(302) as (service, _, ear):
        assert (await ear.ends.get()).code == 302
        await service.received.get()

    assert {request.path for request in service.requests} == {"/v1/realtime?call_id=rtc_u1_X"}


def test_pauses_grow_up_to_a_limit() -> None:
    pauses = [sideband.pause(tries) for tries in range(20)]

    assert pauses[0] == 0.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 8.0
    assert sum(pauses[:16]) > 60  # a line that flaps for two minutes is opened 20 times at most


@pytest.mark.parametrize(("steady", "tries"), [(0.0, [0, 0, 0]), (9.0, [0, 1, 2])])
async def test_connection_that_held_is_opened_again_at_once(
    monkeypatch: pytest.MonkeyPatch, steady: float, tries: list[int]
) -> None:
    seen: list[int] = []

    def pause(count: int) -> float:
        seen.append(count)
        return 0.0

    monkeypatch.setattr(sideband, "STEADY", steady)
    monkeypatch.setattr(sideband, "pause", pause)
    async with scene() as (service, _, _):
        for _ in range(2):
            await (await service.sockets.get()).close(1011)
        await service.sockets.get()

    assert seen == tries


async def test_what_did_not_leave_is_given_back() -> None:
    async with scene(again=False) as (service, line, ear):
        socket = await service.sockets.get()
        await service.received.get()
        socket.transport.pause_reading()
        for number in range(40):
            line.send(f"{number} " + "x" * 1_000_000)
        socket.transport.abort()
        await ear.ends.get()
        unsent = line.take_unsent()

    assert 0 < len(unsent) <= 40
    assert unsent[-1].startswith("39 ")
    assert line.take_unsent() == []


async def test_oversized_message_ends_the_connection_and_not_the_call() -> None:
    async with scene() as (service, _, ear):
        socket = await service.sockets.get()
        await socket.send("x" * (sideband.MESSAGE_LIMIT + 1))
        assert (await ear.ends.get()).code == 1009
        await service.sockets.get()


async def test_key_is_not_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with scene() as (service, _, _):
            await service.received.get()

    ours = [record for record in caplog.records if record.name.startswith("appliance")]
    assert "sk-test" not in "".join(record.getMessage() for record in ours)


async def test_closed_port_is_tried_again() -> None:
    ear = Ear(lambda closed: False)
    line = Sideband("http://127.0.0.1:9/v1", "rtc_u1_X", Secret("sk-test-4711"), ear)
    async with asyncio.timeout(PATIENCE):
        await line.run()

    assert ear.ends.get_nowait() == Closed(1006, "ConnectionRefusedError", opened=False)


def test_secure_service_has_a_secure_sideband() -> None:
    line = Sideband("https://api.example.com/v1/", "rtc_u1_X", Secret("sk-test-4711"), Ear())

    assert str(line._url) == "wss://api.example.com/v1/realtime?call_id=rtc_u1_X"
