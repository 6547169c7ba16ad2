"""Where an echo canceller sits in the audio line."""

from typing import Protocol

from typing_extensions import override


class EchoCanceller(Protocol):
    """Takes the speaker's sound out of the microphone's."""

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return `near` without `far`; each is one block (10 ms, mono, s16le, 48 kHz).

        `far` is what goes to the speaker now and is heard later. Called on the audio thread.
        """
        ...


class NoEcho(EchoCanceller):
    """For headsets, files, and sound cards that cancel echo themselves."""

    @override
    def process(self, near: bytes, far: bytes) -> bytes:
        return near
