"""What the world does, in each phase."""

from dataclasses import replace
from typing import assert_never

from appliance.core.effects import CancelCall, PlayCue, Send, SetMicrophone
from appliance.core.events import (
    CallDown,
    CallUp,
    EchoFailed,
    MediaBack,
    MediaLost,
    SendFailed,
    SoundBack,
    SoundLost,
    TurnChanged,
)
from appliance.core.model import (
    Capture,
    Cue,
    Dialing,
    Fault,
    HangingUp,
    Idle,
    Live,
    Model,
    Notice,
    Off,
    Photo,
    Problem,
    Redial,
    Silence,
    Timer,
    Waiting,
)
from appliance.core.steps import Step, close_call, forget, off, open_call, start
from appliance.core.timers import GIVE_UP_TIMEOUT
from appliance.core.wishes import tell

ATTEMPT_LIMIT = 8  # redials without one call that held; only a flapping network gets that far

NO_ANSWER = Problem(
    "timeout", "The service did not answer in time.", "Check the network, then call again."
)
CONNECTION_LOST = Problem("network", "The connection was lost.", "Press the button to call again.")


def call_up(model: Model, event: CallUp) -> Step:
    """The call stands: say what waited for it."""
    match model.phase:
        case Dialing(call_no, attempt, problem) if call_no == event.call_no:
            live = Live(call_no, attempt=attempt, problem=problem)
            return replace(model, phase=live, outbox=()), (
                SetMicrophone(model.muted),
                PlayCue(Cue.CONNECTED),
                *(Send(item) for item in model.outbox),
            )
        case _:
            return model, ()


def call_down(model: Model, event: CallDown) -> Step:
    """The call holds nothing any more: go where that leads."""
    problem = event.problem
    match model.phase:
        case HangingUp(call_no, then) if call_no == event.call_no:
            return _released(model, then, problem)
        case Dialing(call_no) | Live(call_no) if call_no == event.call_no:
            if problem is None:
                return _settle(model, Idle())
            if not problem.retryable:
                return _settle(model, Fault(problem))
            return _settle(model, _again(model.phase, problem))
        case _:
            return model, ()


def heard(model: Model, event: TurnChanged | MediaLost | MediaBack) -> Step:
    """Something changed in the live call."""
    phase = model.phase
    if not isinstance(phase, Live) or phase.call_no != event.call_no:
        return model, ()
    match event:
        case TurnChanged(_, turn):
            changed = replace(model, phase=replace(phase, turn=turn))
            return changed, (start(Timer.IDLE, changed),)
        case MediaLost():
            return replace(model, phase=replace(phase, interrupted=True)), ()
        case MediaBack():
            back = replace(model, phase=replace(phase, interrupted=False), outbox=())
            return back, tuple(Send(item) for item in model.outbox)
        case _:
            assert_never(event)


def sound_changed(model: Model, event: SoundLost | SoundBack) -> Step:
    """The call has lost its sound card, or has one again; it goes on meanwhile."""
    match model.phase, event:
        case ((Dialing(call_no) | Live(call_no)), SoundLost(of, problem)) if of == call_no:
            return replace(model, silence=Silence(call_no, problem)), ()
        case ((Dialing(call_no) | Live(call_no)), SoundBack(of)) if of == call_no:
            return replace(model, silence=None), (PlayCue(Cue.CONNECTED),)
        case _:
            return model, ()


def went_wrong(model: Model, event: SendFailed | EchoFailed) -> Step:
    """Let the person know, whatever became of the call meanwhile."""
    if event.call_no != model.calls_made:
        return model, ()
    failed = replace(model, notice=Notice(event.problem))
    return failed, (start(Timer.NOTICE, failed), PlayCue(Cue.FAILED))


def photo_taken(model: Model, photo: Photo) -> Step:
    """Show the picture to the model, unless its person has hung up since."""
    taken = _noticed(model, Notice())
    effects = (start(Timer.NOTICE, taken), PlayCue(Cue.SHUTTER))
    if model.capture is Capture.UNWANTED:
        return taken, effects
    told, sends = tell(taken, photo)
    return told, (*sends, *effects)


def photo_failed(model: Model, problem: Problem) -> Step:
    """Let the person know."""
    failed = _noticed(model, Notice(problem))
    return failed, (start(Timer.NOTICE, failed), PlayCue(Cue.FAILED))


def timer_fired(model: Model, timer: Timer) -> Step:
    """Do what the timer was armed for."""
    match timer, model.phase:
        case Timer.DIAL, Dialing() as phase:
            return _drop(model, phase, NO_ANSWER)
        case Timer.LOST, Live(interrupted=True) as phase:
            return _drop(model, phase, CONNECTION_LOST)
        case Timer.RETRY, Waiting(attempt, problem, resume):
            return open_call(model, attempt, problem, resume=resume)
        case Timer.HANGUP, HangingUp(call_no):
            return model, (CancelCall(call_no),)
        case Timer.GIVE_UP, _:
            return _give_up(model)
        case Timer.NOTICE, _:
            return replace(model, notice=None), ()
        case _, Live() as phase:
            return _live_timer(model, phase, timer)
        case _:
            return model, ()


def _live_timer(model: Model, phase: Live, timer: Timer) -> Step:
    match timer:
        case Timer.IDLE:
            return close_call(model, phase.call_no, Idle(), Cue.ENDED)
        case Timer.ROTATE if not phase.expiring:
            return replace(model, phase=replace(phase, expiring=True)), ()
        case Timer.ROTATE | Timer.LIMIT:  # an expiring call's ROTATE only runs while it is quiet
            return close_call(model, phase.call_no, Redial(resume=True))
        case Timer.STEADY:
            return replace(model, phase=replace(phase, attempt=0, problem=None)), ()
        case _:
            return model, ()


def _again(phase: Dialing | Live, problem: Problem) -> Idle | Waiting:
    """Return whether another call follows one that went down with a retryable `problem`."""
    redialled = phase.problem is not None and phase.problem.kind == "closed"
    if (
        (problem.kind == "closed" and redialled)  # a service that hangs up is called back once
        or phase.attempt >= ATTEMPT_LIMIT
        or (problem.retry_after or 0.0) > GIVE_UP_TIMEOUT
    ):
        return Idle(problem)
    resume = phase.resume if isinstance(phase, Dialing) else True
    return Waiting(phase.attempt + 1, problem, resume)


def _drop(model: Model, phase: Dialing | Live, problem: Problem) -> Step:
    then = _again(phase, problem)
    return close_call(model, phase.call_no, then, Cue.FAILED if isinstance(then, Idle) else None)


def _settle(model: Model, phase: Idle | Waiting | Fault) -> Step:
    kept = model if isinstance(phase, Waiting) else forget(model)
    return replace(kept, phase=phase), ()


def _released(model: Model, then: Idle | Waiting | Redial | Off, problem: Problem | None) -> Step:
    match then:
        case Redial(resume):
            return open_call(model, resume=resume)
        case Off():
            return off(model)
        case Waiting() if problem is not None and not problem.retryable:
            return _settle(model, Fault(problem))
        case Idle() | Waiting():
            return _settle(model, then)
        case _:
            assert_never(then)


def _give_up(model: Model) -> Step:
    match model.phase:
        case Waiting(_, problem):
            return _settle(model, Idle(problem))
        case Dialing(call_no, _, problem):
            return close_call(model, call_no, Idle(problem or NO_ANSWER), Cue.FAILED)
        case Live(call_no, interrupted=True):
            return close_call(model, call_no, Idle(CONNECTION_LOST), Cue.FAILED)
        case HangingUp(call_no, Waiting(_, problem)):
            return replace(forget(model), phase=HangingUp(call_no, Idle(problem))), ()
        case _:
            return model, ()


def _noticed(model: Model, notice: Notice) -> Model:
    return replace(model, capture=Capture.NONE, notice=notice)
