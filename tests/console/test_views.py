"""The model as the API says it."""

import pytest

from appliance.console.views import BoardView, Plain, board_sentence, sound_sentence, view_model
from appliance.core.model import Idle, Live, Model, Notice, Problem
from tests.console.stage import CARD

GONE = Problem("network", "The network is gone.", "Wait.")
UNSENT = Problem("network", "It was not sent.", "Say it again.")


def test_what_just_failed_is_the_problem_for_a_moment() -> None:
    for phase in (Live(1), Idle(GONE)):
        problem = view_model(Model(phase, notice=Notice(UNSENT))).problem
        assert problem is not None
        assert (problem.cause, problem.cure) == (UNSENT.cause, UNSENT.cure)


def test_a_photo_taken_hides_no_problem() -> None:
    problem = view_model(Model(Idle(GONE), notice=Notice())).problem
    assert problem is not None
    assert problem.cause == GONE.cause


def test_weak_supply_is_the_problem_where_there_is_no_worse_one() -> None:
    weak = Problem("power", "The voltage is too low.", "Take a better supply.")
    problem = view_model(Model(Live(1), board=weak)).problem
    assert problem is not None
    assert problem.kind == "power"
    worse = view_model(Model(Idle(GONE), board=weak)).problem
    assert worse is not None
    assert worse.cause == GONE.cause


@pytest.mark.parametrize(
    ("board", "told"),
    [
        (BoardView(), "Power supply: not known here. Processor: unknown."),
        (BoardView(undervoltage=True, undervoltages=1, celsius=61.2),
         "Power supply: too weak. Processor: 61 °C."),
        (BoardView(undervoltage=False, celsius=40.0), "Power supply: right. Processor: 40 °C."),
        (BoardView(undervoltage=False, undervoltages=2),
         "Power supply: right now, too weak 2 times since the start. Processor: unknown."),
    ],
)  # fmt: skip
def test_power_and_heat_are_a_sentence(board: BoardView, told: str) -> None:
    assert board_sentence(board) == told


@pytest.mark.parametrize(
    ("audio", "told"),
    [
        ({"driver": "pyaudio"}, ""),  # no call so far
        ({"driver": "pyaudio", "echo": "webrtc"}, ""),  # the card is closed
        (CARD, "Sound: the echo is cancelled. Microphone at 48000 Hz, speaker at 44100 Hz, "),
        (CARD, " Hz, blocks of 20 ms, sound lost at the card 3 times."),
        ({**CARD, "card_overruns": 0, "card_underruns": 1}, "at the card 1 time."),
        ({**CARD, "echo": "half-duplex"}, "half duplex, the microphone is closed while"),
        ({**CARD, "echo": "half-duplex", "half_duplex": "It hears itself. Move it."},
         "Sound: half duplex. It hears itself. Move it. Microphone at"),
        ({**CARD, "echo": "system"}, "left to the card"),
        ({**CARD, "echo": "none"}, "not cancelled"),
    ],
)  # fmt: skip
def test_sound_of_a_call_is_a_sentence(audio: dict[str, Plain], told: str) -> None:
    assert told in sound_sentence(audio)
    assert bool(told) == bool(sound_sentence(audio))
