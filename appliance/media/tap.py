"""Takes the far end's Opus packets out of aiortc before its own jitter buffer gets them."""

from collections.abc import Callable

import aiortc
from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

from appliance.media.packet import Packet

# aiortc 1.16 keeps a fixed 80 ms of packets, waits 240 ms more for ever after one that is lost, has
# neither concealment nor error correction, and offers no way to the packets themselves.
_BUFFER = "_RTCRtpReceiver__jitter_buffer"


class _Tap(JitterBuffer):
    """Stands in the place of a receiver's jitter buffer and never has a frame to decode."""

    def __init__(self, deliver: Callable[[Packet], None]) -> None:
        super().__init__(capacity=1)
        self._deliver = deliver

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        self._deliver(Packet(packet.sequence_number, packet.timestamp, packet.payload))
        return False, None


def tap(receiver: RTCRtpReceiver, deliver: Callable[[Packet], None]) -> None:
    """Give `deliver` each packet as it comes, on the loop.

    The receiver's track then never has anything to give. Before the receiver is started. Raises
    TypeError if this release of aiortc keeps its packets elsewhere.
    """
    if not isinstance(getattr(receiver, _BUFFER, None), JitterBuffer):
        raise TypeError(f"aiortc {aiortc.__version__} receives in an unknown way")
    setattr(receiver, _BUFFER, _Tap(deliver))
