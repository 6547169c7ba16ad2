"""Dark means that nothing records."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appliance.core.lights import DARK, IN_CALL, NEEDS_YOU, RECORDING, SPEAKING, Pattern
from appliance.core.model import Idle, Live, Model, Turn
from appliance.errors import DeviceError
from appliance.lamp import Lamp
from tests.core.examples import PHASES
from tests.core.profiles import QUICK

FAULT = Model(PHASES["Fault"])


class Light:
    """Remembers what it was told to show."""

    def __init__(self) -> None:
        self.shown: list[Pattern] = []
        self.broken = False

    def show(self, pattern: Pattern) -> None:
        if self.broken:
            raise DeviceError("The LED cannot be switched.")
        self.shown.append(pattern)


def test_begins_dark_and_follows_the_model() -> None:
    light = Light()
    lamp = Lamp(light.show)
    lamp.view(Model(Live(1)))
    lamp.view(Model(Idle()))
    assert light.shown == [DARK, IN_CALL, DARK]


def test_same_pattern_is_not_shown_again() -> None:
    light = Light()
    lamp = Lamp(light.show)
    lamp.view(Model(Live(1)))
    lamp.view(Model(Live(1, Turn.THINKING)))
    assert light.shown == [DARK, IN_CALL]


def test_is_lit_as_long_as_anything_records() -> None:
    light = Light()
    lamp = Lamp(light.show)
    with lamp.hold("microphone"):
        assert light.shown[-1] == RECORDING
        with lamp.hold("camera"):
            assert lamp.held == ("microphone", "camera")
        assert light.shown[-1] == RECORDING
    assert light.shown == [DARK, RECORDING, DARK]


def test_blinking_with_long_pauses_waits_until_nothing_records() -> None:
    light = Light()
    lamp = Lamp(light.show)
    with lamp.hold("camera"):
        lamp.view(FAULT)
        assert light.shown[-1] == RECORDING
    assert light.shown[-1] == NEEDS_YOU


def test_short_dips_are_shown_while_recording() -> None:
    light = Light()
    lamp = Lamp(light.show)
    with lamp.hold("microphone"):
        lamp.view(Model(Live(1, Turn.SPEAKING)))
        assert light.shown[-1] == SPEAKING


def test_failure_while_recording_lets_go() -> None:
    light = Light()
    lamp = Lamp(light.show)
    with pytest.raises(KeyError), lamp.hold("microphone"):
        raise KeyError
    assert (light.shown[-1], lamp.held) == (DARK, ())


def test_nothing_records_if_the_light_cannot_be_lit() -> None:
    light = Light()
    lamp = Lamp(light.show)
    light.broken = True
    with pytest.raises(DeviceError), lamp.hold("microphone"):
        pytest.fail("recording in the dark")
    assert lamp.held == ()
    light.broken = False
    with lamp.hold("microphone"):
        assert light.shown[-1] == RECORDING


def test_a_light_that_breaks_stops_no_decision_and_is_tried_again() -> None:
    light = Light()
    lamp = Lamp(light.show)
    with lamp.hold("microphone"):
        light.broken = True
    lamp.view(Model(Live(1)))
    assert light.shown == [DARK, RECORDING]
    light.broken = False
    lamp.view(Model(Idle()))
    assert light.shown == [DARK, RECORDING, DARK]


class AnyOrder(RuleBasedStateMachine):
    """Devices come and go in any order, under any model."""

    def __init__(self) -> None:
        super().__init__()
        self.light = Light()
        self.lamp = Lamp(self.light.show)
        self.held = []  # type: ignore[var-annotated] # context managers under way

    @rule(phase=st.sampled_from(sorted(PHASES)), muted=st.booleans())
    def model_changes(self, phase: str, muted: bool) -> None:
        self.lamp.view(Model(PHASES[phase], muted=muted))

    @rule(what=st.sampled_from(["microphone", "camera"]))
    def opens(self, what: str) -> None:
        hold = self.lamp.hold(what)
        hold.__enter__()
        self.held.append(hold)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def closes(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.held) - 1))
        self.held.pop(index).__exit__(None, None, None)

    @invariant()
    def never_dark_while_anything_is_held(self) -> None:
        assert not self.held or self.light.shown[-1].never_dark


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = QUICK
