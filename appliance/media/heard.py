"""The figures of what was heard of the far end."""

from dataclasses import dataclass


@dataclass(slots=True)
class Heard:
    """What became of the far-end sound. Packets, except where seconds are said."""

    received: int = 0
    lost: int = 0
    late: int = 0
    recovered: int = 0
    underruns: int = 0
    concealed: float = 0.0  # s made up by the decoder
    missing: float = 0.0  # s of silence in place of sound
    stretched: float = 0.0  # s cut out or put in to change the delay
    delay: float = 0.0  # s between the fastest packet's arrival and the speaker, now
    target: float = 0.0  # s, what it should be
    jitter: float = 0.0  # s
    dropped: float = 0.0  # s given up because a stall had piled them up
