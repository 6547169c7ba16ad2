"""What happens in safe mode: nothing but its end; every other wish is refused."""

from dataclasses import replace

from appliance.core.events import (
    Event,
    Intent,
    LeaveSafeMode,
    PanelChanged,
    Shutdown,
    TimerFired,
)
from appliance.core.model import Model, Notice, Problem, SafeMode, Timer
from appliance.core.steps import Step, off, start


def happen(model: Model, phase: SafeMode, event: Event) -> Step:
    """Return the next model and what to do; no call, picture or sound is ever among it."""
    match event:
        case LeaveSafeMode() | Shutdown() | TimerFired(Timer.SAFE):
            return off(model)
        case PanelChanged(problem):
            return replace(model, panel=problem), ()
        case TimerFired(Timer.NOTICE):
            return replace(model, notice=None), ()
        case _ if isinstance(event, Intent):
            refused = replace(model, notice=Notice(_refusal(phase)))
            return refused, (start(Timer.NOTICE, refused),)
        case _:
            return model, ()


def _refusal(phase: SafeMode) -> Problem:
    cure = "`voice-appliance status` says why, and what to do."
    return Problem(phase.problem.kind, "Nothing is done in safe mode.", cure)
