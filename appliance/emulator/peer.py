"""The answering WebRTC peer: the user's sound in, paced Opus out, a data channel, one end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

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
from typing_extensions import override

from appliance.emulator.playout import FRAME, RATE, TIME_BASE, Playout
from appliance.emulator.sdp import check_offer, service_answer, without_candidates
from appliance.emulator.wire import Refusal

log = logging.getLogger(__name__)

FRAME_TIME: Final = FRAME / RATE
# Being later than this is a stall of the machine: start counting anew instead of sending a burst.
_STALL: Final = 0.1  # seconds
# aiortc queues what it received without limit (1.16 source); after a stall hear the present.
_MOST_BEHIND: Final = 25  # frames of 20 ms
_ANSWER_DEADLINE: Final = 5.0  # seconds; gathering loopback and host candidates takes 10 ms
_CLOSE_DEADLINE: Final = 3.0  # seconds; DTLS and SCTP goodbyes on loopback take 10 ms


class Events(Protocol):
    """Who is told what the peer sees."""

    def connected(self) -> None:
        """Media flows."""
        ...

    def disconnected(self, reason: str) -> None:
        """The connection is over."""
        ...

    def channel_opened(self, channel: RTCDataChannel) -> None:
        """The client's data channel is open."""
        ...

    def sound(self, pcm48k: bytes) -> None:
        """20 ms of the user: mono, s16le, 48 kHz."""
        ...


class ReplyTrack(MediaStreamTrack):
    """The assistant's voice in real time."""

    kind = "audio"

    def __init__(self, playout: Playout, silence: bytes | None) -> None:
        """`silence`: the packet between answers; None sends nothing there."""
        super().__init__()
        self._playout = playout
        self._silence = silence
        self._frame = 0
        self._due: float | None = None

    @override
    async def recv(self) -> "av.Packet[Any]":
        while True:
            if self.readyState != "live":
                raise MediaStreamError
            await self._wait()
            self._frame += 1
            data = self._playout.next() or self._silence
            if data is not None:
                packet = av.Packet(data)
                packet.pts = self._frame * FRAME
                packet.time_base = TIME_BASE
                return packet

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._due is None or now - self._due > _STALL:
            self._due = now
        self._due += FRAME_TIME
        await asyncio.sleep(max(self._due - now, 0))


class Peer:
    """One RTCPeerConnection. Used once; `close` always."""

    def __init__(
        self, playout: Playout, silence: bytes | None, events: Events, suffix: str
    ) -> None:
        """`suffix`: what the service appends to its ICE user name."""
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._track = ReplyTrack(playout, silence)
        self._events = events
        self._suffix = suffix
        self._remote: MediaStreamTrack | None = None
        self._frozen = False
        self.hears = False  # the client said it would send sound
        self._pc.on("connectionstatechange", self._state_changed)
        self._pc.on("track", self._track_added)
        self._pc.on("datachannel", self._channel_added)

    @property
    def state(self) -> str:
        """As WebRTC names it: new, connecting, connected, closed, failed."""
        return self._pc.connectionState

    async def answer(self, offer: str, number: int, started: int) -> str:
        """The answer in the service's form.

        Raises:
            Refusal: the offer is not acceptable.
        """
        check_offer(offer)
        try:
            async with asyncio.timeout(_ANSWER_DEADLINE):
                known = RTCSessionDescription(without_candidates(offer), "offer")
                await self._pc.setRemoteDescription(known)
                self._pc.addTrack(self._track)
                self._prepare_ice()
                await self._pc.setLocalDescription(await self._pc.createAnswer())
        # aiortc has no error of its own: what it cannot read ends as one of these.
        except (ValueError, TypeError, KeyError, IndexError, AssertionError) as error:
            raise Refusal("invalid_offer", f"Invalid SDP offer. {error}") from error
        sections = offer.split("\nm=audio", 1)[-1].split("\nm=", maxsplit=1)[0]
        self.hears = "a=recvonly" not in sections and "a=inactive" not in sections
        return service_answer(self._pc.localDescription.sdp, number, started)

    async def hear(self) -> None:
        """Pass on the user's sound until there is no more. Cancelling is safe."""
        if self._remote is None:
            return
        queue: asyncio.Queue[Any] = getattr(self._remote, "_queue")  # noqa: B009 - private; see _MOST_BEHIND
        while True:
            if queue.qsize() > _MOST_BEHIND:
                log.debug("dropped %d frames of a backlog", queue.qsize())
                while queue.qsize() > 1:
                    queue.get_nowait()
            try:
                frame = await self._remote.recv()
            except MediaStreamError:
                return
            if not self._frozen and isinstance(frame, av.AudioFrame):
                self._events.sound(_mono(frame))

    def freeze(self) -> None:
        """Fall silent without a word: nothing is sent or answered any more."""
        self._frozen = True
        for agent in _ice_agents(self._pc):
            for protocol in agent._protocols:  # noqa: SLF001 - there is no public way to a dead network
                protocol.transport = _DeadTransport(protocol.transport)
                protocol.datagram_received = lambda _data, _address: None

    async def close(self) -> None:
        """Release everything, also what aiortc 1.16 and aioice 0.13 leave behind; 3 s at most."""
        self._track.stop()
        try:
            async with asyncio.timeout(_CLOSE_DEADLINE):
                await self._pc.close()
                for transport in _ice_transports(self._pc):
                    # Set at the end of connecting, which notices a close after up to 20 ms.
                    connected_or_not = transport._RTCIceTransport__start  # noqa: SLF001 - no public way
                    if connected_or_not is not None:
                        await connected_or_not.wait()
        except TimeoutError:
            log.debug("the peer did not close in %.0f s", _CLOSE_DEADLINE)
        finally:
            for agent in _ice_agents(self._pc):
                task = agent._query_consent_task  # noqa: SLF001 - connect() may begin it after close()
                if task is not None and not task.done():
                    task.cancel()

    def _prepare_ice(self) -> None:
        for agent in _ice_agents(self._pc):
            user = agent._local_username  # noqa: SLF001 - the service's user names are longer
            agent._local_username = f"{user}/{self._suffix}"  # noqa: SLF001
            agent.get_component_candidates = _with_loopback(agent.get_component_candidates)

    def _state_changed(self) -> None:
        state = self._pc.connectionState
        if state == "connected":
            self._events.connected()
        elif state in {"failed", "closed"}:
            self._events.disconnected(state)

    def _track_added(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._remote is None:
            self._remote = track

    def _channel_added(self, channel: RTCDataChannel) -> None:
        self._events.channel_opened(channel)


class _DeadTransport:
    """A socket whose cable was cut; closing it still releases it."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def sendto(self, _data: bytes, _address: object = None) -> None:
        """Send nothing."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        return getattr(self._transport, name)


def _mono(frame: av.AudioFrame) -> bytes:
    sound = frame.to_ndarray()
    if frame.layout.nb_channels == 1:
        return bytes(sound.astype("<i2"))
    pairs = sound.reshape(-1, frame.layout.nb_channels).astype(np.int32)
    return bytes((pairs.sum(axis=1) // frame.layout.nb_channels).astype("<i2"))


def _ice_transports(pc: RTCPeerConnection) -> list[Any]:  # aiortc shows them nowhere
    return list(pc._RTCPeerConnection__iceTransports)  # type: ignore[attr-defined]  # noqa: SLF001


def _ice_agents(pc: RTCPeerConnection) -> list[Any]:  # nor aioice's connections
    return [transport._connection for transport in _ice_transports(pc)]  # noqa: SLF001


def _with_loopback(
    gather: Callable[..., Awaitable[list[Any]]],
) -> Callable[..., Awaitable[list[Any]]]:
    """Aioice leaves out 127.0.0.1; without a network there is nothing else (aioice 0.13 source)."""

    async def gathered(component: int, addresses: list[str], timeout: int = 5) -> list[Any]:  # noqa: ASYNC109 - aioice's signature
        return await gather(component, ["127.0.0.1", *addresses], timeout)

    return gathered
