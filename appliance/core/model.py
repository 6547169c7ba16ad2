"""What the appliance is at any moment: one immutable value."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

ProblemKind: TypeAlias = Literal[
    "network",  # no way to the service, or the way was lost
    "timeout",  # a phase took too long
    "service",  # the service is busy or failed
    "closed",  # the service ended the call without being asked
    "auth",  # the key is missing or refused
    "quota",  # the account has no quota left
    "device",  # microphone, speaker, camera, buttons or LED
    "power",  # the board has too little voltage, or is too hot
    "rejected",  # the service refuses our request: a wrong setting
    "bug",  # ours
]

RETRYABLE: frozenset[ProblemKind] = frozenset({"network", "timeout", "service", "closed"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure as data. `cause` and `cure`: sentences for a person, without secrets or speech.

    `retry_after`: seconds the service asked us to wait.
    """

    kind: ProblemKind
    cause: str
    cure: str = ""
    retry_after: float | None = None

    @property
    def retryable(self) -> bool:
        """Whether trying again without a person's help can succeed."""
        return self.kind in RETRYABLE


class Turn(Enum):
    """Whose turn it is in a live call."""

    LISTENING = "listening"
    USER_SPEAKING = "user speaking"
    THINKING = "thinking"
    SPEAKING = "speaking"


class Timer(Enum):
    """The deadlines the machine can arm; each exists at most once."""

    DIAL = "dial"
    HANGUP = "hangup"
    RETRY = "retry"
    IDLE = "idle"
    LOST = "lost"
    GIVE_UP = "give up"
    ROTATE = "rotate"
    LIMIT = "limit"
    STEADY = "steady"
    NOTICE = "notice"
    SAFE = "safe"


class Cue(Enum):
    """A tone the person hears."""

    CONNECTED = "connected"
    ENDED = "ended"
    FAILED = "failed"
    SHUTTER = "shutter"
    MUTED = "muted"
    UNMUTED = "unmuted"


@dataclass(frozen=True, slots=True)
class Text:
    """A typed message to the model."""

    text: str


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture in the album, by name, to be shown to the model."""

    name: str


Outgoing: TypeAlias = Text | Photo


@dataclass(frozen=True, slots=True)
class Idle:
    """No call. `reason`: why the last one was given up, if it was."""

    reason: Problem | None = None


@dataclass(frozen=True, slots=True)
class Dialing:
    """Call `call_no` is being set up.

    `attempt`: how many calls were lost or failed before it, since one held.
    `problem`: what happened to the last of them. `resume`: carry its conversation on.
    """

    call_no: int
    attempt: int = 0
    problem: Problem | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """Call `call_no` is up.

    `interrupted`: nothing is heard from the service at the moment. `expiring`: a new call takes
    over at the next quiet moment. `attempt`, `problem`: as in Dialing, until the call has held.
    """

    call_no: int
    turn: Turn = Turn.LISTENING
    interrupted: bool = False
    expiring: bool = False
    attempt: int = 0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The call is lost or could not be made; the next one comes by timer. Fields as in Dialing."""

    attempt: int
    problem: Problem
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A person is needed before the next call can work."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class SafeMode:
    """The appliance failed to start again and again, and begins nothing; `problem` says why."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Off:
    """The daemon is about to exit."""


@dataclass(frozen=True, slots=True)
class Redial:
    """Not a phase: after hanging up, dial again at once. `resume` as in Dialing."""

    resume: bool = False


@dataclass(frozen=True, slots=True)
class HangingUp:
    """Call `call_no` is being released; `then` is where that leads."""

    call_no: int
    then: Idle | Waiting | Redial | Off


Phase: TypeAlias = Idle | Dialing | Live | Waiting | HangingUp | Fault | SafeMode | Off


class Capture(Enum):
    """Whether the camera is taking a picture, and whether its person still wants it shown."""

    NONE = "none"
    WANTED = "wanted"
    UNWANTED = "unwanted"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to show for a moment: a photo was taken, or (`problem`) a wish was refused."""

    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Call `call_no` has no sound card, because of `problem`; it may come back."""

    call_no: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Model:
    """Everything the appliance decides by.

    `volume`: of the speaker, 0 to 100 %. `calls_made`: the number of the last call. `outbox`: what
    the next call is to be told, oldest first. `silence`: the last time a sound card went.
    `panel`: what is wrong with buttons or LED; all else works meanwhile.
    `board`: what is wrong with power or heat; all is slower meanwhile.
    `idle_timeout`: seconds of silence that end a call, a setting.
    """

    phase: Phase = Idle()
    muted: bool = False
    volume: int = 100
    calls_made: int = 0
    outbox: tuple[Outgoing, ...] = ()
    capture: Capture = Capture.NONE
    notice: Notice | None = None
    silence: Silence | None = None
    panel: Problem | None = None
    board: Problem | None = None
    idle_timeout: float = 120.0

    @property
    def without_sound(self) -> Problem | None:
        """Why the call there is has no sound card, if it has none."""
        match self.phase, self.silence:
            case ((Dialing(call_no) | Live(call_no)), Silence(of, problem)) if of == call_no:
                return problem
            case _:
                return None
