"""Interruptions that follow one another like echoes."""

from appliance.call.self_hearing import TIMES, WITHIN, SelfHearing


def test_three_interruptions_in_twenty_seconds_are_an_echo() -> None:
    hearing = SelfHearing()
    assert [hearing.interrupted(at) for at in (0.0, 9.0, WITHIN)] == [False, False, True]


def test_interruptions_that_take_longer_are_a_person() -> None:
    hearing = SelfHearing()
    assert not any(hearing.interrupted(at * (WITHIN / (TIMES - 1) + 0.1)) for at in range(50))
