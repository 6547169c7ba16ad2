"""What the LED shows: a view of the model, never commanded."""

from dataclasses import dataclass
from typing import assert_never

from appliance.core.model import (
    Dialing,
    Fault,
    HangingUp,
    Idle,
    Live,
    Model,
    Off,
    Phase,
    Redial,
    SafeMode,
    Turn,
    Waiting,
)

LONGEST_DIP = 0.1  # s without light that still reads as "lit", so allowed while something records


@dataclass(frozen=True, slots=True)
class Pattern:
    """A repeating light: (lit, seconds) steps; one step of 0 s means for ever.

    `name` is the word the documentation uses for it.
    """

    name: str
    steps: tuple[tuple[bool, float], ...]

    @property
    def never_dark(self) -> bool:
        """Whether it may be shown while microphone or camera record: it dips at most."""
        if not any(lit for lit, _ in self.steps):
            return False
        dark = longest = 0.0
        for lit, seconds in (*self.steps, *self.steps):  # twice: the end meets the beginning
            dark = 0.0 if lit else dark + seconds
            longest = max(longest, dark)
        return longest <= LONGEST_DIP


DARK = Pattern("dark", ((False, 0.0),))
IN_CALL = Pattern("in call", ((True, 0.0),))
SPEAKING = Pattern("speaking", ((True, 0.4), (False, 0.08)))
CONNECTING = Pattern("connecting", ((True, 0.9), (False, 0.1)))
INTERRUPTED = Pattern("interrupted", ((True, 0.23), (False, 0.1)))
MUTED = Pattern("muted", ((True, 1.7), (False, 0.1), (True, 0.1), (False, 0.1)))
MUTED_IDLE = Pattern("muted, no call", ((True, 0.1), (False, 2.9)))
OFFLINE = Pattern("offline", ((True, 0.1), (False, 0.2), (True, 0.1), (False, 4.6)))
NEEDS_YOU = Pattern("needs you", (*(((True, 0.5), (False, 0.5)) * 3), (False, 1.5)))
PHOTO = Pattern("photo", ((False, 0.1), (True, 1.1)))
REFUSED = Pattern("refused", ((False, 0.1), (True, 0.3)) * 3)
RECORDING = Pattern("recording", ((True, 0.0),))

PATTERNS = (
    DARK,
    IN_CALL,
    SPEAKING,
    CONNECTING,
    INTERRUPTED,
    MUTED,
    MUTED_IDLE,
    OFFLINE,
    NEEDS_YOU,
    PHOTO,
    REFUSED,
    RECORDING,
)
"""Every pattern there is. RECORDING is the lamp's own: something records outside a call."""


def pattern_for(model: Model) -> Pattern:
    """Return what the LED shows in this state.

    Highest first: what just happened, muted, no sound card, needs you, interrupted, the call,
    a broken panel, offline, idle.
    Wherever a call is open the pattern is never dark.
    """
    if model.notice is not None:
        return PHOTO if model.notice.problem is None else REFUSED
    if model.muted and not isinstance(model.phase, Off):
        return MUTED if isinstance(model.phase, Dialing | Live | HangingUp) else MUTED_IDLE
    if model.without_sound is not None:
        return INTERRUPTED
    if model.panel is not None and isinstance(model.phase, Idle):
        return NEEDS_YOU
    return _of_phase(model.phase)


def _of_phase(phase: Phase) -> Pattern:
    match phase:
        case Fault() | SafeMode():
            return NEEDS_YOU
        case Waiting() | HangingUp(_, Waiting() | Redial()) | Live(interrupted=True):
            return INTERRUPTED
        case Dialing():
            return INTERRUPTED if phase.problem is not None else CONNECTING
        case Live():
            return SPEAKING if phase.turn is Turn.SPEAKING else IN_CALL
        case HangingUp():
            return IN_CALL
        case Idle(None) | Off():
            return DARK
        case Idle():
            return OFFLINE
        case _:
            assert_never(phase)
