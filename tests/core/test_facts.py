"""What the table cannot show of losses, silence and age: how often, how long, in which order."""

from dataclasses import replace

import pytest

from appliance.core.effects import (
    CloseCall,
    OpenCall,
    PlayCue,
    Send,
    SetMicrophone,
    StartTimer,
    StopTimer,
)
from appliance.core.events import (
    BoardChanged,
    CallDown,
    CallUp,
    Dial,
    EchoFailed,
    Event,
    HangUp,
    MediaBack,
    MediaLost,
    PanelChanged,
    Say,
    SendFailed,
    SoundBack,
    SoundLost,
    TakePhoto,
    ToggleCall,
    ToggleMute,
    TurnChanged,
)
from appliance.core.lights import REFUSED, pattern_for
from appliance.core.model import (
    Cue,
    Dialing,
    Fault,
    HangingUp,
    Idle,
    Live,
    Model,
    Notice,
    Problem,
    Redial,
    Text,
    Timer,
    Turn,
    Waiting,
)
from tests.core.examples import (
    AUTH,
    CARD,
    CLOSED,
    LIVE,
    NETWORK,
    STUCK,
    WEAK,
    after,
    delay,
    fired,
)


def test_first_press_opens_the_call() -> None:
    model, effects = after(Model(), ToggleCall())
    assert Model(Dialing(1), calls_made=1) == model
    assert [
        StartTimer(Timer.DIAL, 15.0),
        StartTimer(Timer.GIVE_UP, 60.0),
        OpenCall(1),
    ] == effects


def test_service_hears_nobody_before_the_call_is_up() -> None:
    model, effects = after(Model(muted=True), ToggleCall(), ToggleMute())
    assert SetMicrophone(muted=False) not in effects
    assert SetMicrophone(muted=False) in after(model, CallUp(1))[1]
    assert SetMicrophone(muted=False) not in after(model, HangUp(), ToggleMute(), ToggleMute())[1]


def test_sound_card_that_goes_is_told_and_comes_back_in_the_same_call() -> None:
    gone, _ = after(LIVE, SoundLost(1, CARD))
    back, effects = after(gone, SoundBack(1))
    assert gone.phase == LIVE.phase
    assert gone.without_sound == CARD
    assert back == LIVE
    assert PlayCue(Cue.CONNECTED) in effects


def test_broken_panel_is_known_until_it_is_mended_whatever_else_happens() -> None:
    broken, effects = after(LIVE, PanelChanged(STUCK), HangUp(), CallDown(1), ToggleCall())
    mended, _ = after(broken, PanelChanged())
    assert broken.panel == STUCK
    assert OpenCall(2) in effects
    assert mended == replace(broken, panel=None)


def test_weak_supply_is_known_until_it_is_mended_and_changes_nothing_else() -> None:
    weak, effects = after(LIVE, BoardChanged(WEAK))
    assert (weak, effects) == (replace(LIVE, board=WEAK), [])
    assert after(weak, BoardChanged())[0] == LIVE


def test_next_call_has_a_sound_card_of_its_own() -> None:
    gone, _ = after(LIVE, SoundLost(1, CARD), HangUp(), CallDown(1))
    again, _ = after(gone, ToggleCall())
    assert gone.without_sound is None
    assert again.without_sound is None


def test_lost_call_comes_back_as_the_same_call_within_twelve_seconds() -> None:
    model, effects = after(LIVE, MediaLost(1))
    assert model.phase == Live(1, interrupted=True)
    assert [StartTimer(Timer.GIVE_UP, 60.0), StartTimer(Timer.LOST, 12.0)] == sorted(
        effects, key=str
    )
    model, effects = after(model, MediaBack(1))
    assert model == LIVE
    assert {StopTimer(Timer.LOST), StopTimer(Timer.GIVE_UP)} == set(effects)


@pytest.mark.parametrize("fact", [SendFailed, EchoFailed])
def test_what_went_wrong_is_told_whatever_became_of_its_call(
    fact: type[SendFailed | EchoFailed],
) -> None:
    for model in (LIVE, after(LIVE, CallDown(1, NETWORK))[0], after(LIVE, HangUp())[0]):
        told, effects = after(model, fact(1, NETWORK))
        assert told.notice == Notice(NETWORK)
        assert pattern_for(told) is REFUSED
        assert PlayCue(Cue.FAILED) in effects
        assert after(model, fact(0, NETWORK)) == (model, [])


def test_second_report_of_a_loss_does_not_start_the_twelve_seconds_again() -> None:
    _model, effects = after(LIVE, MediaLost(1), MediaLost(1))
    assert effects == []


def test_lost_call_is_redialled_with_its_conversation() -> None:
    model, effects = after(LIVE, MediaLost(1), fired(Timer.LOST))
    assert isinstance(model.phase, HangingUp)
    assert CloseCall(1) in effects
    model, effects = after(model, CallDown(1))
    assert isinstance(model.phase, Waiting)
    assert StartTimer(Timer.RETRY, 0.5, 0.3) in effects
    assert delay(effects, Timer.GIVE_UP) is None, "the minute runs from the loss"
    model, effects = after(model, fired(Timer.RETRY))
    assert OpenCall(2, resume=True) in effects
    assert delay(effects, Timer.GIVE_UP) is None, "the minute runs from the loss"


def test_first_call_that_fails_is_retried_without_a_conversation() -> None:
    model, _effects = after(Model(), Dial(), CallDown(1, NETWORK))
    assert model.phase == Waiting(1, NETWORK)
    assert OpenCall(2) in after(model, fired(Timer.RETRY))[1]


def test_back_off_grows_to_thirty_seconds() -> None:
    model, delays = Model(), []
    model, _ = after(model, Dial())
    for call_no in range(1, 9):
        model, effects = after(model, CallDown(call_no, NETWORK))
        delays.append(delay(effects, Timer.RETRY))
        model, _ = after(model, fired(Timer.RETRY))
    assert delays == [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 30.0, 30.0]


def test_a_network_that_flaps_is_given_up() -> None:
    model, call_no = after(Model(), Dial())[0], 1
    while not isinstance(model.phase, Idle):
        assert call_no < 20
        model, _ = after(model, CallUp(call_no), CallDown(call_no, NETWORK), fired(Timer.RETRY))
        call_no += 1
    assert (9, Idle(NETWORK)) == (model.calls_made, model.phase)


def test_a_call_that_holds_forgets_the_losses_before_it() -> None:
    model, effects = after(Model(Dialing(5, 4, NETWORK), calls_made=5), CallUp(5))
    assert delay(effects, Timer.STEADY) == 30.0
    model, _ = after(model, fired(Timer.STEADY))
    assert model.phase == Live(5)
    assert after(model, CallDown(5, NETWORK))[0].phase == Waiting(1, NETWORK, resume=True)


def test_a_first_call_has_nothing_to_forget() -> None:
    assert delay(after(Model(), Dial(), CallUp(1))[1], Timer.STEADY) is None


def test_a_minute_after_the_loss_a_waiting_call_is_given_up() -> None:
    model, effects = after(LIVE, CallDown(1, NETWORK), fired(Timer.GIVE_UP))
    assert model.phase == Idle(NETWORK)
    assert [StopTimer(Timer.RETRY)] == effects


def test_a_minute_after_the_loss_a_dialling_call_is_given_up() -> None:
    model, effects = after(Model(Dialing(3, 2, NETWORK), calls_made=3), fired(Timer.GIVE_UP))
    assert model.phase == HangingUp(3, Idle(NETWORK))
    assert [PlayCue(Cue.FAILED), CloseCall(3)] == effects[-2:]


def test_service_that_hangs_up_is_called_back_once() -> None:
    model, _ = after(LIVE, CallDown(1, CLOSED))
    assert model.phase == Waiting(1, CLOSED, resume=True)
    model, _ = after(model, fired(Timer.RETRY), CallUp(2), CallDown(2, CLOSED))
    assert model.phase == Idle(CLOSED)


def test_service_that_closes_a_dialling_call_twice_is_left_alone() -> None:
    model, _ = after(Model(), Dial(), CallDown(1, CLOSED), fired(Timer.RETRY), CallDown(2, CLOSED))
    assert model.phase == Idle(CLOSED)


@pytest.mark.parametrize(("asked", "waits"), [(None, 0.5), (0.1, 0.5), (20.0, 20.0), (60.0, 60.0)])
def test_busy_service_is_left_alone_for_as_long_as_it_asks(
    asked: float | None, waits: float
) -> None:
    busy = Problem("service", "It is busy.", retry_after=asked)
    _, effects = after(Model(), Dial(), CallDown(1, busy))
    assert delay(effects, Timer.RETRY) == waits


def test_service_that_asks_for_more_than_a_minute_is_given_up_at_once() -> None:
    busy = Problem("service", "It is busy.", retry_after=61.0)
    assert after(Model(), Dial(), CallDown(1, busy))[0].phase == Idle(busy)


def test_dialling_for_fifteen_seconds_is_cut_and_retried() -> None:
    model, effects = after(Model(), Say("hello"), fired(Timer.DIAL))
    assert isinstance(model.phase, HangingUp)
    assert isinstance(model.phase.then, Waiting)
    assert model.phase.then.problem.kind == "timeout"
    assert CloseCall(1) in effects
    model, effects = after(model, CallDown(1), fired(Timer.RETRY), CallUp(2))
    assert Send(Text("hello")) in effects


def test_ninth_timeout_in_a_row_is_the_last() -> None:
    model, effects = after(Model(Dialing(9, 8, NETWORK), calls_made=9), fired(Timer.DIAL))
    assert isinstance(model.phase, HangingUp)
    assert isinstance(model.phase.then, Idle)
    assert PlayCue(Cue.FAILED) in effects


def test_key_refused_while_hanging_up_is_not_retried() -> None:
    model, _ = after(Model(), Dial(), fired(Timer.DIAL), CallDown(1, AUTH))
    assert model.phase == Fault(AUTH)


def test_dial_while_waiting_starts_a_new_minute_at_once() -> None:
    model, effects = after(LIVE, CallDown(1, NETWORK), Dial())
    assert model.phase == Dialing(2, resume=True)
    assert delay(effects, Timer.GIVE_UP) == 60.0


def test_idle_runs_anew_with_every_turn() -> None:
    model, effects = after(LIVE, TurnChanged(1, Turn.SPEAKING))
    assert delay(effects, Timer.IDLE) == 600.0, "an answer may take long"
    model, effects = after(model, TurnChanged(1, Turn.LISTENING))
    assert delay(effects, Timer.IDLE) == 120.0


def test_idle_time_is_a_setting() -> None:
    model = Model(idle_timeout=900.0)
    assert delay(after(model, Dial(), CallUp(1))[1], Timer.IDLE) == 900.0
    assert (
        delay(after(model, Dial(), CallUp(1), TurnChanged(1, Turn.THINKING))[1], Timer.IDLE)
        == 900.0
    )


@pytest.mark.parametrize("event", [Say("still here"), TakePhoto()])
def test_idle_runs_anew_when_something_is_asked(event: Event) -> None:
    assert delay(after(LIVE, event)[1], Timer.IDLE) == 120.0


def test_old_call_is_replaced_after_two_quiet_seconds() -> None:
    model, effects = after(LIVE, fired(Timer.ROTATE))
    assert model.phase == Live(1, expiring=True)
    assert [StartTimer(Timer.ROTATE, 2.0)] == effects
    model, effects = after(model, fired(Timer.ROTATE))
    assert model.phase == HangingUp(1, Redial(resume=True))
    model, effects = after(model, CallDown(1))
    assert OpenCall(2, resume=True) in effects
    assert delay(effects, Timer.GIVE_UP) == 60.0


def test_old_call_is_not_replaced_between_a_question_and_its_answer() -> None:
    _model, effects = after(LIVE, fired(Timer.ROTATE), Say("hello"))
    assert delay(effects, Timer.ROTATE) == 2.0
    _model, effects = after(LIVE, Say("hello"))
    assert delay(effects, Timer.ROTATE) is None


def test_old_call_is_not_replaced_while_somebody_speaks() -> None:
    model, effects = after(LIVE, TurnChanged(1, Turn.USER_SPEAKING), fired(Timer.ROTATE))
    assert effects == []
    model, effects = after(model, TurnChanged(1, Turn.LISTENING))
    assert delay(effects, Timer.ROTATE) == 2.0
    model, effects = after(model, TurnChanged(1, Turn.SPEAKING))
    assert StopTimer(Timer.ROTATE) in effects


def test_call_is_replaced_in_the_middle_of_a_word_at_58_minutes() -> None:
    model, _ = after(LIVE, TurnChanged(1, Turn.SPEAKING), fired(Timer.LIMIT))
    assert model.phase == HangingUp(1, Redial(resume=True))
