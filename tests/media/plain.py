"""A codec that changes nothing, so that a test can tell every sample from every other."""

from appliance.media import pcm
from appliance.media.decoder import Decoder

PACKET = 960  # samples, 20 ms
COPY = b"copy"  # behind the sound of a packet that also carries that of the one before


class PlainDecoder(Decoder):
    """A packet is its own sound; with COPY and the sound before behind it, it can recover that."""

    def __init__(self) -> None:
        self.concealed = 0

    def duration(self, packet: bytes) -> int:
        return len(packet.partition(COPY)[0]) // 2

    def has_copy(self, packet: bytes) -> bool:
        return COPY in packet

    def decode(self, packet: bytes) -> bytes:
        return packet.partition(COPY)[0]

    def recover(self, packet: bytes, count: int) -> bytes:
        return packet.partition(COPY)[2][-2 * count :]

    def reset(self) -> None:
        """Nothing is kept that could ring on."""

    def conceal(self, count: int) -> bytes:
        """Return a sound that is no other: full negative scale."""
        self.concealed += count
        return b"\x00\x80" * count


def packets(sound: bytes) -> list[bytes]:
    """Return `sound` in packets of 20 ms, the last one filled up with silence."""
    size = 2 * PACKET
    return [sound[at : at + size].ljust(size, b"\0") for at in range(0, len(sound), size)]


LOUD = b"\x00\x40" * pcm.BLOCK_SAMPLES  # 10 ms at half of full scale
