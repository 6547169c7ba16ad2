"""The model in words."""

from dataclasses import replace

import pytest

from appliance.core.model import Dialing, Idle, Live, Model, Notice, Silence, Turn
from appliance.core.words import phase_word, problem_of, sentence
from tests.core.examples import AUTH, BROKEN, CARD, NETWORK, PHASES, STUCK, WEAK

SENTENCES = {
    "Idle": "Ready. The network is gone.",
    "Fault": "Needs you: The key was refused. Check the key.",
    "Dialing": "Calling.",
    "Live": "In a call, listening.",
    "Live interrupted": "In a call, but nothing is heard from the service.",
    "Waiting": "Waiting to call again. The network is gone.",
    "HangingUp > Idle": "Hanging up.",
    "HangingUp > Waiting": "Hanging up.",
    "HangingUp > Redial": "Hanging up.",
    "HangingUp > Off": "Hanging up.",
    "SafeMode": "Needs you: Safe mode: a setting is wrong. Mend it.",
    "Off": "Off.",
}


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_is_a_sentence(phase: str) -> None:
    assert SENTENCES[phase] == sentence(Model(PHASES[phase]))


def test_details_are_told() -> None:
    assert sentence(Model(Idle())) == "Ready: press the call button."
    assert sentence(Model(Dialing(3, 2))) == "Calling again, attempt 3."
    muted = Model(Live(1, Turn.THINKING), muted=True)
    assert sentence(muted) == "In a call, thinking, microphone muted."
    refused = Model(Live(1), notice=Notice(AUTH))
    assert sentence(refused) == "In a call, listening. The key was refused. Check the key."
    assert sentence(Model(Live(1), notice=Notice())) == "In a call, listening."
    silent = Model(Live(1), silence=Silence(1, CARD))
    assert sentence(silent) == "In a call, listening. The sound card has stopped. Plug it in."
    assert sentence(replace(silent, phase=Live(2))) == "In a call, listening."
    assert sentence(Model(panel=STUCK)) == "Ready. The call button is stuck. Check its wires."
    assert sentence(Model(Dialing(1), panel=STUCK)).startswith("Calling. The call button is stuck.")
    weak = "Ready: press the call button. The voltage is too low. Take a better supply."
    assert sentence(Model(board=WEAK)) == weak
    assert "too low" not in sentence(Model(board=WEAK, panel=STUCK)), "one thing at a time"


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_is_one_word(phase: str) -> None:
    first = phase.split(maxsplit=1)[0]
    two_words = {"HangingUp": "hanging-up", "SafeMode": "safe-mode"}
    assert two_words.get(first, first.lower()) == phase_word(PHASES[phase])


@pytest.mark.parametrize("phase", PHASES)
def test_problem_is_told_where_there_is_one(phase: str) -> None:
    expected = {"Idle": NETWORK, "Waiting": NETWORK, "Fault": AUTH, "SafeMode": BROKEN}
    assert expected.get(phase) == problem_of(PHASES[phase])
