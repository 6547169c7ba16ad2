"""Who is let through while both sides may speak."""

import pytest

from appliance.media.gate import DUCKED, SETTLING, YOUTH, Gate

VOICE = 10 ** (-28 / 10)
FAINT = 10 ** (-52 / 10)
NOTHING = 1e-9
NOISE = 10 ** (-66 / 10)


def block(
    gate: Gate,
    *,
    sounding: bool = True,
    heard: float = VOICE,
    power: float = VOICE,
    speech: float = 1.0,
    person: bool | None = None,
) -> bool:
    return gate.passes(heard=heard, sounding=sounding, power=power, speech=speech, person=person)


def play(gate: Gate, blocks: int, *, sounding: bool, power: float, speech: float) -> list[bool]:
    return [
        block(gate, sounding=sounding, heard=power, power=power, speech=speech)
        for _ in range(blocks)
    ]


def settled() -> Gate:
    gate = Gate()
    for _ in range(SETTLING):
        assert not block(gate)
    return gate


def grown() -> Gate:
    """Behind a filter that knows the echo; the microphone hears one as loud as a voice."""
    gate = Gate()
    for _ in range(SETTLING + YOUTH):
        assert not block(gate, person=False)
    return gate


def fade(gate: Gate, blocks: int, *, by: float, speech: float = 0.0) -> list[bool]:
    """The speaker is silent, and the room by so many dB quieter in each block, as far as NOISE."""
    return [
        block(
            gate,
            sounding=False,
            heard=max(NOISE, VOICE * 10 ** (-by * n / 10)),
            power=FAINT,
            speech=speech,
            person=False,
        )
        for n in range(1, blocks + 1)
    ]


def test_person_is_heard_while_the_speaker_is_silent_however_faint() -> None:
    assert all(play(Gate(), 100, sounding=False, power=NOTHING, speech=0.0))


def test_nothing_is_heard_before_the_echo_is_known() -> None:
    gate = Gate()
    assert not any(play(gate, SETTLING, sounding=True, power=VOICE, speech=1.0))
    assert gate.gain == 1.0
    assert play(gate, 1, sounding=True, power=VOICE, speech=1.0) == [True]


def test_silence_of_the_speaker_does_not_count_as_settling() -> None:
    gate = Gate()
    play(gate, 10 * SETTLING, sounding=False, power=VOICE, speech=1.0)
    assert not gate.settled


def test_person_is_not_told_from_what_a_new_filter_leaves() -> None:
    gate = settled()
    play(gate, 10 * YOUTH, sounding=False, power=NOTHING, speech=0.0)
    assert not any(block(gate, person=True) for _ in range(YOUTH))
    assert gate.gain == 1.0
    assert block(gate, person=True)


def test_new_filter_is_young_again() -> None:
    gate = grown()
    assert block(gate, person=True)
    gate.begin_anew()
    assert not any(block(gate, person=True) for _ in range(SETTLING + YOUTH))
    assert block(gate, person=True)


def test_what_is_left_of_an_echo_is_not_heard_until_the_room_is_quiet_too() -> None:
    gate = settled()
    assert not any(play(gate, 100, sounding=True, power=FAINT, speech=1.0))
    after = play(gate, 100, sounding=False, power=FAINT, speech=0.0)
    assert after.index(True) == 29  # 300 ms after the last sound
    assert all(after[29:])


@pytest.mark.parametrize(
    ("by", "opens"),
    [
        pytest.param(0.5, 29, id="slower than a room: a person"),
        pytest.param(0.9, 29 + 24, id="a live room, until only noise is heard"),
        pytest.param(0.62, 29 + 29, id="a very live one, for 600 ms at most"),
    ],
)
def test_live_room_is_not_heard_while_it_becomes_quieter(by: float, opens: int) -> None:
    heard = fade(grown(), 100, by=by)
    assert heard.index(True) == opens
    assert all(heard[opens:])


def test_noise_is_no_live_room_for_longer_than_120_ms() -> None:
    heard = fade(grown(), 60, by=100)
    assert heard.index(True) == 29 + 12


def test_who_answers_into_the_end_of_a_live_room_is_heard_from_the_first_block_on() -> None:
    gate = grown()
    assert not any(fade(gate, 40, by=0.9))
    assert all(block(gate, sounding=False, heard=VOICE / 100, person=False) for _ in range(20))


def test_who_spoke_over_the_end_is_heard_though_they_become_quieter() -> None:
    gate = grown()
    assert all(block(gate, person=True) for _ in range(5))
    assert all(block(gate, sounding=False, person=True) for _ in range(29))
    assert all(fade(gate, 60, by=0.9))


def test_who_spoke_over_an_end_says_nothing_of_the_next() -> None:
    gate = grown()
    assert all(block(gate, person=True) for _ in range(5))
    fade(gate, 100, by=100)
    assert not any(block(gate, person=False) for _ in range(5))


def test_end_of_a_room_teaches_nothing_of_a_person() -> None:
    gate = grown()
    for _ in range(50):
        fade(gate, 45, by=0.9, speech=1.0)
        block(gate, person=False)
    assert not any(block(gate, power=FAINT, person=True) for _ in range(20))


def test_with_headphones_there_is_no_room() -> None:
    gate = settled()
    block(gate, power=NOTHING)
    levels = [VOICE * 10 ** (-0.09 * n) for n in range(60)]
    heard = [block(gate, sounding=False, heard=level, power=NOTHING) for level in levels]
    assert heard.index(True) == 29
    assert all(heard[29:])


def test_person_who_cuts_in_is_heard_at_once_and_through_short_pauses() -> None:
    gate = settled()
    assert play(gate, 5, sounding=True, power=VOICE, speech=1.0) == [True] * 5
    assert play(gate, 20, sounding=True, power=NOTHING, speech=0.0) == [True] * 14 + [False] * 6


def test_speaker_goes_down_by_15_db_within_100_ms_and_comes_back() -> None:
    gate = settled()
    play(gate, 9, sounding=True, power=VOICE, speech=1.0)
    assert gate.gain == pytest.approx(DUCKED)
    play(gate, 60, sounding=True, power=NOTHING, speech=0.0)
    assert gate.gain == pytest.approx(DUCKED)
    play(gate, 40, sounding=True, power=NOTHING, speech=0.0)
    assert gate.gain == 1.0


@pytest.mark.parametrize(("power", "speech"), [(FAINT, 1.0), (VOICE, 0.1)])
def test_neither_residue_nor_noise_turns_the_speaker_down(power: float, speech: float) -> None:
    gate = settled()
    play(gate, 100, sounding=True, power=power, speech=speech)
    assert gate.gain == 1.0


def test_faint_voice_is_learnt_while_it_is_alone_and_then_may_cut_in() -> None:
    gate = settled()
    assert not any(play(gate, 3, sounding=True, power=FAINT, speech=1.0))
    play(gate, 500, sounding=False, power=FAINT, speech=1.0)
    assert all(play(gate, 20, sounding=True, power=FAINT, speech=1.0))


def test_live_room_raises_the_limit_and_a_quiet_one_lowers_it_again() -> None:
    gate = settled()
    leak = 10 ** (-43 / 10)
    play(gate, 300, sounding=True, power=leak, speech=0.1)
    assert not any(play(gate, 50, sounding=True, power=leak, speech=0.1))
    assert play(gate, 3, sounding=True, power=VOICE, speech=0.1) == [True] * 3
    play(gate, 3000, sounding=True, power=NOTHING, speech=0.0)
    assert play(gate, 1, sounding=True, power=leak, speech=0.1) == [True]


def test_noise_alone_teaches_nothing() -> None:
    gate = settled()
    play(gate, 500, sounding=False, power=FAINT, speech=0.3)
    assert not any(play(gate, 20, sounding=True, power=FAINT, speech=1.0))


def test_echo_that_is_lost_closes_the_microphone_again() -> None:
    gate = settled()
    gate.begin_anew()
    assert not any(play(gate, SETTLING, sounding=True, power=VOICE, speech=1.0))
    assert play(gate, 1, sounding=True, power=VOICE, speech=1.0) == [True]


def test_share_of_double_talk_is_counted() -> None:
    gate = settled()
    play(gate, 100, sounding=True, power=NOTHING, speech=0.0)
    play(gate, 103, sounding=True, power=VOICE, speech=1.0)
    assert (gate.both, gate.far) == (100, 203)  # believed from the fourth block on


def test_what_is_only_an_echo_is_not_heard_however_loud() -> None:
    gate = settled()
    assert not any(block(gate, person=False) for _ in range(100))
    assert gate.gain == 1.0


def test_person_does_not_raise_the_limit_for_what_they_say_next() -> None:
    gate = settled()
    for _ in range(300):
        block(gate, speech=0.1, person=True)
    assert block(gate, power=VOICE / 10, person=True)


def test_echo_that_is_lost_closes_an_open_microphone_for_as_long_and_no_longer() -> None:
    gate = settled()
    assert all(play(gate, 5, sounding=True, power=VOICE, speech=1.0))
    for _ in range(30):
        gate.close()
        assert play(gate, 1, sounding=True, power=VOICE, speech=1.0) == [False]
    assert play(gate, 1, sounding=True, power=VOICE, speech=1.0) == [True]


def test_speaker_comes_up_again_when_what_seemed_a_person_was_a_lost_echo() -> None:
    gate = settled()
    play(gate, 10, sounding=True, power=VOICE, speech=1.0)
    assert gate.gain <= DUCKED
    for _ in range(16):
        gate.close()
        play(gate, 1, sounding=True, power=VOICE, speech=1.0)
    assert gate.gain == 1.0
