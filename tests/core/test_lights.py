"""The light is true."""

from dataclasses import replace

import pytest

from appliance.core.lights import (
    DARK,
    INTERRUPTED,
    MUTED,
    NEEDS_YOU,
    PATTERNS,
    PHOTO,
    REFUSED,
    Pattern,
    pattern_for,
)
from appliance.core.model import Dialing, Idle, Live, Model, Notice, Off, Silence, Turn
from tests.core.examples import CAMERA, CARD, LIVE, NETWORK, PHASES, STUCK

SHOWN = {
    "Idle": "offline",
    "Fault": "needs you",
    "Dialing": "connecting",
    "Live": "in call",
    "Live interrupted": "interrupted",
    "Waiting": "interrupted",
    "HangingUp > Idle": "in call",
    "HangingUp > Waiting": "interrupted",
    "HangingUp > Redial": "interrupted",
    "HangingUp > Off": "in call",
    "SafeMode": "needs you",
    "Off": "dark",
}
OPEN = [name for name in PHASES if name.startswith(("Dialing", "Live", "HangingUp"))]


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_has_its_light(phase: str) -> None:
    assert SHOWN[phase] == pattern_for(Model(PHASES[phase])).name


def test_rest_is_dark() -> None:
    assert pattern_for(Model(Idle())) == DARK


def test_assistant_speaking_is_seen() -> None:
    assert pattern_for(Model(Live(1, Turn.SPEAKING))).name == "speaking"


def test_second_attempt_looks_like_an_interrupted_call() -> None:
    assert pattern_for(Model(Dialing(2, 1, NETWORK))) == INTERRUPTED


@pytest.mark.parametrize("phase", [name for name in PHASES if name != "Off"])
def test_muted_is_always_shown(phase: str) -> None:
    pattern = pattern_for(Model(PHASES[phase], muted=True))
    assert ("muted" if phase in OPEN else "muted, no call") == pattern.name


@pytest.mark.parametrize("muted", [False, True])
@pytest.mark.parametrize("notice", [None, Notice(), Notice(CAMERA)])
@pytest.mark.parametrize("turn", Turn)
@pytest.mark.parametrize("phase", OPEN)
def test_open_call_is_never_dark(
    phase: str, turn: Turn, notice: Notice | None, muted: bool
) -> None:
    model = Model(PHASES[phase], muted=muted, notice=notice)
    if isinstance(model.phase, Live):
        model = replace(model, phase=replace(model.phase, turn=turn))
    assert pattern_for(model).never_dark


def test_missing_sound_card_is_seen_but_for_what_comes_first() -> None:
    silent = replace(LIVE, silence=Silence(1, CARD))
    assert pattern_for(silent) is INTERRUPTED
    assert pattern_for(replace(silent, muted=True)) is MUTED
    assert pattern_for(replace(silent, phase=Idle())) is DARK


def test_broken_panel_asks_for_a_person_while_no_call_is_on() -> None:
    assert pattern_for(Model(Idle(), panel=STUCK)) == NEEDS_YOU
    assert pattern_for(Model(Idle(NETWORK), panel=STUCK)) == NEEDS_YOU
    assert pattern_for(replace(LIVE, panel=STUCK)) == pattern_for(LIVE)
    assert pattern_for(Model(Off(), panel=STUCK)) == DARK


def test_what_just_happened_comes_first() -> None:
    assert pattern_for(Model(Idle(), muted=True, notice=Notice())) == PHOTO
    assert pattern_for(Model(Idle(), muted=True, notice=Notice(CAMERA))) == REFUSED


def test_nothing_is_shown_after_the_end() -> None:
    assert pattern_for(Model(Off(), muted=True)) == DARK


@pytest.mark.parametrize(
    ("steps", "never_dark"),
    [
        (((True, 0.0),), True),
        (((False, 0.0),), False),
        (((True, 1.0), (False, 0.1)), True),
        (((True, 1.0), (False, 0.11)), False),
        (((False, 0.06), (True, 1.0), (False, 0.06)), False),
        (((True, 1.0), (False, 0.06), (False, 0.06)), False),
        (((False, 0.05), (False, 0.05)), False),
    ],
)
def test_never_dark_means_short_dips_only(
    steps: tuple[tuple[bool, float], ...], never_dark: bool
) -> None:
    assert never_dark is Pattern("test", steps).never_dark


def test_patterns_can_be_told_apart() -> None:
    seen = {pattern.steps for pattern in PATTERNS if pattern.name != "recording"}
    assert len(PATTERNS) - 1 == len(seen)


def test_needs_you_blinks_slowly_three_times() -> None:
    assert [step for step in NEEDS_YOU.steps if step[0]] == [(True, 0.5)] * 3
