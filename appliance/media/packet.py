"""A packet of the far end's voice, as RTP brings it."""

from typing import NamedTuple


class Packet(NamedTuple):
    """What of RTP's header matters to sound (RFC 3550, 5.1), and the Opus payload."""

    sequence: int  # 16 bits
    timestamp: int  # 32 bits; samples at 48 kHz
    payload: bytes
