"""The other side of a peer connection, as plain aiortc: sends a tone, returns messages."""

import asyncio
import re
from fractions import Fraction
from typing import Any

from aiortc import MediaStreamTrack, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCConfiguration
from av import AudioFrame

from appliance.call.ice import IceAgent


class Tone(MediaStreamTrack):
    """20 ms of square wave every 20 ms; `paused` keeps it from sending anything."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.unpaused = asyncio.Event()
        self.unpaused.set()
        self._pts = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(0.02)
        await self.unpaused.wait()
        frame = AudioFrame("s16", "mono", 960)
        frame.planes[0].update((b"\x00\x10" * 24 + b"\x00\xf0" * 24) * 20)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._pts, Fraction(1, 48_000)
        self._pts += 960
        return frame


class Answerer:
    """Answers one offer as the service does: it waits to be asked, and tells where in one section.

    `deaf`: its data channel never comes up.
    """

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tone = Tone()
        self.channel: RTCDataChannel | None = None
        self.messages: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.heard = asyncio.Event()
        self.pc.on("datachannel", self._on_channel)
        self.pc.on("track", self._on_track)
        self.far: MediaStreamTrack | None = None
        self._agents: list[IceAgent] = []

    async def answer(self, offer: str) -> str:
        await self.pc.setRemoteDescription(
            RTCSessionDescription(_without_candidates(offer), "offer")
        )
        if self.deaf and self.pc.sctp is not None:
            setattr(self.pc.sctp, "_handle_data", _ignore)  # noqa: B010 - so is mypy content
        self.pc.addTrack(self.tone)
        for transport in {sender.transport.transport for sender in self.pc.getSenders()}:
            self._agents.append(agent := IceAgent(transport, loopback=True))
            if self.pc.sctp is not None:
                agent.guard(self.pc.sctp)
        await self.pc.setLocalDescription()
        head, first, *others = re.split("(?=m=)", self.pc.localDescription.sdp)
        return head + first + "".join(_without_candidates(section) for section in others)

    async def close(self) -> None:
        for agent in self._agents:
            agent.retire()
        await self.pc.close()
        for agent in self._agents:
            await agent.settled()
        for transceiver in self.pc.getTransceivers():
            await transceiver.stop()

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        channel.on("message", self.messages.put_nowait)

    def _on_track(self, track: MediaStreamTrack) -> None:
        self.far = track


def _without_candidates(sdp: str) -> str:
    return re.sub(r"a=(?:candidate:.*|end-of-candidates)\r\n", "", sdp)


async def _ignore(data: bytes) -> None:
    pass


class Hush(MediaStreamTrack):
    """A microphone that sends silence."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._pts = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(0.02)
        frame = AudioFrame("s16", "mono", 960)
        frame.planes[0].update(bytes(1920))
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._pts, Fraction(1, 48_000)
        self._pts += 960
        return frame


def cut(answerer: Answerer) -> None:
    """Let nothing out of the answerer any more, as a dead network would."""
    for transport in _sockets(answerer):
        transport.sendto = lambda data, addr=None: None


def mend(answerer: Answerer) -> None:
    """Undo `cut`."""
    for transport in _sockets(answerer):
        del transport.sendto


def _sockets(answerer: Answerer) -> list[Any]:
    return [
        protocol.transport for agent in answerer._agents for protocol in agent._agent._protocols
    ]
