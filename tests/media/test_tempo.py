"""The delay is changed when it must be, or where nobody hears it, and not back and forth."""

import pytest

from appliance.media.pcm import RATE
from appliance.media.tempo import BLOCK, Tempo

TARGET = 0.0417
PATIENCE = 300  # blocks


class Card:
    """Asks for blocks, `at_once` in a row; each second one needs a packet that is so late."""

    def __init__(self, at_once: int = 1) -> None:
        self.tempo = Tempo()
        self._at_once = at_once
        self._asked = 0

    def ask(self, times: int, lateness: float, left: float = 0.0) -> None:
        for _ in range(times):
            self._asked += 1
            self.tempo.block(self._asked // self._at_once * self._at_once * BLOCK)
            if self._asked % 2:
                self.tempo.note(lateness, left)

    def excess(self, *, quiet: bool = False) -> float:
        return self.tempo.excess(TARGET, quiet=quiet)


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("lateness", [TARGET, TARGET + 0.005, TARGET + 0.0099])
def test_delay_that_is_enough_and_no_block_too_long_is_let_be(
    lateness: float, *, quiet: bool
) -> None:
    card = Card()
    card.ask(2 * PATIENCE, lateness)
    assert card.excess(quiet=quiet) == 0


def test_nothing_is_changed_before_a_few_packets_are_known() -> None:
    card = Card()
    card.ask(10, TARGET - 0.03)
    assert card.excess() == 0
    card.ask(2, TARGET - 0.03)
    assert card.excess() < 0


@pytest.mark.parametrize(("left", "put_in"), [(0.0, 0.010), (0.004, 0.006), (0.0095, 0.0005)])
def test_too_little_is_put_right_at_once_by_no_more_than_a_block_needs(
    left: float, put_in: float
) -> None:
    card = Card()
    card.ask(20, TARGET - 0.003, left)
    assert card.excess() == pytest.approx(-put_in)
    card.tempo.changed(round(put_in * RATE))
    card.ask(20, TARGET + 0.007)
    assert card.excess() == card.excess(quiet=True) == 0


def test_a_little_too_little_waits_for_a_pause() -> None:
    card = Card()
    card.ask(20, TARGET - 0.001)
    assert card.excess() == 0
    assert card.excess(quiet=True) == pytest.approx(-BLOCK)


def pause(card: Card, lateness: float, left: float = 0.0) -> float:
    """Ask through 400 ms of silence; return what is to be cut at its end."""
    for _ in range(19):
        card.ask(2, lateness, left)
        card.excess(quiet=True)
    card.ask(2, lateness, left)
    return card.excess(quiet=True)


def test_what_is_left_over_is_cut_at_the_end_of_an_answer() -> None:
    card = Card()
    card.ask(2 * PATIENCE, TARGET + 0.005, 0.007)
    assert card.excess() == card.excess(quiet=True) == 0
    assert pause(card, TARGET + 0.005, 0.007) == pytest.approx(0.007)


def test_a_block_too_much_waits_for_the_end_of_the_answer() -> None:
    card = Card()
    card.ask(2 * PATIENCE, TARGET + 0.015)
    assert card.excess() == card.excess(quiet=True) == 0
    assert pause(card, TARGET + 0.015) == pytest.approx(0.01)


def test_two_blocks_too_much_wait_for_a_pause() -> None:
    card = Card()
    card.ask(2 * PATIENCE, TARGET + 0.025)
    assert card.excess() == 0
    assert card.excess(quiet=True) == pytest.approx(0.02)


def test_more_waits_three_seconds_for_a_pause() -> None:
    card = Card()
    card.ask(20, TARGET + 0.035)
    assert card.excess() == 0
    card.ask(PATIENCE - 40, TARGET + 0.035)
    assert card.excess() == 0
    card.ask(40, TARGET + 0.035)
    assert card.excess() == pytest.approx(0.03)


def test_far_too_much_is_cut_at_once_and_to_the_end() -> None:
    card = Card()
    card.ask(20, TARGET + 0.095)
    delay, cuts = TARGET + 0.095, 0
    while (excess := card.excess()) and cuts < 100:
        assert excess > 0
        card.tempo.changed(-480)
        delay, cuts = delay - BLOCK, cuts + 1
        assert card.excess() == 0  # not at once again
        card.ask(8, delay)
    assert TARGET <= delay < TARGET + 0.02
    assert cuts >= 8


def test_a_change_is_reckoned_with_before_the_next_packets_tell() -> None:
    card = Card()
    card.ask(20, TARGET + 0.045, 0.004)
    assert card.excess(quiet=True) == pytest.approx(0.044)
    card.tempo.changed(-round(0.024 * RATE))
    card.ask(2, TARGET + 0.025)
    assert card.excess(quiet=True) == pytest.approx(0.020)


@pytest.mark.parametrize(("at_once", "excess"), [(1, 3 * BLOCK), (2, 2 * BLOCK), (4, 2 * BLOCK)])
def test_card_that_asks_for_several_blocks_gives_up_whole_packets_only(
    at_once: int, excess: float
) -> None:
    card = Card(at_once)
    card.ask(40, TARGET + 0.035)
    assert card.excess(quiet=True) == pytest.approx(excess)
    card.ask(40, TARGET - 0.002)
    assert card.excess() == pytest.approx(-BLOCK if at_once == 1 else -2 * BLOCK)


def test_new_beginning_forgets_what_was() -> None:
    card = Card()
    card.ask(20, TARGET - 0.03)
    card.tempo.forget()
    assert card.excess() == 0
