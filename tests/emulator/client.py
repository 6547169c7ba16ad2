"""A small client of the emulator over real WebRTC, written for these tests only."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

Json = dict[str, Any]
KEY = "sk-test"
PATIENCE = 15.0  # seconds; a busy machine answers late, but it answers
SESSION: Json = {
    "type": "realtime",
    "model": "gpt-realtime-2.1",
    "audio": {"input": {"transcription": {"model": "gpt-realtime-whisper"}}},
}


class Microphone(MediaStreamTrack):
    """What it is given to say, in real time; otherwise silence."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._pcm = b""
        self._at = 0
        self._due = 0.0
        self.done = asyncio.Event()
        self.done_at = 0.0

    def say(self, pcm48k: bytes) -> None:
        self._pcm += pcm48k
        self.done.clear()

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._due or now - self._due > 0.2:
            self._due = now
        self._due += 0.02
        await asyncio.sleep(max(0.0, self._due - now))
        piece, self._pcm = self._pcm[:1920], self._pcm[1920:]
        if piece and not self._pcm:
            self.done.set()
            self.done_at = loop.time()
        piece += bytes(1920 - len(piece))
        frame = av.AudioFrame.from_ndarray(
            np.frombuffer(piece, "<i2").reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = 48_000
        frame.pts, self._at = self._at, self._at + 960
        return frame


@dataclass
class Log:
    """Events as they arrive, and a way to wait for them."""

    events: list[Json] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    read: int = 0

    def add(self, event: Json) -> None:
        self.events.append({**event, "_at": asyncio.get_running_loop().time()})

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


class Wire:
    """One channel's events in both directions."""

    def __init__(self, send: Callable[[str], Any]) -> None:
        self.events: list[Json] = []
        self._send = send
        self._new = asyncio.Event()
        self._next = 0
        self.closed = asyncio.Event()

    def arrived(self, data: str | bytes) -> None:
        event = json.loads(data)
        self.events.append({**event, "_at": asyncio.get_running_loop().time()})
        self._new.set()

    def send(self, kind: str, **fields: Any) -> None:
        self._send(json.dumps({"type": kind, **fields}))

    def say(self, text: str, **response: Any) -> None:
        """A typed turn."""
        self.add_text(text)
        self.send("response.create", **({"response": response} if response else {}))

    def add_text(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        self.send(
            "conversation.item.create",
            item={"type": "message", "role": "user", "content": content},
        )

    async def until(self, kind: str, where: Callable[[Json], bool] = lambda _e: True) -> Json:
        """The next event of this type, after the last one waited for."""
        async with asyncio.timeout(PATIENCE):
            while True:
                while self._next < len(self.events):
                    event = self.events[self._next]
                    self._next += 1
                    if event["type"] == kind and where(event):
                        return event
                self._new.clear()
                await self._new.wait()

    def types(self, since: int = 0) -> list[str]:
        return [event["type"] for event in self.events[since:]]

    @property
    def mark(self) -> int:
        return len(self.events)


@dataclass
class Client:
    """A call: peer connection, data channel, microphone, speaker."""

    http: aiohttp.ClientSession
    url: str
    pc: RTCPeerConnection
    microphone: Microphone
    wire: Wire
    heard: bytearray = field(default_factory=bytearray)
    first_sound: asyncio.Event = field(default_factory=asyncio.Event)
    first_sound_at: float = 0.0
    call_id: str = ""
    posted_at: float = 0.0
    answered_at: float = 0.0
    opened_at: float = 0.0
    answer: str = ""
    channel: RTCDataChannel | None = None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {KEY}"}

    async def hang_up(self) -> int:
        url = f"{self.url}/realtime/calls/{self.call_id}/hangup"
        async with self.http.post(url, headers=self.headers()) as response:
            return response.status

    @asynccontextmanager
    async def sideband(self) -> AsyncIterator[Wire]:
        url = f"{self.url}/realtime?call_id={self.call_id}"
        async with socket_wire(self.http, url) as wire:
            yield wire


@asynccontextmanager
async def socket_wire(http: aiohttp.ClientSession, url: str, key: str = KEY) -> AsyncIterator[Wire]:
    """A WebSocket as a wire."""
    async with http.ws_connect(
        url, headers={"Authorization": f"Bearer {key}"}, max_msg_size=0
    ) as socket:
        outgoing: asyncio.Queue[str] = asyncio.Queue()
        wire = Wire(outgoing.put_nowait)

        async def write() -> None:
            while True:
                await socket.send_str(await outgoing.get())

        async def read() -> None:
            async for message in socket:
                wire.arrived(message.data)
            wire.closed.set()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(write()), group.create_task(read())]
            wire.socket = socket  # type: ignore[attr-defined]
            yield wire
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def call(
    url: str, session: Json | None = None, *, channel: bool = True
) -> AsyncIterator[Client]:
    """A connected call; data channel open unless there is none."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    microphone = Microphone()
    pc.addTrack(microphone)
    opened, connected = asyncio.Event(), asyncio.Event()
    port = pc.createDataChannel("oai-events") if channel else None
    client_wire = Wire(port.send if port else lambda _text: None)
    async with aiohttp.ClientSession() as http:
        client = Client(http, url, pc, microphone, client_wire, channel=port)
        loop = asyncio.get_running_loop()
        if port is not None:
            port.on("message", client_wire.arrived)
            port.on("close", client_wire.closed.set)

            def open_() -> None:
                client.opened_at = loop.time()
                opened.set()

            port.on("open", open_)
        pc.on(
            "connectionstatechange",
            lambda: connected.set() if pc.connectionState == "connected" else None,
        )
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []

            async def listen(track: MediaStreamTrack) -> None:
                while True:
                    try:
                        frame = await track.recv()
                    except MediaStreamError:
                        return
                    assert isinstance(frame, av.AudioFrame)
                    sound = frame.to_ndarray().reshape(-1, 2)[:, 0]
                    client.heard.extend(sound.astype("<i2").tobytes())
                    if not client.first_sound.is_set() and int(np.abs(sound).max()) > 400:
                        client.first_sound_at = loop.time()
                        client.first_sound.set()

            pc.on("track", lambda track: tasks.append(group.create_task(listen(track))))
            await pc.setLocalDescription(await pc.createOffer())
            form = aiohttp.FormData()
            form.add_field("sdp", pc.localDescription.sdp, content_type="application/sdp")
            form.add_field(
                "session", json.dumps(session or SESSION), content_type="application/json"
            )
            client.posted_at = loop.time()
            async with http.post(
                f"{url}/realtime/calls", data=form, headers=client.headers()
            ) as response:
                client.answer = await response.text()
                assert response.status == 201, client.answer
                client.call_id = response.headers["Location"].rpartition("/")[2]
            client.answered_at = loop.time()
            await pc.setRemoteDescription(RTCSessionDescription(client.answer, "answer"))
            async with asyncio.timeout(PATIENCE):
                await connected.wait()
                if channel:
                    await opened.wait()
            try:
                yield client
            finally:
                await pc.close()
                for task in tasks:
                    task.cancel()
