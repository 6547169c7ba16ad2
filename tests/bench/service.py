"""A bare Realtime service that notes when what arrived: `python -m tests.bench.service`.

It does what the OpenAI API reference promises for certain and nothing else: it answers the offer,
says session.created, sends sound, acknowledges. It speaks JSON lines: {"at", "what", ...} with the
system's monotonic clock on standard output, commands on standard input.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import aioice.ice
import msgspec
from aiohttp import BodyPartReader, WSMsgType, web
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.bench.line import Plan, Tone, impair, track_for

SESSION = {"type": "realtime", "object": "realtime.session", "id": "sess_bench"}
SILENCE = "A" * 4 * 3200  # base64 of 200 ms of silence, s16le at 24 kHz
REACTION = 0.1  # s from the word that somebody speaks until the service itself falls silent


def tell(what: str, **more: object) -> None:
    """Write one line about what happened now."""
    print(json.dumps({"at": time.monotonic(), "what": what, **more}), flush=True)


@dataclass
class Session:
    """One call or WebSocket session: every open channel to its client."""

    name: str
    peer: RTCPeerConnection | None = None
    channel: RTCDataChannel | None = None
    track: MediaStreamTrack | None = None
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    gap: float = 0.0
    answered: int = 0
    heard: int = 0

    async def send(self, kind: str, **more: object) -> None:
        """Send one server event on all channels, as the real service does."""
        text = json.dumps({"type": kind, "event_id": f"event_{time.monotonic_ns()}", **more})
        for socket in self.sockets:
            await socket.send_str(text)
        if self.channel is not None and self.channel.readyState == "open":
            self.channel.send(text)

    async def receive(self, text: str, way: str) -> None:
        """Write down one client event and acknowledge it."""
        event: dict[str, Any] = json.loads(text)
        kind = event["type"]
        item = event.get("item", {})
        image = any(part.get("type") == "input_image" for part in item.get("content", []))
        tell("event", type=kind, item=item.get("type"), image=image, way=way)
        if kind == "session.update":
            await self.send("session.updated", session=SESSION | event["session"])
        elif kind == "conversation.item.create":
            item = {"id": f"item_{time.monotonic_ns()}", "status": "completed"} | item
            await self.send("conversation.item.added", previous_item_id=None, item=item)
            await self.send("conversation.item.done", previous_item_id=None, item=item)
        elif kind == "response.create":
            await self.answer([])

    async def answer(self, output: list[dict[str, Any]]) -> None:
        """Send one response; with no output given, 200 ms of silence for WebSocket clients."""
        self.answered += 1
        response = {"id": f"resp_{self.answered}", "object": "realtime.response", "output": []}
        await self.send("response.created", response=response | {"status": "in_progress"})
        where = {"response_id": response["id"], "output_index": 0}
        for item in output:
            started = item | {"status": "in_progress", "arguments": ""}
            await self.send("response.output_item.added", **where, item=started)
            call = {"item_id": item["id"], "call_id": item["call_id"], "name": item["name"]}
            tell("arguments", call_id=item["call_id"])
            await self.send(
                "response.function_call_arguments.done",
                **where,
                **call,
                arguments=item["arguments"],
            )
            await self.send("response.output_item.done", **where, item=item)
        if not output and self.peer is None:
            await self._say_nothing(where)
        done = response | {"status": "completed", "output": output}
        await self.send("response.done", response=done)

    def talk(self) -> None:
        """Let the tone sound again."""
        assert isinstance(self.track, Tone)
        self.track.sounding = True

    async def interrupt(self) -> None:
        """Fall silent and say so, as the service does when a person cuts in."""
        assert isinstance(self.track, Tone)
        self.track.sounding = False
        self.answered += 1
        tell("interrupted")
        await self.send("output_audio_buffer.cleared", response_id=f"resp_{self.answered}")

    async def hear(self) -> None:
        """Say that a person speaks, and act on it a little later, as the service does."""
        self.heard += 1
        tell("speaking")
        where = {"item_id": f"item_heard{self.heard}", "audio_start_ms": 0}
        await self.send("input_audio_buffer.speech_started", **where)
        await asyncio.sleep(REACTION)
        await self.interrupt()

    async def _say_nothing(self, where: dict[str, Any]) -> None:
        item = {"id": f"item_a{self.answered}", "type": "message", "role": "assistant"}
        part = {"item_id": item["id"], "content_index": 0}
        await self.send("response.output_item.added", **where, item=item | {"content": []})
        await self.send("response.output_audio.delta", **where, **part, delta=SILENCE)
        await self.send("response.output_audio.done", **where, **part)
        await self.send("response.output_item.done", **where, item=item | {"content": []})


class Service:
    """The routes, the sessions and the commands."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._listeners: set[asyncio.Task[None]] = set()
        self._plan: Plan | None = None

    def app(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=8 * 2**20)
        app.router.add_post("/v1/realtime/calls", self._offer)
        app.router.add_post("/v1/realtime/calls/{name}/hangup", self._hang_up)
        app.router.add_get("/v1/realtime", self._socket)
        return app

    async def _offer(self, request: web.Request) -> web.Response:
        tell("offer")
        sdp = ""
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "sdp":
                sdp = await part.text()
        session = Session(f"rtc_bench_{len(self._sessions)}")
        self._sessions[session.name] = session
        session.peer = peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.on("connectionstatechange", lambda: self._changed(session, peer))
        peer.on("datachannel", lambda channel: self._opened(session, channel))
        peer.on("track", lambda track: self._keep(self._listen(session, track)))
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        session.track = track_for(self._plan, peer.getTransceivers()[0].receiver)
        sender = peer.addTrack(session.track)
        if self._plan is not None:
            impair(sender, self._plan)
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {
            "Location": f"/v1/realtime/calls/{session.name}",
            "Access-Control-Allow-Origin": "*",  # a browser's page asks from an address of its own
        }
        return web.Response(
            status=201,
            text=peer.localDescription.sdp,
            content_type="application/sdp",
            headers=headers,
        )

    def _changed(self, session: Session, peer: RTCPeerConnection) -> None:
        tell("state", call=session.name, state=peer.connectionState)
        if peer.connectionState in {"closed", "failed"}:
            self._keep(self._end(session))

    def _opened(self, session: Session, channel: RTCDataChannel) -> None:
        tell("channel", call=session.name)
        session.channel = channel
        channel.on("message", lambda text: self._keep(session.receive(text, "channel")))
        self._keep(session.send("session.created", session=SESSION))

    def _keep(self, work: Any) -> None:
        loop = asyncio.get_running_loop()
        task: asyncio.Task[None] = loop.create_task(work)
        self._listeners.add(task)
        task.add_done_callback(self._listeners.discard)

    async def _listen(self, session: Session, track: MediaStreamTrack) -> None:
        last = None
        try:
            while True:
                await track.recv()
                now = time.monotonic()
                session.gap = max(session.gap, now - last) if last else 0.0
                last = now
        except MediaStreamError:
            tell("silence", call=session.name)

    async def _hang_up(self, request: web.Request) -> web.Response:
        tell("hangup", call=request.match_info["name"])
        await self._end(self._sessions[request.match_info["name"]])
        return web.Response()

    async def _end(self, session: Session) -> None:
        for socket in session.sockets:
            await socket.close()
        if session.peer is not None:
            await session.peer.close()

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=8 * 2**20)
        await socket.prepare(request)
        name = request.query.get("call_id")
        session = self._sessions[name] if name else Session("websocket")
        session.sockets.append(socket)
        tell("socket", call=name)
        if name is None:
            self._sessions["websocket"] = session
            await session.send("session.created", session=SESSION)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await session.receive(message.data, "socket")
        session.sockets.remove(socket)
        return socket

    async def obey(self) -> None:
        """Carry out commands until standard input ends."""
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            command: dict[str, Any] = json.loads(line)
            if command["do"] == "line":  # for the calls to come
                self._plan = msgspec.convert(command["plan"], Plan)
                continue
            session = list(self._sessions.values())[-1]
            if command["do"] == "call tool":
                call_id = f"call_{time.monotonic_ns()}"
                item = {"id": f"fc_{call_id}", "type": "function_call", "status": "completed"}
                call = {"call_id": call_id, "name": command["name"]}
                await session.answer([item | call | {"arguments": command["arguments"]}])
            elif command["do"] == "talk":
                session.talk()
            elif command["do"] == "interrupt":
                await session.interrupt()
            elif command["do"] == "hear":
                await session.hear()
            elif command["do"] == "tell gap":
                tell("gap", longest=session.gap)
                session.gap = 0.0


async def main() -> None:
    """Serve on a free port of the loopback until standard input ends."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    service = Service()
    runner = web.AppRunner(service.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=1)
    await site.start()
    tell("listening", port=runner.addresses[0][1])
    await service.obey()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
