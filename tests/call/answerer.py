"""The other side of a peer connection, as plain aiortc: sends a tone, returns messages."""

import asyncio
from fractions import Fraction

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
    """Answers one offer. `deaf`: its SCTP never comes up."""

    def __init__(self) -> None:
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
        await self.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self.pc.addTrack(self.tone)
        for transport in {sender.transport.transport for sender in self.pc.getSenders()}:
            self._agents.append(IceAgent(transport, loopback=True))
        await self.pc.setLocalDescription()
        return self.pc.localDescription.sdp

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
