"""What a person wants, in each phase."""

from dataclasses import replace

from appliance.core.effects import CapturePhoto, PlayCue, Send, SetMicrophone, SetSpeaker
from appliance.core.model import (
    Capture,
    Cue,
    Dialing,
    Fault,
    HangingUp,
    Idle,
    Live,
    Model,
    Off,
    Outgoing,
    Redial,
    Timer,
    Waiting,
)
from appliance.core.steps import Step, close_call, forget, off, open_call, start
from appliance.core.timers import rotates_soon

OUTBOX_LIMIT = 4  # items; more than that nobody remembers having asked


def dial(model: Model) -> Step:
    """Start a call, or start the next one now."""
    match model.phase:
        case Idle() | Fault():
            return open_call(model)
        case Waiting(resume=resume):
            opened, effects = open_call(model, resume=resume)
            return opened, (start(Timer.GIVE_UP, opened), *effects)
        case HangingUp(call_no, Idle()):
            return replace(model, phase=HangingUp(call_no, Redial())), ()
        case HangingUp(call_no, Waiting(resume=resume)):
            return replace(model, phase=HangingUp(call_no, Redial(resume))), ()
        case _:
            return model, ()


def toggle(model: Model) -> Step:
    """Start a call, or end the one there is."""
    match model.phase:
        case Idle() | Fault() | HangingUp(_, Idle()):
            return dial(model)
        case _:
            return hang_up(model)


def hang_up(model: Model) -> Step:
    """End the call, and everything that would start another."""
    match model.phase:
        case Dialing(call_no):
            return close_call(model, call_no, Idle())
        case Live(call_no):
            return close_call(model, call_no, Idle(), Cue.ENDED)
        case HangingUp(_, Off()):
            return model, ()
        case HangingUp(call_no, _):
            return replace(forget(model), phase=HangingUp(call_no, Idle())), ()
        case _:
            return replace(forget(model), phase=Idle()), ()


def toggle_mute(model: Model) -> Step:
    """Mute or unmute; kept from call to call. Nothing is heard before the call is up."""
    model = replace(model, muted=not model.muted)
    deaf = model.muted or not isinstance(model.phase, Live)
    return model, (SetMicrophone(deaf), PlayCue(Cue.MUTED if model.muted else Cue.UNMUTED))


def set_volume(model: Model, percent: int) -> Step:
    """Make the speaker louder or quieter; kept from call to call."""
    percent = min(max(percent, 0), 100)
    return replace(model, volume=percent), (SetSpeaker(percent),)


def tell(model: Model, item: Outgoing) -> Step:
    """Say or show something: in the call, in the next one, or in one started for it."""
    queued = replace(model, outbox=(*model.outbox, item)[-OUTBOX_LIMIT:])
    match model.phase:
        case Live(interrupted=False) as phase:
            # An answer is on its way: an expiring call must not be changed before it begins.
            again = (start(Timer.ROTATE, model),) if rotates_soon(phase) else ()
            return model, (start(Timer.IDLE, model), *again, Send(item))
        case Idle() | Fault() | HangingUp(_, Idle()):
            return dial(queued)
        case HangingUp(_, Off()):
            return model, ()
        case _:
            return queued, ()


def take_photo(model: Model) -> Step:
    """Take a picture; one at a time."""
    if isinstance(model.phase, HangingUp) and isinstance(model.phase.then, Off):
        return model, ()
    wanted = replace(model, capture=Capture.WANTED)
    alive = (start(Timer.IDLE, model),) if isinstance(model.phase, Live) else ()
    return wanted, (*alive, CapturePhoto()) if model.capture is Capture.NONE else alive


def shut_down(model: Model) -> Step:
    """End everything."""
    match model.phase:
        case Dialing(call_no) | Live(call_no):
            return close_call(model, call_no, Off())
        case HangingUp(_, Off()):
            return model, ()
        case HangingUp(call_no, _):
            ending = replace(forget(model), phase=HangingUp(call_no, Off()))
            return ending, (start(Timer.HANGUP, ending),)
        case _:
            return off(model)
