"""What the appliance does next: a pure function of what it is and what happened.

All rules stand in the table of this folder's README; a test walks it through `transition`.
`wishes` and `facts` decide, `timers` knows what must be armed, and here the two meet.
"""

from dataclasses import replace
from typing import assert_never

from appliance.core import facts, safe, wishes
from appliance.core.effects import Effect, StartTimer, StopTimer
from appliance.core.events import (
    BoardChanged,
    CallDown,
    CallUp,
    Dial,
    EchoFailed,
    Event,
    Fact,
    HangUp,
    Intent,
    LeaveSafeMode,
    MediaBack,
    MediaLost,
    PanelChanged,
    PhotoFailed,
    PhotoTaken,
    Say,
    SendFailed,
    SetVolume,
    Shutdown,
    SoundBack,
    SoundLost,
    TakePhoto,
    TimerFired,
    ToggleCall,
    ToggleMute,
    TurnChanged,
)
from appliance.core.model import Model, Off, SafeMode, Text, Timer
from appliance.core.steps import Step, start
from appliance.core.timers import timers_of


def transition(model: Model, event: Event) -> Step:
    """Return the next model and the effects to perform, in order.

    What is not expected, or speaks of another call than the present one, changes nothing. A timer
    that fired is taken as disarmed; whoever keeps the timers drops a firing after its StopTimer.
    """
    if isinstance(model.phase, Off):
        return model, ()
    if isinstance(model.phase, SafeMode):
        after, effects = safe.happen(model, model.phase, event)
    else:
        after, effects = _wish(model, event) if isinstance(event, Intent) else _learn(model, event)
    return after, (*_rearm(model, event, after, effects), *effects)


def _wish(model: Model, intent: Intent) -> Step:
    match intent:
        case Dial():
            return wishes.dial(model)
        case HangUp():
            return wishes.hang_up(model)
        case ToggleCall():
            return wishes.toggle(model)
        case ToggleMute():
            return wishes.toggle_mute(model)
        case SetVolume(percent):
            return wishes.set_volume(model, percent)
        case Say(text):
            return wishes.tell(model, Text(text))
        case TakePhoto():
            return wishes.take_photo(model)
        case LeaveSafeMode():
            return model, ()
        case Shutdown():
            return wishes.shut_down(model)
        case _:
            assert_never(intent)


def _learn(model: Model, fact: Fact) -> Step:
    match fact:
        case CallUp():
            return facts.call_up(model, fact)
        case CallDown():
            return facts.call_down(model, fact)
        case TurnChanged() | MediaLost() | MediaBack():
            return facts.heard(model, fact)
        case SoundLost() | SoundBack():
            return facts.sound_changed(model, fact)
        case SendFailed() | EchoFailed():
            return facts.went_wrong(model, fact)
        case PanelChanged(problem):
            return replace(model, panel=problem), ()
        case BoardChanged(problem):
            return replace(model, board=problem), ()
        case PhotoTaken(photo):
            return facts.photo_taken(model, photo)
        case PhotoFailed(problem):
            return facts.photo_failed(model, problem)
        case TimerFired(timer):
            return facts.timer_fired(model, timer)
        case _:
            assert_never(fact)


def _rearm(model: Model, event: Event, after: Model, effects: tuple[Effect, ...]) -> list[Effect]:
    """Return what leads from the armed timers of `model` to those of `after`."""
    armed = timers_of(model)
    if isinstance(event, TimerFired):
        armed -= {event.timer}
    wanted = timers_of(after)
    restarted = {effect.timer for effect in effects if isinstance(effect, StartTimer)}
    stops = [StopTimer(timer) for timer in Timer if timer in armed - wanted]
    starts = [start(timer, after) for timer in Timer if timer in wanted - armed - restarted]
    return [*stops, *starts]
