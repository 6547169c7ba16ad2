"""No power cut that was made is lost, whatever breaks in the next."""

from collections.abc import Callable, Iterator

import pytest

from tests.bench.cuts import CUTS, SPOILT_MOST, SpoiltError, tallied
from tests.vm.machine import MachineError

Breaking = Callable[[int], Iterator[str]]


def cards(*troubles: Exception | None, each: int = 2) -> Breaking:
    """Cards that take `each` cuts; the first ones then end with these errors."""
    left = iter(troubles)

    def card(done: int) -> Iterator[str]:
        for _ in range(each):
            yield "settings"
        if (trouble := next(left, None)) is not None:
            raise trouble

    return card


def counts(card: Breaking, done: int = 0, until: int = CUTS) -> Iterator[tuple[float, float]]:
    """The count after each step."""
    told = 0

    def over() -> bool:
        return told >= until

    for cut, fault in tallied(done, 0, card, over):
        told = int(cut.ours)
        yield cut.ours, fault.ours


def test_each_cut_is_told_before_the_next_begins() -> None:
    begun: list[int] = []

    def card(done: int) -> Iterator[str]:
        for number in range(3):
            begun.append(done + number)
            yield "call"

    seen = [(done, len(begun)) for done, _ in counts(card, until=3)]
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_count_goes_on_where_it_was_and_ends_at_the_goal() -> None:
    assert list(counts(cards(), done=CUTS - 3)) == [(CUTS - n, 0) for n in (2, 1, 0)]


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("no JSON"), SpoiltError()])
def test_broken_measurement_costs_no_count_and_is_no_fault(error: Exception) -> None:
    assert list(counts(cards(error), until=4)) == [(1, 0), (2, 0), (3, 0), (4, 0)]


def test_machine_that_cannot_be_measured_again_and_again_is_told() -> None:
    with pytest.raises(BrokenPipeError):
        list(counts(cards(*[BrokenPipeError()] * SPOILT_MOST, each=0)))


@pytest.mark.parametrize("error", [AssertionError("the volume was lost"), MachineError("hangs")])
def test_what_a_cut_breaks_is_a_fault_of_that_cut(error: Exception) -> None:
    assert list(counts(cards(error), until=4)) == [(1, 0), (2, 0), (3, 1), (4, 1)]
