"""A small client of the emulator over real WebRTC, written for these tests only."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

Json = dict[str, Any]
KEY = "sk-test"
AUDIBLE = 400  # of 32768
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


class Wire:
    """One channel's events in both directions."""

    def __init__(self, send: Callable[[str], Any]) -> None:
        self.events: list[Json] = []
        self._send = send
        self._new = asyncio.Event()
        self._next = 0
        self.closed = asyncio.Event()
        self.socket: aiohttp.ClientWebSocketResponse | None = None

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


class Client:
    """A call: peer connection, data channel, microphone, speaker."""

    def __init__(self, http: aiohttp.ClientSession, url: str, *, channel: bool) -> None:
        self.http = http
        self.url = url
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.microphone = Microphone()
        self.pc.addTrack(self.microphone)
        self.channel = self.pc.createDataChannel("oai-events") if channel else None
        self.wire = Wire(self.channel.send if self.channel else lambda _text: None)
        self.heard = bytearray()  # mono s16le 48 kHz
        self.first_sound = asyncio.Event()
        self.call_id = self.answer = ""
        self.at: dict[str, float] = {}  # loop time of posted, answered, opened, first_sound
        self._opened, self._connected = asyncio.Event(), asyncio.Event()
        self._tracks: list[MediaStreamTrack] = []
        self.pc.on("track", self._tracks.append)
        self.pc.on("connectionstatechange", self._state_changed)
        if self.channel is not None:
            self.channel.on("message", self.wire.arrived)
            self.channel.on("close", self.wire.closed.set)
            self.channel.on("open", self._channel_opened)

    async def connect(self, session: Json) -> None:
        await self.offer(session)
        await self.accept()

    async def offer(self, session: Json) -> None:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        form = aiohttp.FormData()
        form.add_field("sdp", self.pc.localDescription.sdp, content_type="application/sdp")
        form.add_field("session", json.dumps(session), content_type="application/json")
        self.note("posted")
        url = f"{self.url}/realtime/calls"
        async with self.http.post(url, data=form, headers=headers()) as response:
            self.answer = await response.text()
            assert response.status == 201, self.answer
            self.call_id = response.headers.get("Location", "").rpartition("/")[2]
        self.note("answered")

    async def accept(self) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        async with asyncio.timeout(PATIENCE):
            await self._connected.wait()
            if self.channel is not None:
                await self._opened.wait()

    async def listen(self) -> None:
        """Keep what is heard, until there is no more."""
        while True:
            try:
                frame = await self._tracks[0].recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            sound = frame.to_ndarray().reshape(-1, 2)[:, 0].astype("<i2")
            self.heard.extend(sound.tobytes())
            if not self.first_sound.is_set() and int(np.abs(sound).max()) > AUDIBLE:
                self.note("first_sound")
                self.first_sound.set()

    async def speak(self, pcm48k: bytes) -> None:
        """Say this into the microphone; returns when it is said."""
        self.microphone.say(pcm48k)
        async with asyncio.timeout(PATIENCE + len(pcm48k) / 96_000):
            await self.microphone.done.wait()

    async def hang_up(self) -> int:
        url = f"{self.url}/realtime/calls/{self.call_id}/hangup"
        async with self.http.post(url, headers=headers()) as response:
            return response.status

    async def record(self) -> Json:
        """What the emulator remembers of this call."""
        async with self.http.get(self.url.replace("/v1", "/emulator/calls")) as response:
            calls = await response.json()
        return next(call for call in calls if call["id"] == self.call_id)

    @asynccontextmanager
    async def sideband(self) -> AsyncIterator["Wire"]:
        url = f"{self.url}/realtime?call_id={self.call_id}"
        async with socket_wire(self.http, url) as wire:
            yield wire

    def note(self, what: str) -> None:
        self.at[what] = asyncio.get_running_loop().time()

    def _channel_opened(self) -> None:
        self.note("opened")
        self._opened.set()

    def _state_changed(self) -> None:
        if self.pc.connectionState == "connected":
            self._connected.set()


def headers(key: str = KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@asynccontextmanager
async def socket_wire(http: aiohttp.ClientSession, url: str, key: str = KEY) -> AsyncIterator[Wire]:
    """A WebSocket as a wire."""
    async with http.ws_connect(url, headers=headers(key), max_msg_size=0) as socket:
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
            wire.socket = socket
            yield wire
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def call(
    url: str, session: Json | None = None, *, channel: bool = True
) -> AsyncIterator[Client]:
    """A connected call; data channel open unless there is none."""
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        client = Client(http, url, channel=channel)
        try:
            await client.connect(SESSION if session is None else session)
            ears = group.create_task(client.listen())
            yield client
            ears.cancel()
        finally:
            await client.pc.close()
