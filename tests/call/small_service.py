"""The least a Realtime service can be, on loopback: an answer, a word, a tone; and misfortunes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.test_utils import TestServer

from tests.call.answerer import Answerer

CREATED = {"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}}
UPDATED = {"type": "session.updated", "event_id": "event_2", "session": {"id": "sess_1"}}


@dataclass
class Manners:
    """How the service behaves."""

    status: int = 201
    location: str | None = "/v1/realtime/calls/rtc_small_1"
    body: str | None = None  # instead of the answer
    answers: bool = True  # False: the POST is never answered
    greets: bool = True  # says session.created on the data channel
    opens_channel: bool = True
    sideband_status: int = 101
    sideband_refusals: int = 10**9  # how many tries get `sideband_status`
    confirms: bool = True  # answers session.update
    swallows: bool = False  # what comes by sideband is lost, as on a line dead on the way


@dataclass
class SmallService:
    """One call at a time. `said`: what the client sent, as (channel, event)."""

    manners: Manners = field(default_factory=Manners)
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    answerers: list[Answerer] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    swallowed: int = 0
    tries: int = 0
    posts: int = 0
    url: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def peer(self) -> Answerer:
        return self.answerers[-1]

    @property
    def socket(self) -> web.WebSocketResponse:
        return self.sockets[-1]

    def count(self, event_type: str) -> int:
        return sum(event["type"] == event_type for _, event in self.said)

    async def until(self, event_type: str, times: int = 1) -> tuple[str, dict[str, Any]]:
        """Wait for the client to send an event of this type that often."""
        while self.count(event_type) < times:
            await self.news()
        return [entry for entry in self.said if entry[1]["type"] == event_type][times - 1]

    async def news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def on_channel(self, *events: dict[str, Any]) -> None:
        for event in events:
            assert self.peer.channel is not None
            self.peer.channel.send(json.dumps(event))

    async def on_sideband(self, *events: dict[str, Any]) -> None:
        for event in events:
            await self.socket.send_json(event)

    # Endpoints

    async def create(self, request: web.Request) -> web.Response:
        self.posts += 1
        self._news.set()
        offer = ""
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            text = (await part.read()).decode()
            if part.name == "sdp":
                offer = text
            else:
                self.sessions.append(json.loads(text))
        if not self.manners.answers:
            await self.released.wait()
        headers = {"Location": self.manners.location} if self.manners.location else {}
        if self.manners.body is not None:
            return web.Response(status=self.manners.status, text=self.manners.body, headers=headers)
        answerer = Answerer(deaf=not self.manners.opens_channel)
        self.answerers.append(answerer)
        answerer.pc.on("datachannel", lambda _: self._channel_open(answerer))
        answer = await answerer.answer(offer)
        return web.Response(status=self.manners.status, text=answer, headers=headers)

    def _channel_open(self, answerer: Answerer) -> None:
        assert answerer.channel is not None
        answerer.channel.on("message", self._on_message)
        self._news.set()
        if self.manners.greets:
            answerer.channel.send(json.dumps(CREATED))

    def _on_message(self, message: str) -> None:
        self.said.append(("channel", json.loads(message)))
        self._news.set()

    async def sideband(self, request: web.Request) -> web.StreamResponse:
        self.tries += 1
        self._news.set()
        if self.manners.sideband_status != 101 and self.tries <= self.manners.sideband_refusals:
            return web.json_response(
                {"error": {"code": "call_id_not_found"}}, status=self.manners.sideband_status
            )
        socket = web.WebSocketResponse(max_msg_size=2**24)
        await socket.prepare(request)
        self.sockets.append(socket)
        self._news.set()
        async for message in socket:
            if self.manners.swallows:
                self.swallowed += 1
                self._news.set()
                continue
            event = json.loads(message.data)
            self.said.append(("sideband", event))
            self._news.set()
            if event["type"] == "session.update" and self.manners.confirms:
                await socket.send_json(UPDATED | {"event_id": f"event_updated_{len(self.sockets)}"})
        return socket

    async def hang_up(self, request: web.Request) -> web.Response:
        self.hung_up.append(request.match_info["call_id"])
        self._news.set()
        return web.Response()

    async def close(self) -> None:
        self.released.set()
        for answerer in self.answerers:
            await answerer.close()
        for socket in self.sockets:
            with suppress(ConnectionError):
                await socket.close()


@asynccontextmanager
async def small_service(manners: Manners | None = None) -> AsyncIterator[SmallService]:
    service = SmallService(manners or Manners())
    app = web.Application()
    app.router.add_post("/v1/realtime/calls", service.create)
    app.router.add_post("/v1/realtime/calls/{call_id}/hangup", service.hang_up)
    app.router.add_get("/v1/realtime", service.sideband)
    async with TestServer(app) as server:
        service.url = str(server.make_url("/v1"))
        try:
            yield service
        finally:
            await service.close()
