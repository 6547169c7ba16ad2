"""Where an echo canceller sits in the audio line, and those that need no library."""

from typing import Final, Literal, Protocol, TypeAlias

from typing_extensions import override

from appliance.media import pcm

EchoName: TypeAlias = Literal["webrtc", "half-duplex", "system", "none"]

AUDIBLE: Final = 10 ** (-45 / 10)  # mean square at the speaker: below -45 dBFS no room echoes
HANG_BLOCKS: Final = 50  # 500 ms: the way through card and room, and the room's last echo


class EchoCanceller(Protocol):
    """Takes the speaker's sound out of the microphone's; one for each call."""

    name: EchoName

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return `near` without `far`; each is one block (10 ms, mono, s16le, 48 kHz).

        `far` is what goes to the speaker now and is heard later. Called on the audio thread.
        """
        ...

    @property
    def loss_enhancement(self) -> float | None:
        """How much quieter the echo became (ERLE), dB; None if nothing is known. Any thread."""
        ...


class NoEcho(EchoCanceller):
    """For headsets and files; or ("system") for what a card or the sound server cancels."""

    def __init__(self, name: EchoName = "none") -> None:
        self.name = name

    @override
    def process(self, near: bytes, far: bytes) -> bytes:
        return near

    @property
    @override
    def loss_enhancement(self) -> float | None:
        return None


class HalfDuplex(EchoCanceller):
    """Closes the microphone while the speaker sounds: no echo on any machine, and no barge-in."""

    def __init__(self) -> None:
        self.name = "half-duplex"
        self._hang = 0

    @override
    def process(self, near: bytes, far: bytes) -> bytes:
        if pcm.energy(far) > AUDIBLE:
            self._hang = HANG_BLOCKS
        elif self._hang:
            self._hang -= 1
        return pcm.SILENCE if self._hang else near

    @property
    @override
    def loss_enhancement(self) -> float | None:
        return None
