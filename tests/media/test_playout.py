from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.media import pcm
from appliance.media.playout import FADE_SAMPLES, HOLE_BLOCKS, PlayoutBuffer

BLOCK = pcm.BLOCK_SAMPLES


def level(samples: int, value: int = 10_000) -> bytes:
    return array("h", [value] * samples).tobytes()


def pull(buffer: PlayoutBuffer, blocks: int) -> "array[int]":
    return pcm.samples(b"".join(buffer.pull() for _ in range(blocks)))


def test_playing_starts_when_enough_has_gathered() -> None:
    buffer = PlayoutBuffer(prime=0.04)
    buffer.push(level(3 * BLOCK))
    assert not any(pull(buffer, 1))
    buffer.push(level(BLOCK))
    assert pull(buffer, 1)[-1] == 10_000


def test_a_short_sound_is_played_though_no_more_comes() -> None:
    buffer = PlayoutBuffer(prime=0.04)
    buffer.push(level(BLOCK))
    heard = pull(buffer, 8)
    assert list(heard).count(10_000) == BLOCK - FADE_SAMPLES


def test_a_start_fades_in() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(BLOCK))
    heard = pull(buffer, 1)
    assert heard[0] == 0
    assert list(heard[:FADE_SAMPLES]) == sorted(heard[:FADE_SAMPLES])


def test_running_dry_ends_softly_and_a_quick_return_is_an_underrun() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(BLOCK + 100))
    heard = pull(buffer, 3)
    tail = heard[BLOCK + 100 : BLOCK + 100 + FADE_SAMPLES]
    assert list(tail) == sorted(tail, reverse=True)
    assert tail[0] > 9_900
    assert tail[-1] == 0
    assert buffer.underruns == 0
    buffer.push(level(BLOCK))
    assert buffer.underruns == 1


def test_running_dry_at_a_block_boundary_does_not_click() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(BLOCK))
    assert steepest(pull(buffer, 3)) < 100


def test_running_dry_just_before_a_boundary_fades_into_the_next_block() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(2 * BLOCK - 5))
    heard = pull(buffer, 4)
    assert steepest(heard) < 100
    assert heard[2 * BLOCK] > 9_000


def test_the_end_of_a_sound_is_no_underrun() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(BLOCK))
    pull(buffer, 2 + HOLE_BLOCKS)
    buffer.push(level(BLOCK))
    assert buffer.underruns == 0


def test_a_backlog_is_thrown_away_at_the_limit() -> None:
    buffer = PlayoutBuffer(prime=0.04, limit=0.1)
    buffer.push(level(10 * BLOCK, 10_000) + level(4 * BLOCK, 20_000))
    assert buffer.overruns == 1
    assert buffer.buffered == 4 * BLOCK
    assert list(pull(buffer, 4)).count(20_000) == 4 * BLOCK - FADE_SAMPLES


def test_throwing_a_backlog_away_does_not_click() -> None:
    buffer = PlayoutBuffer(prime=0.02, limit=0.1)
    buffer.push(level(5 * BLOCK))
    before = pull(buffer, 2)
    buffer.push(level(8 * BLOCK))
    buffer.push(level(9 * BLOCK))
    assert buffer.overruns == 2
    assert steepest(before + pull(buffer, 3)) < 100


def test_clear_while_a_backlog_fades_out_ends_the_same_way() -> None:
    buffer = PlayoutBuffer(prime=0.02, limit=0.1)
    buffer.push(level(5 * BLOCK))
    before = pull(buffer, 2)
    buffer.push(level(9 * BLOCK))
    buffer.clear()
    after = pull(buffer, 3)
    assert steepest(before + after) < 100
    assert not any(after[FADE_SAMPLES:])


def test_clear_as_the_sound_begins_again_ends_from_silence() -> None:
    buffer = PlayoutBuffer(prime=0.02, limit=0.1)
    buffer.push(level(5 * BLOCK))
    pull(buffer, 2)
    buffer.push(level(9 * BLOCK))
    pull(buffer, 1)  # the fade of what was dropped
    buffer.clear()
    assert not any(pull(buffer, 3))


def test_clear_fades_out_within_5_ms_and_leaves_nothing() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(10 * BLOCK))
    before = pull(buffer, 2)
    buffer.clear()
    after = pull(buffer, 5)
    assert steepest(before + after) < 100
    assert not any(after[FADE_SAMPLES:])
    assert buffer.buffered == 0


def test_clear_just_after_the_stock_ran_low_still_fades() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(BLOCK + 10))
    before = pull(buffer, 1)
    buffer.clear()
    assert steepest(before + pull(buffer, 2)) < 100


def test_clear_before_the_start_is_silent() -> None:
    buffer = PlayoutBuffer(prime=0.04)
    buffer.push(level(BLOCK))
    buffer.clear()
    assert not any(pull(buffer, 10))


def test_clearing_twice_is_clearing_once() -> None:
    once, twice = PlayoutBuffer(), PlayoutBuffer()
    for buffer in (once, twice):
        buffer.push(level(10 * BLOCK))
        pull(buffer, 3)
        buffer.clear()
    twice.clear()
    assert pull(once, 3) == pull(twice, 3)


def test_what_comes_after_clear_is_played_in_full() -> None:
    buffer = PlayoutBuffer(prime=0.01)
    buffer.push(level(10 * BLOCK))
    pull(buffer, 2)
    buffer.clear()
    buffer.push(level(2 * BLOCK, 500))
    assert list(pull(buffer, 5)).count(500) == 2 * BLOCK - FADE_SAMPLES + 1


def test_nothing_pushed_is_nothing() -> None:
    buffer = PlayoutBuffer()
    buffer.push(b"")
    assert (buffer.pushed, buffer.buffered, buffer.gone) == (0, 0, 0)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        PlayoutBuffer().push(b"abc")


@given(st.lists(st.integers(min_value=1, max_value=2_000), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_pieces_of_any_length_come_out_unchanged(lengths: list[int]) -> None:
    sound = array("h", [(i % 20_000) + 1 for i in range(sum(lengths))])
    buffer = PlayoutBuffer(prime=0.01, limit=10.0)
    at = 0
    for length in lengths:
        buffer.push(sound[at : at + length].tobytes())
        at += length
    heard = pull(buffer, len(sound) // BLOCK + 3)
    start = BLOCK if len(sound) < BLOCK else 0  # less than a block waits for one
    kept = FADE_SAMPLES  # the start fades in
    assert heard[start + kept : start + len(sound)] == sound[kept:]


class Playout(RuleBasedStateMachine):
    """A hostile network and a patient sound card."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = PlayoutBuffer(prime=0.03, limit=0.2)
        self.pushed = 0
        self.last = 0
        self.cleared = False

    @rule(samples=st.integers(min_value=0, max_value=15_000))
    def push(self, samples: int) -> None:
        self.buffer.push(level(samples))
        self.pushed += samples
        self.cleared = self.cleared and not samples

    @rule(blocks=st.integers(min_value=1, max_value=30))
    def pull(self, blocks: int) -> None:
        heard = pull(self.buffer, blocks)
        assert len(heard) == blocks * BLOCK
        assert 0 <= min(heard) <= max(heard) <= 10_000
        assert steepest(array("h", [self.last]) + heard) < 100  # never a click
        if self.cleared:
            assert not any(heard[FADE_SAMPLES:])
        self.last = heard[-1]

    @rule()
    def clear(self) -> None:
        self.buffer.clear()
        self.cleared = True

    @rule()
    def silence_ends_every_sound(self) -> None:
        heard = pull(self.buffer, 40)
        self.last = heard[-1]
        assert heard[-1] == 0
        assert self.buffer.buffered == 0

    @invariant()
    def stock_is_bounded_and_nothing_is_lost_from_the_books(self) -> None:
        assert 0 <= self.buffer.buffered <= 9_600
        assert self.buffer.pushed == self.pushed
        assert self.buffer.gone + self.buffer.buffered == self.pushed


Playout.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestPlayout = Playout.TestCase


def steepest(values: "array[int]") -> int:
    """Largest step between neighbours; the sounds here are level, so a step is a click."""
    return max(abs(b - a) for a, b in pairwise(values))
