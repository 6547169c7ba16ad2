"""What comes off the network, in any order and condition, is played without a break."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.media import pcm
from appliance.media.opus import OpusEncoder
from appliance.media.playout import FADE
from appliance.media.receive import BACKLOG, CONCEALED_MOST
from tests.media.network import (
    BLOCK,
    ENDING,
    FRAME,
    TRIP,
    counting,
    frozen,
    hush,
    jitter,
    opus,
    plain,
    speech,
)
from tests.media.plain import COPY, PACKET, packets
from tests.sound import sine


def silent_share(heard: bytes) -> float:
    """Return how much of the loud time is silent: silence there is, beyond the pauses there are."""
    levels = [pcm.level_dbfs(block) for block in pcm.blocks(heard)]
    first, last = (next(n for n in order if levels[n] > -40) for order in both_ways(len(levels)))
    inside = levels[first : last + 1]
    pauses = 40 * 5  # blocks of 10 ms
    return max(0, sum(level < -50 for level in inside) - pauses) / len(inside)


def both_ways(count: int) -> tuple[range, range]:
    return range(count), range(count - 1, -1, -1)


def gilbert(count: int, bad: float, good: float, seed: int) -> set[int]:
    """Return the packets a bursty line loses: `bad` begins a burst, `good` ends it."""
    rng = random.Random(seed)  # noqa: S311 - the same bursts each time
    lost, broken = set(), False
    for number in range(count):
        broken = rng.random() >= good if broken else rng.random() < bad
        if broken:
            lost.add(number)
    return lost


def losing(count: int, share: float, seed: int) -> set[int]:
    rng = random.Random(seed)  # noqa: S311 - the same losses each time
    return {number for number in range(count) if rng.random() < share}


# A clean line


def test_clean_line_plays_every_sample_once_in_order() -> None:
    sound = counting(0.5)
    heard = plain().play(packets(sound))
    assert sound[2 * FADE :] in heard


def test_clean_line_waits_hardly_longer_than_the_packet_itself() -> None:
    line = plain()
    line.play(packets(counting(2) + ENDING))
    assert line.told.delay <= 0.020
    assert (line.told.concealed, line.told.stretched, line.told.late) == (0, 0, 0)


def test_beginning_and_end_do_not_click() -> None:
    heard = pcm.samples(plain().play(packets(b"\x00\x40" * 48_000 + ENDING)))
    assert max(abs(a - b) for a, b in pairwise(heard)) < 200


@pytest.mark.parametrize("first", [0, 2**32 - 10 * PACKET, 2**31 - 5 * PACKET, 1234])
def test_timestamps_begin_anywhere_and_wrap(first: int) -> None:
    sound = counting(0.5)
    assert sound[2 * FADE :] in plain().play(packets(sound), first=first)


def test_reordered_and_doubled_packets_are_played_once_in_order() -> None:
    sound = counting(1)
    line = plain()
    line.play(packets(counting(0.9) + ENDING), late=jitter(50, 0.05, 1))  # it learns
    late = dict.fromkeys(range(0, 50, 3), 0.035)
    heard = line.play(packets(sound), late=late, first=60 * PACKET, began=1.2)
    assert sound[2 * FADE :] in heard
    assert line.told.lost == 0


def test_packet_that_comes_twice_counts_once() -> None:
    line = plain()
    sent = packets(counting(0.5))
    for n, packet in enumerate(sent):
        for _ in range(2):
            line.push(n, packet, n * FRAME)
        line.receiver.pull(n * FRAME)
        line.receiver.pull(n * FRAME + BLOCK)
        if n > 10:
            line.push(n - 10, packet, n * FRAME)
    assert (line.told.received, line.told.lost, line.told.late) == (len(sent), 0, 0)


def test_nothing_at_all_is_silence() -> None:
    assert plain().play([]) == pcm.SILENCE * 33


@pytest.mark.parametrize("packet", [b"", b"\xff", bytes(3)])
def test_packet_that_is_none_breaks_nothing(packet: bytes) -> None:
    line = opus()
    line.push(0, packet, 0.0)
    assert line.receiver.pull(0.1) == pcm.SILENCE or packet


# Loss


def test_lost_packet_is_recovered_from_the_next_one_where_that_was_waited_for() -> None:
    sent = packets(counting(2))
    with_copies = [packet + COPY + (sent[n - 1] if n else b"") for n, packet in enumerate(sent)]
    line = plain()
    line.play(with_copies, lost=range(3, 100, 9))
    heard = line.play(with_copies, lost=range(5, 100, 9), first=120 * PACKET, began=2.4)
    assert line.told.recovered >= 20
    assert counting(2)[2 * FADE :] in heard


def test_lost_packet_without_a_copy_is_concealed_for_just_its_length() -> None:
    line = plain()
    heard = pcm.samples(line.play(packets(counting(1) + bytes(9600)), lost=[20]))
    made_up = [n for n, value in enumerate(heard) if value < 0]
    assert 0.9 * PACKET <= made_up[-1] - made_up[0] <= 1.2 * PACKET
    assert heard[made_up[-1] + 500] - heard[made_up[0] - 500] == made_up[-1] - made_up[0] + 1000
    assert line.told.lost == 1


def test_copies_are_waited_for_until_the_line_is_known_and_after_a_loss() -> None:
    line = opus()
    line.play(speech(), lost=[455], tail=0)
    begins, known, lossy = (line.targets[n] for n in (300, 890, 980))
    assert begins >= FRAME
    assert known < FRAME
    assert lossy >= FRAME
    assert line.told.recovered == 1 or line.told.concealed <= 0.05


def test_delay_that_is_needed_no_more_goes_when_the_answer_is_over() -> None:
    line = opus()
    line.play(speech()[:450] + hush(1.0), tail=0)
    assert line.delays[890] >= FRAME
    assert line.told.delay <= 0.025


def test_nothing_is_waited_for_where_packets_carry_no_copies() -> None:
    encoder = OpusEncoder(copies=False, full_band=True)
    sent = [encoder.encode(packet) for packet in packets(counting(3))]
    line = opus()
    line.play(sent, lost=range(20, 140, 10), tail=0)
    assert line.told.target < FRAME


def test_one_lost_packet_changes_the_delay_for_three_seconds() -> None:
    line = opus()
    line.play(speech() * 2 + hush(1.0), lost=[455], tail=0)
    assert line.told.delay <= 0.022
    assert line.told.lost == 1


@pytest.mark.parametrize(
    ("lost", "most"),
    [
        (losing(600, 0.01, 1), 0.002),
        (losing(600, 0.05, 2), 0.003),
        (losing(600, 0.10, 3), 0.004),
        (losing(600, 0.20, 4), 0.010),
        (gilbert(600, 0.06, 0.35, 5), 0.040),
    ],
    ids=["1 %", "5 %", "10 %", "20 %", "bursts"],
)
def test_loss_leaves_hardly_any_silence(lost: set[int], most: float) -> None:
    line = opus()
    heard = line.play(speech(), lost=lost)
    assert silent_share(heard) <= most
    assert len(lost) - 3 <= line.told.lost <= len(lost)
    assert line.told.delay <= 0.045


def test_long_hole_ends_in_silence_and_not_in_babble() -> None:
    line = opus()
    line.play(speech(), lost=range(100, 140), tail=0)
    assert line.told.concealed <= CONCEALED_MOST + 0.02
    assert 0.5 <= line.told.missing <= 0.8
    assert line.told.underruns == 1


# Freezes


def test_no_word_is_lost_in_a_long_freeze() -> None:
    line = opus()
    line.play(speech(), late=frozen(200, 300), tail=BLOCK)  # 2 s
    assert (line.told.lost, line.told.late, line.told.dropped) == (0, 0, 0)
    assert 1.8 < line.told.missing < 2.0
    assert 0.2 < line.delays[-10] < 1.5  # it is being made up for
    before = line.told.stretched
    line.play(speech(), first=600 * PACKET, began=600 * FRAME)
    assert line.told.stretched > before
    assert line.told.received == 2 * len(speech())
    assert line.delays[-40] <= 0.035


def test_what_was_cut_off_during_a_long_freeze_stays_unheard() -> None:
    line = plain()
    sent = packets(counting(1))
    for n, packet in enumerate(sent):
        line.push(n, packet, n * FRAME)
        line.receiver.pull(n * FRAME)
        line.receiver.pull(n * FRAME + BLOCK)
    for n in range(100):
        line.receiver.pull(1.0 + n * BLOCK)
    line.receiver.clear(2.0)
    for n in range(50, 99):
        line.push(n, sent[0], 2.2)  # 1.2 s too late, and less
    assert [line.receiver.pull(2.2 + n * BLOCK) for n in range(50)] == [pcm.SILENCE] * 50
    for n in range(111, 115):
        line.push(n, sent[n - 100], 2.22 + (n - 111) * FRAME)
    heard = b"".join(line.receiver.pull(2.3 + n * BLOCK) for n in range(20))
    assert sent[12] in heard


def test_single_packet_that_comes_seconds_late_disturbs_nothing() -> None:
    line = opus()
    line.play(speech(), late={200: 1.6}, tail=0)
    assert (line.told.late, line.told.lost, line.told.missing) == (1, 0, 0)
    assert line.told.concealed <= 0.04
    assert max(line.delays[250:-10]) <= 0.045


def test_backlog_of_a_long_stall_is_given_up_but_for_its_end() -> None:
    line = plain()
    sent = packets(counting(5))
    for n, packet in enumerate(sent):
        line.push(n, packet, n * FRAME)
    assert line.receiver.buffered <= BACKLOG + 0.03
    assert line.told.dropped > 1
    now = len(sent) * FRAME
    heard = b"".join(line.receiver.pull(now + n * BLOCK) for n in range(100))
    assert pcm.peak(heard) == pcm.peak(sent[-1])


def test_going_on_after_a_backlog_was_given_up_does_not_click() -> None:
    line = plain()
    loud = b"\x00\x40" * PACKET
    for n in range(30):
        line.push(n, loud, n * FRAME)
        line.receiver.pull(n * FRAME)
        line.receiver.pull(n * FRAME + BLOCK)
    for n in range(30, 300):
        line.push(n, loud, n * FRAME)
    heard = pcm.samples(b"".join(line.receiver.pull(6 + n * BLOCK) for n in range(5)))
    assert line.told.dropped > 2
    assert max(abs(a - b) for a, b in pairwise(heard)) < 200


# New timelines


def test_sender_that_begins_a_new_timeline_is_followed() -> None:
    line = plain()
    line.play(packets(counting(0.5)), first=1_000_000_000)
    sound = counting(0.5)
    assert sound[2 * FADE :] in line.play(packets(sound), first=5, began=1.0)


def test_new_timeline_keeps_the_counts_and_adds_nothing_for_the_time_between() -> None:
    line = plain()
    loud = b"\x00\x40" * PACKET
    line.play([loud] * 50, lost=[10, 20, 30], first=1_000_000_000)
    missing = line.told.missing
    line.play([loud] * 20, first=5, began=600.0)
    assert (line.told.lost, line.told.missing) == (3, missing)


@pytest.mark.parametrize("first", [5, 3_500_000_000])  # one is before the last timeline's zero
def test_losses_count_on_a_new_timeline(first: int) -> None:
    line = plain()
    sent = [packet + COPY + packet for packet in packets(counting(12))]
    line.play(sent[:5], first=1_000_000_000)
    line.play(sent, lost=range(500, 600, 9), first=first, began=5.0)
    assert line.told.target >= FRAME  # it waits for copies


# Pauses of the sender


def test_pause_between_two_answers_costs_nothing() -> None:
    line = opus()
    line.play(speech()[:100])
    line.play(speech()[:100], first=250 * PACKET, began=5.0)
    assert line.told.delay <= 0.035  # nothing is known of the line yet
    assert (line.told.missing, line.told.lost) == (0, 0)


def test_answer_begins_as_soon_as_its_first_packet_may() -> None:
    line = plain()
    heard = line.play(packets(counting(0.2)))
    silent = len(heard) - len(heard.lstrip(b"\0"))
    assert silent / 2 / pcm.RATE <= FRAME + TRIP + 0.021


def test_packet_that_comes_after_its_turn_is_not_played_into_the_pause() -> None:
    line = plain()
    loud, quiet = b"\x00\x40" * PACKET, bytes(2 * PACKET)
    line.play([loud] * 20 + [quiet] * 10, lost=[18])
    line.push(18 - 30, loud, 1.0, first=30 * PACKET)
    assert [line.receiver.pull(1.0 + n * BLOCK) for n in range(20)] == [pcm.SILENCE] * 20
    assert line.told.late == 1


# Barge-in


def test_clear_fades_within_one_block() -> None:
    line = plain()
    line.play(packets(b"\x00\x40" * 48_000), tail=-0.5)
    line.receiver.clear(0.56)
    fading, after = line.receiver.pull(0.56), line.receiver.pull(0.57)
    values = pcm.samples(fading)
    assert values[0] > 15_000
    assert not any(values[FADE:])
    assert max(abs(a - b) for a, b in pairwise(values)) < 200
    assert after == pcm.SILENCE


def test_what_was_sent_before_a_clear_stays_unheard_and_what_comes_after_is_heard() -> None:
    line = plain()
    sent = packets(counting(1))
    for n in range(25):
        line.push(n, sent[n], n * FRAME)
        line.receiver.pull(n * FRAME)
        line.receiver.pull(n * FRAME + BLOCK)
    line.receiver.clear(0.485)
    line.receiver.pull(0.49)  # the fade
    for n in (22, 23, 24):
        line.push(n, sent[n], 0.49)  # they were on their way
    assert [line.receiver.pull(0.5 + n * BLOCK) for n in range(4)] == [pcm.SILENCE] * 4
    line.push(30, sent[30], 0.6)
    line.push(31, sent[31], 0.62)
    heard = b"".join(line.receiver.pull(0.6 + n * BLOCK) for n in range(12))
    assert sent[31] in heard


def test_clear_before_anything_came_drops_nothing() -> None:
    line = plain()
    line.receiver.clear(2.0, hold=0.04)  # the sender's clock may show anything then
    sound = counting(0.5)
    assert sound[2 * FADE :] in line.play(packets(sound), began=2.0)


def test_clear_that_holds_drops_what_is_yet_to_be_sent() -> None:
    line = plain()
    sent = packets(counting(1))
    line.push(0, sent[0], 0.0)
    line.receiver.clear(0.0, hold=0.3)
    line.receiver.pull(0.0)
    for n in range(1, 20):
        line.push(n, sent[n], n * FRAME)
    assert not line.receiver.pending or min(line.receiver._packets) >= 0.3 * pcm.RATE
    line.receiver.clear(0.4)
    assert line.receiver._gate == round(0.4 * pcm.RATE)


# Anything


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_network_keeps_its_promises(data: st.DataObject) -> None:
    line = plain()
    now, next_number = 0.0, 0
    for _ in range(data.draw(st.integers(20, 120))):
        match data.draw(st.sampled_from(["send", "lose", "old", "clear", "pull", "pause"])):
            case "send":
                line.push(next_number, sine(300, FRAME), now)
                next_number += 1
            case "lose":
                next_number += data.draw(st.integers(1, 5))
            case "old":
                number = max(0, next_number - data.draw(st.integers(1, 40)))
                line.push(number, sine(300, FRAME), now)
            case "clear":
                line.receiver.clear(now)
                assert len(line.receiver._playout) == 0
            case "pause":
                now += data.draw(st.floats(0, 3))
            case _:
                assert len(line.receiver.pull(now)) == pcm.BLOCK_BYTES
                now += BLOCK
        assert line.receiver.buffered <= BACKLOG + 3 * FRAME
    for _ in range(200):
        now += BLOCK
        line.receiver.pull(now)
    assert not line.receiver.pending
    assert line.receiver.pull(now) == pcm.SILENCE
