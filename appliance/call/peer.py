"""The WebRTC half of a call: offer, connection, data channel, signs of life (aiortc)."""

import asyncio
import ipaddress
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiortc import (
    InvalidAccessError,
    InvalidStateError,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, OperationError
from aiortc.stats import (
    RTCInboundRtpStreamStats,
    RTCRemoteInboundRtpStreamStats,
    RTCTransportStats,
)
from yarl import URL

from appliance.call.ice import IceAgent
from appliance.errors import ServiceError, UnreachableError
from appliance.media.packet import Packet
from appliance.media.tap import tap

CHANNEL = "oai-events"  # some compatible services insist on OpenAI's name
CONNECT_TIMEOUT = 10.0  # s for ICE and DTLS; aiortc 1.16 gives up on ICE after 64 s, on DTLS never
CHANNEL_TIMEOUT = 5.0  # s from connected to open; aiortc 1.16 waits for ever
CLOSE_TIMEOUT = 2.0  # s; aiortc 1.16 takes 1 to 40 ms in every phase (measured)
GATHER_TIMEOUT = 6.0  # s; without STUN servers 2 ms, with an unreachable one 5 s (aioice 0.13)
MESSAGE_LIMIT = 250_000  # bytes; Chrome and aiortc announce 262,144, and larger ones block others
DEFAULT_MESSAGE_LIMIT = 65_536  # bytes, if the answer announces none (RFC 8841, 6.1)
CANDIDATES_LIMIT = 16  # of the answer; OpenAI's has 6 (recorded traffic, July 2026)

_CODECS: Final = RTCRtpSender.getCapabilities("audio").codecs
_OPUS: Final = re.compile(r"^a=rtpmap:(\d+) opus/48000/2\r?\n", re.MULTILINE)
_MESSAGE_SIZE: Final = re.compile(r"^a=max-message-size:(\d{1,12})\s*$", re.MULTILINE)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """What came in so far: packets of any kind, RTP packets, and RTP packets known to be lost."""

    packets: int = 0
    rtp: int = 0
    lost: int = 0


class Peer:
    """One peer connection; used once. All methods on the loop, `close` on every way out."""

    def __init__(
        self,
        near: MediaStreamTrack,
        far: Callable[[Packet], None],
        received: Callable[[str | bytes], None],
        *,
        ice_servers: Sequence[str] = (),
        loopback: bool = False,
    ) -> None:
        """Prepare a call that sends `near`.

        `far` is given each packet of the service's voice, `received` each data channel message.
        """
        servers = [RTCIceServer(urls=url) for url in ice_servers]
        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        voice = self._pc.addTransceiver(near, direction="sendrecv")
        voice.setCodecPreferences([codec for codec in _CODECS if codec.name == "opus"])
        tap(voice.receiver, far)
        self._sender = voice.sender
        self._ice = IceAgent(self._sender.transport.transport, loopback=loopback)
        self._channel = self._pc.createDataChannel(CHANNEL)
        self._ice.guard(self._channel.transport)
        self._changed = asyncio.Event()
        self._limit = 0
        self._pc.on("connectionstatechange", self._changed.set)
        self._channel.on("open", self._changed.set)
        self._channel.on("close", self._changed.set)
        self._channel.on("message", received)

    async def offer(self) -> str:
        """Return the SDP offer, with all candidates there are.

        Raises UnreachableError if a STUN server does not answer.
        """
        try:
            async with asyncio.timeout(GATHER_TIMEOUT):
                await self._pc.setLocalDescription()
        except TimeoutError:
            raise UnreachableError(
                "The STUN server does not answer.", "Check service.ice_servers."
            ) from None
        return ask_for_fec(self._pc.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        """Take the service's SDP answer and begin to connect. Raises ServiceError if it is no use.

        What a foreign answer makes aiortc raise is not documented; all of it means the same.
        """
        found = _MESSAGE_SIZE.search(answer)
        size = int(found[1]) if found else DEFAULT_MESSAGE_LIMIT
        self._limit = min(size, MESSAGE_LIMIT) if size else MESSAGE_LIMIT  # 0: unlimited, RFC 8841
        description = RTCSessionDescription(sdp=usable(answer), type="answer")
        try:
            await self._pc.setRemoteDescription(description)
        except (
            ValueError, LookupError, AssertionError, AttributeError, TypeError,
            InternalError, InvalidAccessError, InvalidStateError, OperationError,
        ) as error:  # fmt: skip
            log.debug("! the answer cannot be used", exc_info=True)
            raise ServiceError(
                "The service's answer to the call cannot be used.", "Check service.base_url."
            ) from error

    async def connected(self) -> None:
        """Return when sound can flow. Raises UnreachableError after CONNECT_TIMEOUT."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                while self._pc.connectionState not in {"connected", "failed", "closed"}:
                    await self._change()
        except TimeoutError:
            pass
        if self._pc.connectionState != "connected":
            raise UnreachableError(
                "The service took the call, but no sound can flow.",
                "This network may block UDP; ask for outgoing UDP port 3478 to be opened.",
            )

    async def channel_open(self) -> bool:
        """Return whether the data channel opens within CHANNEL_TIMEOUT."""
        try:
            async with asyncio.timeout(CHANNEL_TIMEOUT):
                while self._channel.readyState == "connecting" and not self.is_over:
                    await self._change()
        except TimeoutError:
            pass
        return self.is_open

    async def channel_closed(self) -> None:
        """Return when the data channel is closed, or the connection over; maybe never."""
        while self._channel.readyState != "closed" and not self.is_over:
            await self._change()

    async def over(self) -> None:
        """Return when the connection has failed or was closed by the other side; maybe never."""
        while not self.is_over:
            await self._change()

    @property
    def is_over(self) -> bool:
        """Whether the connection has failed or is closed."""
        return self._pc.connectionState in {"failed", "closed"}

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._channel.readyState == "open" and not self.is_over

    @property
    def message_limit(self) -> int:
        """Bytes of the longest message the data channel takes; 0 before the answer is accepted."""
        return self._limit

    def send(self, message: str) -> bool:
        """Send over the data channel; return False if it is not open or the message too long."""
        if not self.is_open or len(message.encode()) > self._limit:
            return False
        self._channel.send(message)
        return True

    async def received(self) -> Received:
        """Return how much has come in so far."""
        packets = rtp = lost = 0
        for transceiver in self._pc.getTransceivers():
            for entry in (await transceiver.receiver.getStats()).values():
                match entry:
                    case RTCTransportStats():
                        packets = entry.packetsReceived
                    case RTCInboundRtpStreamStats():
                        rtp += entry.packetsReceived
                        lost += max(entry.packetsLost, 0)
                    case _:
                        pass
        return Received(packets, rtp, lost)

    async def round_trip(self) -> float | None:
        """Return the round-trip time the service's reports give, in seconds, if there are any."""
        for entry in (await self._sender.getStats()).values():
            if isinstance(entry, RTCRemoteInboundRtpStreamStats) and entry.roundTripTime:
                return float(entry.roundTripTime)
        return None

    async def is_reachable(self) -> bool:
        """Ask the service for a sign of life; takes 1.5 s at most."""
        return await self._ice.is_reachable()

    async def close(self) -> None:
        """Release everything, in whatever phase. Takes 1 to 60 ms, and never 4 s."""
        self._ice.retire()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._ice.gathered()
                await self._pc.close()
        except TimeoutError:
            log.warning("the peer connection did not close in time")
        await self._ice.settled()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                for transceiver in self._pc.getTransceivers():
                    await transceiver.stop()  # what connected while we closed
        except TimeoutError:
            log.warning("the sound of the peer connection did not stop in time")

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def ask_for_fec(offer: str) -> str:
    """Have the service add error correction to its Opus packets (RFC 7587, 6.1)."""
    return _OPUS.sub(
        lambda found: f"{found[0]}a=fmtp:{found[1]} minptime=10;useinbandfec=1\r\n", offer
    )


def usable(answer: str) -> str:
    """Return the answer without candidates aioice cannot use, or must not look up; few enough.

    The service tells them in its first section (recorded traffic, July 2026). aiortc 1.16 keeps
    those of the last section of a bundle alone (setRemoteDescription), so here each has them.
    """
    lines, candidates = [], dict[str, None]()  # those of several sections but once
    for line in answer.splitlines():
        if line.startswith("a=candidate:"):
            fields = line.split()
            if len(fields) >= 8 and fields[2].lower() == "udp" and not fields[4].endswith(".local"):
                candidates[line] = None
        else:
            lines.append(line)
    head, *sections = re.split(r"^(?=m=)", "\n".join([*lines, ""]), flags=re.MULTILINE)
    told = "".join(f"{line}\n" for line in list(candidates)[:CANDIDATES_LIMIT])
    return "".join([head, *(section + told for section in sections)]).replace("\n", "\r\n")


def is_loopback(base_url: str) -> bool:
    """Whether the service runs on this machine, so that 127.0.0.1 has to be offered too."""
    host = URL(base_url).host or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
