"""The README's tables say what the code does, in full."""

from dataclasses import replace

import pytest

from appliance.core.effects import Effect, PlayCue, Send, StartTimer, StopTimer
from appliance.core.gestures import Button, Gesture, Kind, intent_of
from appliance.core.lights import PATTERNS
from appliance.core.machine import transition
from appliance.core.model import Live, Model, Photo, Text, Timer
from appliance.core.timers import seconds, timers_of
from tests.core.examples import EVENTS, PHASES, model_in, name_of, table, words

ANY = [name for name in PHASES if name not in {"SafeMode", "Off"}]
RULES = {
    (phase, event): (goes_to, does, outbox)
    for phases, events, goes_to, does, outbox in table("The rules")
    for phase in (ANY if phases == "any" else words(phases))
    for event in words(events)
}


def prepared(phase: str, event: str) -> Model:
    model = model_in(phase)
    if event == "ROTATE again" and isinstance(model.phase, Live):
        return replace(model, phase=replace(model.phase, expiring=True))
    return model


def spoken(effects: tuple[Effect, ...]) -> list[str]:
    """The effects in the table's words; timers have a table of their own."""
    return [
        f"PlayCue {effect.cue.value}" if isinstance(effect, PlayCue) else type(effect).__name__
        for effect in effects
        if not isinstance(effect, StartTimer | StopTimer)
    ]


def test_the_table_speaks_of_known_phases_and_events_only() -> None:
    assert {phase for phase, _ in RULES} <= set(PHASES)
    assert {event for _, event in RULES} <= set(EVENTS)


def test_no_rule_is_stated_twice() -> None:
    rows = table("The rules")
    stated = sum(
        (len(ANY) if row[0] == "any" else len(words(row[0]))) * len(words(row[1])) for row in rows
    )
    assert len(RULES) == stated


@pytest.mark.parametrize(("phase", "event"), sorted(RULES))
def test_rule_holds(phase: str, event: str) -> None:
    goes_to, does, outbox = RULES[phase, event]
    before = prepared(phase, event)
    after, effects = transition(before, EVENTS[event])
    assert (phase if goes_to == "same" else goes_to) == name_of(after.phase)
    assert words(does) == spoken(effects)
    told = (Photo("p") if event == "PhotoTaken" else Text("hello"),)
    expected = {"": before.outbox, "+": before.outbox + told, "sent": (), "dropped": ()}[outbox]
    assert expected == after.outbox
    if outbox == "sent":
        assert before.outbox == tuple(e.item for e in effects if isinstance(e, Send))


@pytest.mark.parametrize("phase", sorted(PHASES))
def test_what_is_not_in_the_table_changes_nothing(phase: str) -> None:
    for event in EVENTS:
        if (phase, event) not in RULES:
            model = prepared(phase, event)
            after, effects = transition(model, EVENTS[event])
            assert (event, model) == (event, after)
            assert spoken(effects) == []


@pytest.mark.parametrize("phase", sorted(PHASES))
def test_timers_run_where_the_table_says(phase: str) -> None:
    model = model_in(phase)
    stated = {
        Timer[timer]: float(time.removesuffix(" s"))
        for timer, phases, time in table("The timers")
        if phase in words(phases)
    }
    assert stated == {timer: seconds(timer, model) for timer in timers_of(model)}


def test_every_pattern_is_in_the_table() -> None:
    assert {pattern.name for pattern in PATTERNS} == {row[0] for row in table("The light")}


@pytest.mark.parametrize("button", Button)
@pytest.mark.parametrize("kind", Kind)
def test_gestures_mean_what_the_table_says(button: Button, kind: Kind) -> None:
    wishes = {
        (row[0], gesture): row[2] for row in table("The buttons") for gesture in words(row[1])
    }
    intent = intent_of(Gesture(button, kind, 0.0))
    assert wishes[button.value, kind.value] == ("" if intent is None else type(intent).__name__)
