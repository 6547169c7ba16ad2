"""What comes in: wishes of a person and facts of the world."""

from dataclasses import dataclass
from typing import TypeAlias

from appliance.core.model import Photo, Problem, Timer, Turn

# Intents: what a person wants.


@dataclass(frozen=True, slots=True)
class Dial:
    """Start a call."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class ToggleCall:
    """The call button: start a call, or end the one there is."""


@dataclass(frozen=True, slots=True)
class ToggleMute:
    """Mute or unmute the microphone."""


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Make the speaker as loud as this: 0 to 100 %."""

    percent: int


@dataclass(frozen=True, slots=True)
class Say:
    """Send a typed message."""

    text: str


@dataclass(frozen=True, slots=True)
class TakePhoto:
    """Take a picture and have it described."""


@dataclass(frozen=True, slots=True)
class LeaveSafeMode:
    """End safe mode: the process ends, and the service manager starts it anew."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End everything and exit."""


# Facts: what happened. Those of a call carry its number; stale ones change nothing.


@dataclass(frozen=True, slots=True)
class CallUp:
    """The peer is connected and the session has answered."""

    call_no: int


@dataclass(frozen=True, slots=True)
class CallDown:
    """Call `call_no` holds nothing any more. Comes exactly once for each call."""

    call_no: int
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class TurnChanged:
    """Whose turn it is changed."""

    call_no: int
    turn: Turn


@dataclass(frozen=True, slots=True)
class MediaLost:
    """Nothing has been heard from the service for a while (RTP, RTCP, data channel, sideband)."""

    call_no: int


@dataclass(frozen=True, slots=True)
class MediaBack:
    """The service is heard again on the same call."""

    call_no: int


@dataclass(frozen=True, slots=True)
class SendFailed:
    """What was said or shown in the call did not reach the service, or gets no answer from it."""

    call_no: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class EchoFailed:
    """The call takes its own sound for a person's, or closes the microphone not to."""

    call_no: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class SoundLost:
    """The sound card has gone; it is looked for."""

    call_no: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class SoundBack:
    """There is a sound card again, in the same call."""

    call_no: int


@dataclass(frozen=True, slots=True)
class PhotoTaken:
    """A picture is in the album."""

    photo: Photo


@dataclass(frozen=True, slots=True)
class PhotoFailed:
    """The camera did not deliver."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class PanelChanged:
    """What is wrong with buttons and LED, or None: all is well."""

    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class BoardChanged:
    """What is wrong with power or heat of the board, or None: all is well, or not known."""

    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """An armed timer ran out."""

    timer: Timer


Intent: TypeAlias = (
    Dial | HangUp | ToggleCall | ToggleMute | SetVolume | Say | TakePhoto | LeaveSafeMode | Shutdown
)
Fact: TypeAlias = (
    CallUp
    | CallDown
    | TurnChanged
    | MediaLost
    | SoundLost
    | SoundBack
    | MediaBack
    | SendFailed
    | EchoFailed
    | PhotoTaken
    | PhotoFailed
    | PanelChanged
    | BoardChanged
    | TimerFired
)
Event: TypeAlias = Intent | Fact
