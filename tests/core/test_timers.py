"""How long timers run in states where they are not armed matters to nobody, but is defined."""

from appliance.core.model import Idle, Live, Model, Timer, Turn
from appliance.core.timers import jitter, seconds, timers_of


def test_every_timer_has_a_time_in_every_state() -> None:
    assert all(seconds(timer, Model(Idle())) > 0 for timer in Timer)


def test_only_redialling_is_jittered() -> None:
    assert {Timer.RETRY} == {timer for timer in Timer if jitter(timer)}


def test_expiring_call_waits_for_quiet() -> None:
    quiet = Model(Live(1, expiring=True))
    speaking = Model(Live(1, Turn.SPEAKING, expiring=True))
    assert {Timer.ROTATE} == timers_of(quiet) - timers_of(speaking)
    assert seconds(Timer.ROTATE, quiet) == 2.0
