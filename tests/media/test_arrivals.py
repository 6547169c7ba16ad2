"""What is lost is told from what is late, by the numbers in RTP's header."""

import random
from collections.abc import Mapping

import pytest

from appliance.media.arrivals import FLOOR, Arrivals, Losses
from appliance.media.pcm import RATE

FRAME = 0.02  # s
FIRST = 65_530  # wraps soon


def after(*numbers: int) -> Losses:
    losses = Losses()
    for number in numbers:
        losses.note((FIRST + number) % 2**16)
    return losses


def test_packet_is_missing_when_four_later_ones_were_sent() -> None:
    assert after(0, 1, 3, 4, 5).missing == 0
    assert after(0, 1, 3, 4, 5, 6).missing == 1
    assert after(0, 1, 3, 4, 5, 6, 7, 8, 9).missing == 1


def test_hole_is_missing_as_a_whole() -> None:
    assert after(0, 1, 20).missing == 15
    assert after(0, 1, *range(20, 30)).missing == 18


def test_packet_that_comes_after_all_is_not_missing() -> None:
    assert after(0, 1, *range(3, 20), 2).missing == 0
    assert after(0, *range(25, 0, -1), 26).missing == 0  # a freeze, shaken up
    assert after(0, 1, *range(3, 20), 2, 2, 2).missing == 0


@pytest.mark.parametrize("first", [0, 5, 300, 65_535])
def test_nothing_is_missing_before_the_first_packet(first: int) -> None:
    losses = Losses()
    for number in range(10):
        assert losses.note((first + number) % 2**16)
    assert (losses.missing, losses.lost) == (0, 0)


def test_another_row_of_numbers_is_no_loss() -> None:
    losses = after(*range(10))
    for number in range(30_000, 30_010):
        losses.note(number)
    assert losses.missing == 0


def test_new_timeline_counts_from_its_beginning() -> None:
    losses = after(*range(10))
    losses.begin_anew()
    for number in (10, 11, 13, 14, 15, 16, 17):
        losses.note((FIRST + number) % 2**16)
    assert losses.missing == 1


def seconds_of_waiting(lost: int) -> float:
    """Return for how long copies are waited for after so many losses on a line that is known."""
    arrivals = Arrivals()
    arrivals.copies = True
    waited = 0
    for number in range(2000):
        arrivals.note(number * 960, number * 960 / RATE)
        if number == 500:
            assert arrivals.target < FRAME
            arrivals.lost(lost)
        waited += number > 500 and arrivals.target >= FRAME
    return waited * FRAME


@pytest.mark.parametrize(
    ("lost", "least", "most"), [(0, 0, 0), (1, 2, 4), (2, 8, 11), (5, 15, 20), (100, 15, 20)]
)
def test_copies_are_waited_for_the_longer_the_more_was_lost(
    lost: int, least: float, most: float
) -> None:
    assert least <= seconds_of_waiting(lost) <= most


def test_copies_are_waited_for_until_nothing_was_lost_for_eight_seconds() -> None:
    arrivals = Arrivals()
    arrivals.copies = True
    for number in range(600):
        arrivals.note(number * 960, number * 960 / RATE)
        assert (arrivals.target >= FRAME) == (number < 399)


def test_jitter_does_not_add_to_what_an_unknown_line_is_waited_for() -> None:
    arrivals = Arrivals()
    arrivals.copies = True
    for number in range(300):
        arrivals.note(number * 960, number * 960 / RATE + 0.04 * (number * 7 % 10 / 10))
    assert arrivals.target == pytest.approx(0.038, abs=0.001)
    arrivals.lost(1)
    arrivals.note(300 * 960, 300 * 960 / RATE)
    assert arrivals.target >= 0.045


def test_loss_that_was_none_is_taken_back() -> None:
    arrivals = Arrivals()
    arrivals.copies = True
    for number in range(500):
        arrivals.note(number * 960, number * 960 / RATE)
    arrivals.lost(4)
    arrivals.lost(-4)
    arrivals.note(500 * 960, 500 * 960 / RATE)
    assert arrivals.target < FRAME


def test_a_few_copies_more_or_less_do_not_change_what_is_waited_for() -> None:
    rng = random.Random(3)  # noqa: S311 - the same jitter each time
    arrivals = Arrivals()
    arrivals.copies = True
    targets = set()
    for number in range(1500):
        arrivals.note(number * 960, number * 960 / RATE + 0.03 * rng.random())
        arrivals.lost(number % 30 == 0)
        if number > 200:
            targets.add(arrivals.target)
    assert len(targets) <= 2  # in 26 s
    assert all(0.040 <= target <= 0.050 for target in targets)


def test_way_that_has_become_longer_is_not_waited_for_once_it_is_known() -> None:
    arrivals = Arrivals()
    for number in range(500):
        arrivals.note(number * 960, number * FRAME)
    for number in range(500, 800):
        arrivals.note(number * 960, number * FRAME + 0.3)
    assert arrivals.target == pytest.approx(FLOOR)
    assert arrivals.jitter == pytest.approx(0, abs=1e-6)


def target_after(late: Mapping[int, float]) -> float:
    """Return how long is waited after 400 packets of which these were so late, in any order."""
    arrivals = Arrivals()
    came = sorted((number * FRAME + late.get(number, 0.0), -number) for number in range(400))
    for now, number in came:
        arrivals.note(-number * 960, now)
    return arrivals.target


@pytest.mark.parametrize("late", [0.012, 0.022, 0.043])
def test_packets_that_others_overtake_are_waited_for(late: float) -> None:
    assert late < target_after(dict.fromkeys(range(0, 400, 4), late)) <= late + 0.003


def test_one_standstill_counts_once_in_whatever_order_it_ends() -> None:
    held = {number: (320 - number) * FRAME + 1e-5 * (number * 7 % 20) for number in range(300, 320)}
    assert target_after(held) == pytest.approx(FLOOR)
