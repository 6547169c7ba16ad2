"""Which timers are armed, and for how long: a view of the model, as the LED is."""

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
    SafeMode,
    Timer,
    Turn,
    Waiting,
)

DIAL_TIMEOUT = 15.0  # s; caps loading (8), signalling (10), ICE and DTLS (10), channel, session (5)
HANGUP_TIMEOUT = 3.0  # s for a call to let go of everything; then it is cancelled, again and again
SHUTDOWN_TIMEOUT = 1.0  # s, the same when the process ends: all of it has 2 s
LOST_TIMEOUT = 12.0  # s more of hearing nothing, after three, and the call will not come back
GIVE_UP_TIMEOUT = 60.0  # s from press or loss; nobody may find an open microphone later than that
STEADY_TIME = 30.0  # s a new call has to hold before the losses ahead of it are forgotten
STUCK_TURN_TIMEOUT = 600.0  # s in one turn; the longest answer a session allows takes about half
ROTATE_TIME = 50 * 60.0  # s; the service ends a session after 60 min (OpenAI Realtime guide, 2026)
QUIET_TIME = 2.0  # s in which nobody speaks, enough to change calls unnoticed
LIMIT_TIME = 58 * 60.0  # s; leaves two minutes to set up the next call
NOTICE_TIME = 1.2  # s, one round of its light
SAFE_TIME = 60 * 60.0  # s; whatever kept it from starting may have passed, and nobody be there
RETRY_DELAYS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # s, the last one repeats
RETRY_JITTER = 0.3  # share: many appliances lose one service at the same moment


def timers_of(model: Model) -> frozenset[Timer]:
    """Return the timers that are armed in this state: exactly these."""
    notice = {Timer.NOTICE} if model.notice is not None else frozenset()
    return _of_phase(model.phase).union(notice)


def seconds(timer: Timer, model: Model) -> float:
    """Return how long `timer` runs when it is armed in this state. Jitter comes on top."""
    match timer:
        case Timer.DIAL:
            return DIAL_TIMEOUT
        case Timer.HANGUP:
            return SHUTDOWN_TIMEOUT if _ends(model.phase) else HANGUP_TIMEOUT
        case Timer.RETRY:
            return _retry_delay(model.phase)
        case Timer.IDLE:
            return _idle_timeout(model)
        case Timer.LOST:
            return LOST_TIMEOUT
        case Timer.GIVE_UP:
            return GIVE_UP_TIMEOUT
        case Timer.ROTATE:
            return QUIET_TIME if _expires(model.phase) else ROTATE_TIME
        case Timer.LIMIT:
            return LIMIT_TIME
        case Timer.STEADY:
            return STEADY_TIME
        case Timer.NOTICE:
            return NOTICE_TIME
        case Timer.SAFE:
            return SAFE_TIME
        case _:
            assert_never(timer)


def jitter(timer: Timer) -> float:
    """Return the random share to be added to a timer's seconds."""
    return RETRY_JITTER if timer is Timer.RETRY else 0.0


def rotates_soon(phase: Live) -> bool:
    """Return whether a new call takes over as soon as it has been quiet for QUIET_TIME."""
    return phase.expiring and phase.turn is Turn.LISTENING


def _of_phase(phase: Phase) -> frozenset[Timer]:
    match phase:
        case Idle() | Fault() | Off():
            return frozenset()
        case SafeMode():
            return frozenset({Timer.SAFE})
        case Dialing():
            return frozenset({Timer.DIAL, Timer.GIVE_UP})
        case Waiting():
            return frozenset({Timer.RETRY, Timer.GIVE_UP})
        case HangingUp(_, Waiting()):
            return frozenset({Timer.HANGUP, Timer.GIVE_UP})
        case HangingUp():
            return frozenset({Timer.HANGUP})
        case Live():
            return _of_live(phase)
        case _:
            assert_never(phase)


def _of_live(phase: Live) -> frozenset[Timer]:
    armed = {Timer.IDLE, Timer.LIMIT}
    if not phase.expiring or rotates_soon(phase):
        armed.add(Timer.ROTATE)
    if phase.interrupted:
        armed |= {Timer.LOST, Timer.GIVE_UP}
    elif phase.attempt:
        armed.add(Timer.STEADY)
    return frozenset(armed)


def _ends(phase: Phase) -> bool:
    return isinstance(phase, HangingUp) and isinstance(phase.then, Off)


def _expires(phase: Phase) -> bool:
    return isinstance(phase, Live) and phase.expiring


def _retry_delay(phase: Phase) -> float:
    if not isinstance(phase, Waiting):
        return RETRY_DELAYS[0]
    backoff = RETRY_DELAYS[min(phase.attempt, len(RETRY_DELAYS)) - 1]
    return max(backoff, phase.problem.retry_after or 0.0)


def _idle_timeout(model: Model) -> float:
    listening = isinstance(model.phase, Live) and model.phase.turn is Turn.LISTENING
    return model.idle_timeout if listening else max(model.idle_timeout, STUCK_TURN_TIMEOUT)
