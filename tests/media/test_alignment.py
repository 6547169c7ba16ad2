"""The reference comes when its echo does, wherever that is and however the clocks run."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from appliance.media.alignment import _MOST, LEAD, Alignment, _Tape
from appliance.media.bands import WIDE_BLOCK, WIDE_RATE, Block

Sound = npt.NDArray[np.float64]


def noise(seconds: float, seed: int = 1) -> Sound:
    return np.random.default_rng(seed).normal(0, 3000, round(seconds * WIDE_RATE))


def echo(far: Sound, delay: float, ppm: float = 0.0) -> Sound:
    places = np.arange(len(far)) * (1 + ppm * 1e-6) - delay * WIDE_RATE
    heard: Sound = np.interp(places, np.arange(len(far)), far, left=0.0, right=0.0)
    return heard


def blocks(sound: Sound) -> list[Block]:
    whole = sound[: len(sound) // WIDE_BLOCK * WIDE_BLOCK]
    return list(np.clip(whole, -32768, 32767).astype(np.int16).reshape(-1, WIDE_BLOCK))


def run(
    alignment: Alignment, far: Sound, near: Sound, *, sounding: bool = True
) -> tuple[Sound, list[int]]:
    """Return the reference, and in which blocks the delay was set anew."""
    reference, anew = [], []
    for number, (out, heard) in enumerate(zip(blocks(far), blocks(near), strict=True)):
        reference.append(alignment.reference(out))
        if alignment.watch(reference[-1], heard, sounding=sounding):
            anew.append(number)
    return np.concatenate(reference).astype(float), anew


def lead(reference: Sound, near: Sound, at: float) -> float:
    """Return how many seconds the reference is before its echo, at a moment."""
    start, reach = round(at * WIDE_RATE), round(0.1 * WIDE_RATE)
    piece, around = reference[start : start + 4000], near[start - reach : start + 4000 + reach]
    return (int(np.correlate(around, piece, "valid").argmax()) - reach) / WIDE_RATE


@pytest.mark.parametrize(
    ("delay", "before"), [(0.0, 0.0), (0.02, 0.02), (0.0801, LEAD), (0.15, LEAD), (0.35, LEAD)]
)
def test_echo_is_found_wherever_it_is_and_its_reference_comes_before_it(
    delay: float, before: float
) -> None:
    far = noise(3)
    alignment = Alignment()
    near = echo(far, delay)
    reference, _ = run(alignment, far, near)
    assert alignment.delay == pytest.approx(delay, abs=2e-4)
    assert lead(reference, near, 2.5) == pytest.approx(before, abs=3e-4)


def test_reference_that_is_near_enough_is_left_alone() -> None:
    far = noise(3)
    reference, anew = run(Alignment(), far, echo(far, 0.03))
    assert anew == []
    assert np.corrcoef(reference[2:], far[:-2])[0, 1] > 0.999


def test_nothing_is_set_without_an_echo() -> None:
    alignment = Alignment()
    _, anew = run(alignment, noise(4), noise(4, seed=2))
    assert (anew, alignment.delay) == ([], None)


def test_silence_is_not_searched_for_an_echo() -> None:
    alignment = Alignment()
    far = noise(3)
    run(alignment, far, echo(far, 0.1), sounding=False)
    assert alignment.delay is None


@pytest.mark.parametrize("ppm", [300.0, -300.0, 50.0])
def test_drift_is_followed_until_the_room_stands_still(ppm: float) -> None:
    far = noise(40)
    alignment = Alignment()
    reference, anew = run(alignment, far, echo(far, 0.08, ppm))
    assert alignment.drift * 1e6 == pytest.approx(ppm, abs=2)
    assert len(anew) == 1
    near = echo(far, 0.08, ppm)
    moved = lead(reference, near, 39) - lead(reference, near, 30)
    assert abs(moved) <= 1.5e-4  # two samples, in nine seconds


@pytest.mark.parametrize("ppm", [300.0, 0.0])
def test_reference_is_where_its_echo_comes_after_ten_seconds_of_silence(ppm: float) -> None:
    far = noise(34)
    silent = slice(20 * WIDE_RATE, 30 * WIDE_RATE)
    far[silent] = 0
    near = echo(far, 0.08, ppm)
    alignment = Alignment()
    before, _ = run(alignment, far[: silent.start], near[: silent.start])
    run(alignment, far[silent], near[silent], sounding=False)
    after, _ = run(alignment, far[silent.stop :], near[silent.stop :])
    moved = lead(after, near[silent.stop :], 0.2) - lead(before, near[: silent.start], 19)
    assert abs(moved) <= 1.5 / WIDE_RATE  # a sample


@pytest.mark.parametrize("ppm", [0.0, 50.0, -300.0])
def test_short_answers_are_enough_to_be_where_the_echo_comes_after_the_next_pause(
    ppm: float,
) -> None:
    far = noise(40)
    answers = [slice(at * WIDE_RATE, (at + 3) * WIDE_RATE) for at in range(0, 39, 12)]
    for before, answer in pairwise(answers):
        far[before.stop : answer.start] = 0
    near = echo(far, 0.08, ppm)
    alignment, reference = Alignment(), []
    for far_block, near_block in zip(blocks(far), blocks(near), strict=True):
        reference.append(alignment.reference(far_block))
        alignment.watch(reference[-1], near_block, sounding=bool(reference[-1].any()))
    held = lead(np.concatenate(reference).astype(float), near, 36.2)
    assert held == pytest.approx(LEAD, abs=2.5 / WIDE_RATE)


def test_echo_is_held_where_it_was_once_the_drift_is_known() -> None:
    far = noise(20)
    near = echo(far, 0.08, 300)
    reference, _ = run(Alignment(), far, near)
    assert lead(reference, near, 19) == pytest.approx(LEAD, abs=1.5 / WIDE_RATE)


@pytest.mark.parametrize("at", [3, 4, 6])
def test_small_jump_is_no_drift(at: int) -> None:
    far = noise(30)
    jump = at * WIDE_RATE
    near = np.concatenate((echo(far, 0.08)[:jump], echo(far, 0.082)[jump:]))
    alignment = Alignment()
    reference, _ = run(alignment, far, near)
    assert abs(alignment.drift) < 5e-6
    assert alignment.delay == pytest.approx(0.082, abs=2e-4)
    assert lead(reference, near, 29) == pytest.approx(
        LEAD + 0.002, abs=1e-4
    )  # the filter was there


def test_echo_that_comes_at_once_is_where_it_is() -> None:
    far = noise(0.9)  # one look
    alignment = Alignment()
    _, anew = run(alignment, far, echo(far, 0.005))
    assert anew == []
    assert alignment.delay == pytest.approx(0.005, abs=2e-4)


def test_small_jumps_do_not_add_up_until_the_echo_comes_before_its_reference() -> None:
    far = noise(40)
    jumps = np.minimum(np.arange(len(far)) // (4 * WIDE_RATE), 9) * 0.003
    near = np.interp(
        np.arange(len(far)) - (0.08 - jumps) * WIDE_RATE, np.arange(len(far)), far, left=0.0
    )
    reference, anew = run(Alignment(), far, near)
    assert len(anew) > 1
    assert 0.012 < lead(reference, near, 39) < 0.06


def test_reference_is_there_however_long_it_drifts_unseen() -> None:
    far = noise(20)
    alignment = Alignment()
    run(alignment, far, echo(far, 0.35, -300))
    again = noise(1)
    references = [alignment.reference(block) for block in blocks(again) * 400]
    last = np.concatenate(references[-100:]).astype(float)
    assert np.abs(last - np.roll(again, _MOST + 2)).max() <= 1  # held at the most that is kept


def test_echo_that_comes_sooner_and_sooner_than_can_be_held_is_left_alone() -> None:
    far = noise(20)
    near = echo(far, 0.03, 300)
    alignment = Alignment()
    reference, anew = run(alignment, far, near)
    assert anew == []
    assert alignment.drift == pytest.approx(300e-6, abs=5e-6)
    assert np.corrcoef(reference[2:], far[:-2])[0, 1] > 0.999


def test_jump_is_noticed_and_set_right() -> None:
    far = noise(12)
    near = np.concatenate((echo(far, 0.08)[: 5 * WIDE_RATE], echo(far, 0.14)[5 * WIDE_RATE :]))
    alignment = Alignment()
    _, anew = run(alignment, far, near)
    assert len(anew) == 2
    assert alignment.delay == pytest.approx(0.14, abs=2e-4)


def test_echo_that_comes_before_its_reference_is_found_too() -> None:
    far = noise(12)
    near = np.concatenate((echo(far, 0.12)[: 5 * WIDE_RATE], echo(far, 0.05)[5 * WIDE_RATE :]))
    alignment = Alignment()
    run(alignment, far, near)
    assert alignment.delay == pytest.approx(0.05, abs=2e-4)


def test_forgotten_delay_is_looked_for_again() -> None:
    far = noise(6)
    alignment = Alignment()
    run(alignment, far, echo(far, 0.1))
    alignment.forget()
    _, anew = run(alignment, far, echo(far, 0.2))
    assert len(anew) == 1
    assert alignment.delay == pytest.approx(0.2, abs=2e-4)


def jumping(alignment: Alignment, to: float, blocks_after: int) -> tuple[Sound, Sound, int]:
    """Return reference and microphone of an echo that jumps after 5 s, and how long it took."""
    far = noise(8)
    near = np.concatenate((echo(far, 0.08)[: 5 * WIDE_RATE], echo(far, to)[5 * WIDE_RATE :]))
    reference, took = [], -1
    for number, (out, heard) in enumerate(zip(blocks(far), blocks(near), strict=True)):
        reference.append(alignment.reference(out))
        assert not alignment.watch(reference[-1], heard, sounding=True) or number < 200
        if number == 500 + blocks_after:
            assert alignment.seek()
        if number > 500 + blocks_after and took < 0 and not alignment.seeking:
            took = number - 500
    return np.concatenate(reference).astype(float), near, took


@pytest.mark.parametrize("to", [0.07, 0.09, 0.103, 0.3])
def test_echo_that_is_sought_is_back_where_it_was_within_300_ms(to: float) -> None:
    alignment = Alignment()
    reference, near, took = jumping(alignment, to, 3)
    assert 0 < took <= 30
    assert alignment.jumps == 1
    moved = lead(reference, near, 6) - lead(reference, near, 4)
    assert abs(moved) <= 1 / WIDE_RATE


def test_seeking_what_has_not_jumped_changes_nothing_and_is_not_done_again_at_once() -> None:
    far = noise(6)
    near = echo(far, 0.08)
    early, late = slice(5 * WIDE_RATE), slice(5 * WIDE_RATE, 5 * WIDE_RATE + 30 * WIDE_BLOCK)
    alignment = Alignment()
    run(alignment, far[early], near[early])
    before = alignment.delay
    assert alignment.seek()
    run(alignment, far[late], near[late])
    assert not alignment.seeking
    assert alignment.delay == pytest.approx(before, abs=1e-5)
    assert alignment.jumps == 0
    assert not alignment.seek()


def test_nothing_is_sought_before_an_echo_was_found() -> None:
    assert not Alignment().seek()


def test_seeking_ends_without_an_echo() -> None:
    far = noise(8)
    alignment = Alignment()
    run(alignment, far, echo(far, 0.08))
    assert alignment.seek()
    run(alignment, noise(1, seed=2), noise(1, seed=3))
    assert not alignment.seeking


def test_past_reference_is_what_it_was() -> None:
    far = noise(4)
    alignment = Alignment()
    reference, _ = run(alignment, far, echo(far, 0.1))
    for ago in (0, 1, 29):
        end = len(reference) - ago * WIDE_BLOCK
        assert np.abs(alignment.past(ago) - reference[end - WIDE_BLOCK : end]).max() <= 60


@pytest.mark.parametrize("step", [1.0, 1.0003, 0.9997, 1.01])
def test_what_is_between_the_samples_is_the_cubic_through_its_neighbours(step: float) -> None:
    rng = np.random.default_rng(7)
    tape, sound = _Tape(1000), noise(1)
    for count, block in enumerate(blocks(sound), 1):
        tape.add(block)
        back = rng.uniform(WIDE_BLOCK * step + 2, 990)
        places = count * WIDE_BLOCK - back + np.arange(WIDE_BLOCK) * step
        if places[0] < 1:
            continue
        index, heard = np.floor(places).astype(int), np.trunc(np.clip(sound, -32768, 32767))
        part = places - index
        before, here, after, beyond = (heard[index + n] for n in (-1, 0, 1, 2))
        bend, twist = 2 * before - 5 * here + 4 * after - beyond, 3 * (here - after) + beyond
        expected = here + part / 2 * (after - before + part * (bend + part * (twist - before)))
        assert np.abs(tape.block(back, step) - expected).max() < 0.02
