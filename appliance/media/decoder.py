"""What a receiver needs of a codec."""

from typing import Protocol


class Decoder(Protocol):
    """Decodes one Opus stream to mono, s16le, 48 kHz. Never raises for what a packet holds."""

    def duration(self, packet: bytes) -> int:
        """Return how many samples the packet holds; 0 if it is none."""
        ...

    def has_copy(self, packet: bytes) -> bool:
        """Whether the packet also holds a copy of the one before (in-band error correction)."""
        ...

    def decode(self, packet: bytes) -> bytes:
        """Return the packet's sound."""
        ...

    def recover(self, packet: bytes, count: int) -> bytes:
        """Return the last `count` samples before this packet, from the copy in it."""
        ...

    def conceal(self, count: int) -> bytes:
        """Return `count` samples that go on from the last ones; a multiple of 120 (2.5 ms)."""
        ...

    def reset(self) -> None:
        """Forget the sound so far: nothing of it rings on in what is decoded next."""
        ...
