"""What goes out: the machine's orders to the supervisor."""

from dataclasses import dataclass
from typing import TypeAlias

from appliance.core.model import Cue, Outgoing, Timer


@dataclass(frozen=True, slots=True)
class OpenCall:
    """Start call `call_no`. `resume`: give it the conversation so far."""

    call_no: int
    resume: bool = False


@dataclass(frozen=True, slots=True)
class CloseCall:
    """Ask call `call_no` to end."""

    call_no: int


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Cut call `call_no`: it did not end when asked."""

    call_no: int


@dataclass(frozen=True, slots=True)
class Send:
    """Give the live call something to say or show."""

    item: Outgoing


@dataclass(frozen=True, slots=True)
class SetMicrophone:
    """Let the service hear the person, or silence. A new call sends silence until the first."""

    muted: bool


@dataclass(frozen=True, slots=True)
class SetSpeaker:
    """Make the speaker as loud as this, 0 to 100 %. A new call begins as the model says."""

    percent: int


@dataclass(frozen=True, slots=True)
class CapturePhoto:
    """Take a picture; answered by PhotoTaken or PhotoFailed."""


@dataclass(frozen=True, slots=True)
class PlayCue:
    """Play a tone in the open call; nothing without one."""

    cue: Cue


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Arm a timer, replacing the one of that name. `jitter`: random share added, 0..1."""

    timer: Timer
    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Disarm a timer; a firing under way is dropped."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Exit:
    """End the process. Comes exactly once, last."""


Effect: TypeAlias = (
    OpenCall
    | CloseCall
    | CancelCall
    | Send
    | SetMicrophone
    | SetSpeaker
    | CapturePhoto
    | PlayCue
    | StartTimer
    | StopTimer
    | Exit
)
