"""What the voice needs of a speech engine, and what an engine tells when it cannot speak."""

from dataclasses import dataclass
from typing import Protocol

from appliance.errors import ApplianceError


class VoiceError(ApplianceError, RuntimeError):
    """Nothing can be spoken: the extra is not installed, or the engine failed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A word begins: `position` counts characters of the text, `at_ms` its sound."""

    position: int
    at_ms: int


class Engine(Protocol):
    """Makes sound of one sentence. Several threads may call; they wait for each other."""

    @property
    def rate_hz(self) -> int:
        """Samples per second of what `speak` returns."""
        ...

    def speak(self, text: str) -> tuple[bytes, tuple[Mark, ...]]:
        """Mono s16le, and where words begin in it. Blocks.

        Raises:
            VoiceError: the engine refuses the text.
        """
        ...
