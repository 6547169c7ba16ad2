"""Where an echo canceller sits in the audio line, and those that need no library."""

from typing import Final, Literal, Protocol, TypeAlias

from typing_extensions import override

from appliance.core.model import Problem
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

    # What follows may be asked on any thread.

    @property
    def gain(self) -> float:
        """How loud the next block for the speaker may be, 0 to 1: less while somebody cuts in."""
        return 1.0

    @property
    def steady(self) -> bool:
        """Whether the echo stays where it is; if not, nothing can cancel it."""
        return True

    @property
    def stands_in(self) -> Problem | None:
        """Why it stands in for a canceller that is missing or has failed; None: it does not."""
        return None

    @property
    def loss_enhancement(self) -> float | None:
        """How much quieter the echo became (ERLE), dB; None if nothing is known."""
        return None

    @property
    def delay(self) -> float | None:
        """Seconds from a block for the speaker to its echo; None if nothing is known."""
        return None

    @property
    def drift(self) -> float:
        """By what share the speaker's clock is faster than the microphone's (1e-6: 1 ppm)."""
        return 0.0

    @property
    def double_talk(self) -> float:
        """In what share of the speaker's sound somebody else spoke, 0 to 1."""
        return 0.0


class NoEcho(EchoCanceller):
    """For headsets and files; or ("system") for what a card or the sound server cancels."""

    def __init__(self, name: EchoName = "none") -> None:
        self.name = name

    @override
    def process(self, near: bytes, far: bytes) -> bytes:
        return near


class HalfDuplex(EchoCanceller):
    """Closes the microphone while the speaker sounds: no echo on any machine, and no barge-in."""

    def __init__(self, stands_in: Problem | None = None) -> None:
        """`stands_in`: see EchoCanceller; None: somebody chose it."""
        self.name = "half-duplex"
        self._stands_in = stands_in
        self._hang = 0

    @property
    @override
    def stands_in(self) -> Problem | None:
        return self._stands_in

    @override
    def process(self, near: bytes, far: bytes) -> bytes:
        if pcm.energy(far) > AUDIBLE:
            self._hang = HANG_BLOCKS
        elif self._hang:
            self._hang -= 1
        return pcm.SILENCE if self._hang else near
