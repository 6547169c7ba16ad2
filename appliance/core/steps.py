"""What the rules are made of: open a call, close it, forget, end."""

from dataclasses import replace
from typing import TypeAlias

from appliance.core.effects import (
    CloseCall,
    Effect,
    Exit,
    OpenCall,
    PlayCue,
    StartTimer,
)
from appliance.core.model import (
    Capture,
    Cue,
    Dialing,
    HangingUp,
    Idle,
    Model,
    Off,
    Problem,
    Redial,
    Timer,
    Waiting,
)
from appliance.core.timers import jitter, seconds

Step: TypeAlias = tuple[Model, tuple[Effect, ...]]


def open_call(
    model: Model, attempt: int = 0, problem: Problem | None = None, *, resume: bool = False
) -> Step:
    """Dial call number `calls_made + 1`; no call may be open."""
    call_no = model.calls_made + 1
    phase = Dialing(call_no, attempt, problem, resume)
    opened = replace(model, phase=phase, calls_made=call_no)
    return opened, (OpenCall(call_no, resume),)


def close_call(
    model: Model, call_no: int, then: Idle | Waiting | Redial | Off, cue: Cue | None = None
) -> Step:
    """Hang up the open call. What waits to be told survives only if another call comes."""
    kept = model if isinstance(then, Waiting | Redial) else forget(model)
    tone = () if cue is None else (PlayCue(cue),)
    return replace(kept, phase=HangingUp(call_no, then)), (*tone, CloseCall(call_no))


def forget(model: Model) -> Model:
    """Drop what nobody waits for any more, so that it cannot start a call later."""
    wanted = model.capture is Capture.WANTED
    return replace(model, outbox=(), capture=Capture.UNWANTED if wanted else model.capture)


def off(model: Model) -> Step:
    """Enter the last phase; no call may be open."""
    return replace(forget(model), phase=Off(), notice=None), (Exit(),)


def start(timer: Timer, model: Model) -> StartTimer:
    """Arm `timer`, or run it anew, for as long as it takes in this state."""
    return StartTimer(timer, seconds(timer, model), jitter(timer))
