"""Safe mode: refuses everything, shows it, and ends in three ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.effects import Exit, StartTimer, StopTimer
from appliance.core.events import Dial, LeaveSafeMode, Shutdown, TakePhoto, ToggleMute
from appliance.core.lights import NEEDS_YOU, REFUSED, pattern_for
from appliance.core.model import Model, Off, SafeMode, Timer
from appliance.core.words import sentence
from tests.core.examples import BROKEN, EVENTS, after, fired
from tests.core.profiles import QUICK

SAFE = Model(SafeMode(BROKEN))
ENDS = [LeaveSafeMode(), Shutdown(), fired(Timer.SAFE)]


@pytest.mark.parametrize("end", ENDS, ids=["button", "shutdown", "an hour"])
def test_safe_mode_ends(end: LeaveSafeMode | Shutdown) -> None:
    model, effects = after(SAFE, end)
    assert model.phase == Off()
    assert effects[-1] == Exit()


@pytest.mark.parametrize("wish", [Dial(), TakePhoto(), ToggleMute()])
def test_refused_wish_is_seen_and_told_for_a_moment(wish: Dial | TakePhoto | ToggleMute) -> None:
    model, effects = after(SAFE, wish)
    assert effects == [StartTimer(Timer.NOTICE, 1.2)]
    assert pattern_for(model) is REFUSED
    assert sentence(model).startswith(f"{sentence(SAFE)} Nothing is done in safe mode.")
    assert after(model, fired(Timer.NOTICE)) == (SAFE, [])
    assert pattern_for(SAFE) is NEEDS_YOU


@QUICK
@given(st.lists(st.sampled_from(sorted(set(EVENTS) - {"LeaveSafeMode", "Shutdown", "SAFE"}))))
def test_nothing_else_opens_anything_or_leads_out(names: list[str]) -> None:
    model = SAFE
    for name in names:
        model, effects = after(model, EVENTS[name])
        assert model.phase == SAFE.phase
        assert all(isinstance(effect, StartTimer | StopTimer) for effect in effects)


def test_leaving_means_nothing_anywhere_else() -> None:
    assert after(Model(), LeaveSafeMode()) == (Model(), [])
