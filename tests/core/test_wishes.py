"""What the table cannot show of wishes: what is kept, what is dropped, in which order."""

from dataclasses import replace

import pytest

from appliance.core.effects import (
    CancelCall,
    CapturePhoto,
    OpenCall,
    PlayCue,
    Send,
    SetMicrophone,
    SetSpeaker,
    StartTimer,
    StopTimer,
)
from appliance.core.events import (
    CallDown,
    CallUp,
    Dial,
    HangUp,
    MediaBack,
    MediaLost,
    PhotoFailed,
    PhotoTaken,
    Say,
    SetVolume,
    Shutdown,
    TakePhoto,
    ToggleCall,
    ToggleMute,
)
from appliance.core.machine import transition
from appliance.core.model import (
    Capture,
    Cue,
    Dialing,
    HangingUp,
    Idle,
    Model,
    Notice,
    Off,
    Photo,
    Redial,
    Text,
    Timer,
)
from tests.core.examples import CAMERA, LIVE, NETWORK, after, delay, fired, model_in


@pytest.mark.parametrize(("wanted", "given"), [(40, 40), (-5, 0), (180, 100)])
@pytest.mark.parametrize("phase", ["Idle", "Dialing", "Live"])
def test_volume_is_kept_from_call_to_call_within_its_range(
    phase: str, wanted: int, given: int
) -> None:
    model, effects = after(model_in(phase), SetVolume(wanted))
    assert (model.volume, effects) == (given, [SetSpeaker(given)])
    assert after(model, HangUp())[0].volume == given


def test_call_that_does_not_end_is_cancelled_again_and_again() -> None:
    model, effects = after(LIVE, HangUp(), fired(Timer.HANGUP))
    for _ in range(3):
        assert [StartTimer(Timer.HANGUP, 3.0), CancelCall(1)] == effects
        model, effects = after(model, fired(Timer.HANGUP))


def test_shutdown_waits_for_a_call_one_second() -> None:
    assert delay(after(LIVE, Shutdown())[1], Timer.HANGUP) == 1.0
    assert delay(after(LIVE, HangUp(), Shutdown())[1], Timer.HANGUP) == 1.0


def test_hanging_up_while_interrupted_ends_the_call_for_good() -> None:
    model, effects = after(LIVE, MediaLost(1), Say("wait"), ToggleCall())
    assert model.phase == HangingUp(1, Idle())
    assert model.outbox == ()
    assert {StopTimer(Timer.LOST), StopTimer(Timer.GIVE_UP)} <= set(effects)
    assert after(model, CallDown(1, NETWORK))[0].phase == Idle()


def test_call_button_while_hanging_up_calls_again_without_the_old_conversation() -> None:
    model, effects = after(LIVE, ToggleCall(), ToggleCall(), CallDown(1))
    assert model.phase == Dialing(2)
    assert OpenCall(2) in effects


@pytest.mark.parametrize(("presses", "then"), [(100, Idle()), (101, Redial())])
def test_mashing_the_call_button_opens_one_call(presses: int, then: Redial | Idle) -> None:
    model = Model()
    for _ in range(presses):
        model, _ = transition(model, ToggleCall())
    assert (1, HangingUp(1, then)) == (model.calls_made, model.phase)


def test_outbox_keeps_the_last_four_and_sends_them_in_order() -> None:
    said = [Say(str(number)) for number in range(6)]
    _model, effects = after(Model(), *said, CallUp(1))
    assert [Send(Text(str(number))) for number in (2, 3, 4, 5)] == [
        effect for effect in effects if isinstance(effect, Send)
    ]


def test_what_is_said_while_interrupted_is_sent_when_the_call_is_back() -> None:
    model, effects = after(LIVE, MediaLost(1), Say("hello"))
    assert effects == []
    assert Send(Text("hello")) in after(model, MediaBack(1))[1]


def test_one_picture_at_a_time() -> None:
    model, effects = after(LIVE, TakePhoto())
    assert CapturePhoto() in effects
    assert CapturePhoto() not in after(model, TakePhoto())[1]
    model, _ = after(model, PhotoTaken(Photo("p")))
    assert CapturePhoto() in after(model, TakePhoto())[1]


def test_picture_is_sent_before_the_shutter_is_heard() -> None:
    model, effects = after(LIVE, TakePhoto(), PhotoTaken(Photo("p")))
    assert effects.index(Send(Photo("p"))) < effects.index(PlayCue(Cue.SHUTTER))
    assert model.notice == Notice()


def test_picture_that_comes_after_hanging_up_starts_no_call() -> None:
    model, effects = after(LIVE, TakePhoto(), HangUp(), CallDown(1), PhotoTaken(Photo("p")))
    assert model.phase == Idle()
    assert OpenCall(2) not in effects
    assert model.capture is Capture.NONE


def test_picture_asked_for_again_after_hanging_up_starts_a_call() -> None:
    model, effects = after(LIVE, TakePhoto(), HangUp(), CallDown(1), TakePhoto())
    assert effects == [], "the camera is at work already"
    model, effects = after(model, PhotoTaken(Photo("p")))
    assert OpenCall(2) in effects
    assert model.outbox == (Photo("p"),)


def test_no_picture_is_taken_during_shutdown() -> None:
    assert after(LIVE, Shutdown(), TakePhoto())[1] == []


def test_failed_picture_is_shown_for_a_moment() -> None:
    model, effects = after(LIVE, TakePhoto(), PhotoFailed(CAMERA))
    assert model.notice == Notice(CAMERA)
    assert [StartTimer(Timer.NOTICE, 1.2), PlayCue(Cue.FAILED)] == effects
    assert after(model, fired(Timer.NOTICE))[0] == LIVE


def test_second_notice_has_its_full_time() -> None:
    _model, effects = after(LIVE, PhotoFailed(CAMERA), PhotoTaken(Photo("p")))
    assert delay(effects, Timer.NOTICE) == 1.2


def test_nothing_said_during_shutdown_is_kept() -> None:
    model, effects = after(LIVE, Shutdown(), Say("wait"))
    assert (replace(LIVE, phase=HangingUp(1, Off())), []) == (model, effects)


def test_muted_is_kept_from_call_to_call() -> None:
    model, effects = after(LIVE, ToggleMute())
    assert [SetMicrophone(muted=True), PlayCue(Cue.MUTED)] == effects
    model, effects = after(model, HangUp(), CallDown(1), Dial(), CallUp(2))
    assert SetMicrophone(muted=True) in effects
    assert [SetMicrophone(muted=False), PlayCue(Cue.UNMUTED)] == after(model, ToggleMute())[1]
