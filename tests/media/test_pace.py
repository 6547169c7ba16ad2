"""The delay is as long as the network needs, and how it changes is not heard."""

import pytest

from appliance.media import pcm
from tests.media.network import (
    BLOCK,
    FRAME,
    TRIP,
    frozen,
    jitter,
    opus,
    plain,
    speech,
    vowel,
)
from tests.media.plain import COPY, PACKET, packets

# Jitter


@pytest.mark.parametrize(("most", "limit"), [(0.040, 0.062), (0.080, 0.100)])
def test_jitter_is_waited_for_and_no_longer_than_needed(most: float, limit: float) -> None:
    line = opus()
    line.play(speech(), late=jitter(600, most, 7), tail=0)
    after = line.delays[400:-5]
    assert most * 0.9 <= line.told.target <= most + 0.005
    assert sum(after) / len(after) <= limit
    assert line.told.concealed <= 0.12


def test_delay_shrinks_again_when_the_jitter_is_over() -> None:
    line = opus()
    line.play(speech(), late=[*jitter(200, 0.08, 7), *[0.0] * 400], tail=0)
    assert line.delays[-10] <= 0.025


def test_freeze_is_made_up_for_within_two_seconds() -> None:
    line = opus()
    line.play(speech(), late=frozen(300, 319))  # 400 ms
    thawed = round((320 * FRAME + TRIP) / BLOCK)
    assert max(line.delays[thawed : thawed + 20]) > 0.25
    assert line.delays[thawed + 200] <= line.delays[thawed - 60] + 0.020
    assert line.told.dropped == 0


def test_freezes_that_come_again_are_waited_for() -> None:
    late = {n: (n // 50 * 50 + 10 - n) * FRAME for n in range(600) if n % 50 < 10}
    line = opus()
    line.play(speech(), late=late, tail=0)
    assert line.told.target >= 0.15
    assert sum(1 for delay in line.delays[600:1100] if delay > 0.12) > 400


@pytest.mark.parametrize("behind", [0.1, 0.3, 0.6, 0.9])
def test_sender_that_falls_behind_for_good_costs_nothing(behind: float) -> None:
    line = opus()
    line.play(speech(), late=dict.fromkeys(range(300, 600), behind), tail=0)
    assert line.told.concealed <= 0.02
    assert line.told.stretched <= 0.05
    assert line.delays[-5] <= 0.035


# Clocks


@pytest.mark.parametrize("skew", [200e-6, -200e-6])
def test_an_hour_of_drift_changes_neither_delay_nor_sound(skew: float) -> None:
    line = plain()
    quiet = packets(b"\x05\x00" * 48_000)
    for second in range(0, 3600, 40):  # a minute and a half of it is enough of each piece
        line.heard.clear()
        line.delays.clear()
        line.play(
            quiet,
            first=second * pcm.RATE,
            began=second / (1 + skew),
            skew=skew,
            tail=-TRIP - FRAME,
        )
        assert max(line.delays[20:]) <= 0.035
    assert line.told.missing == 0


def test_drift_within_one_long_speech_is_followed() -> None:
    line = opus()
    line.play(speech() * 5, skew=300e-6, tail=0)
    slow = opus()
    slow.play(speech() * 5, skew=-300e-6, tail=0)
    for told in (line.told, slow.told):
        assert told.delay <= 0.035
        assert told.missing == 0
        assert told.concealed <= 0.2


# Cards and steadiness


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_jitter_that_is_known_changes_the_delay_no_more(seed: int) -> None:
    line = opus()
    line.play(vowel(), late=jitter(len(vowel()), 0.04, seed), tail=0)
    known = line.delays[300:-5]
    assert max(known) - min(known) <= 0.004  # which is what the fastest packet is known to
    assert line.told.late <= 4
    assert max(known) <= 0.057


@pytest.mark.parametrize(("at_once", "at_first"), [(1, 0.0), (2, 0.0), (4, 0.02)])
def test_card_that_asks_for_several_blocks_changes_nothing_later(
    at_once: int, at_first: float
) -> None:
    line = opus()
    line.play(speech(copies=False), late=jitter(600, 0.005, 3), tail=0, at_once=at_once)
    assert (line.told.stretched, line.told.concealed) == (at_first, 0)


def test_packet_that_comes_too_late_leaves_the_delay_as_it_was() -> None:
    line = opus()
    line.play(vowel(copies=False), late={300: 0.05}, tail=0)
    assert line.told.concealed > 0
    assert line.told.stretched == 0
    assert line.delays[-10] == pytest.approx(line.delays[500], abs=0.001)


def test_what_was_made_up_is_not_put_in_once_more() -> None:
    line, sent = opus(), vowel(copies=False)
    line.play(sent, late=dict.fromkeys(range(300, len(sent), 4), 0.015), tail=0)
    assert line.told.concealed > 0
    assert line.told.stretched == 0
    assert line.told.target <= line.delays[-10] + 0.0015 <= line.told.target + BLOCK


def test_packets_lost_in_a_pause_tell_of_the_line() -> None:
    quiet = bytes(2 * PACKET)
    line = plain()
    line.play([quiet + COPY + quiet] * 500, lost=[450], tail=0)
    assert line.told.target >= FRAME


def test_target_is_waited_for_before_somebody_speaks() -> None:
    quiet = bytes(2 * PACKET)
    line = plain()
    line.play([quiet] * 200, late=jitter(200, 0.06, 5), tail=0)
    told = line.told
    assert told.target - 0.001 <= told.delay <= told.target + BLOCK + 0.003
