"""Larger buffers after a burst of xruns, and smaller ones after long calm."""

from appliance.hardware.buffers import APART, BURST, BURST_TIME, CALM, SETTLING, Buffers


def burst(buffers: Buffers, at: float, xruns: int = 0, apart: float = 1.0) -> list[bool]:
    """Note BURST xruns, each `apart` seconds after the one before."""
    return [buffers.note(xruns + i + 1, at + i * apart) for i in range(BURST)]


def test_burst_asks_for_the_next_size_once() -> None:
    buffers = Buffers(10)
    buffers.opened(0.0)
    assert burst(buffers, 10.0) == [False, False, True]
    assert buffers.size_ms == 20


def test_sizes_go_up_to_the_largest_and_stay_there() -> None:
    buffers, asked = Buffers(10), []
    for opening in range(4):
        buffers.opened(100.0 * opening)
        asked.append(burst(buffers, 100.0 * opening + 10)[-1])
    assert asked == [True, True, False, False]
    assert buffers.size_ms == 40


def test_xruns_far_apart_are_no_burst() -> None:
    buffers = Buffers(10)
    buffers.opened(0.0)
    assert not any(burst(buffers, 10.0, apart=BURST_TIME / (BURST - 1) + 0.1))
    assert buffers.size_ms == 10


def test_one_long_stall_is_one_interruption_however_many_xruns_it_makes() -> None:
    buffers = Buffers(10)
    buffers.opened(0.0)
    assert not any(burst(buffers, 10.0, apart=APART / 2))
    assert not any(buffers.note(100 + i, 12.0 + i * APART / 5) for i in range(50))


def test_the_same_count_again_is_nothing_new() -> None:
    buffers = Buffers(10)
    buffers.opened(0.0)
    assert not any(buffers.note(1, 10.0 + i) for i in range(20))


def test_what_is_missed_while_the_card_starts_does_not_count() -> None:
    buffers = Buffers(10)
    buffers.opened(50.0)
    step = SETTLING / (BURST + 1)
    assert not any(burst(buffers, 50.0, apart=step))
    assert not any(burst(buffers, 60.0, xruns=BURST)[:-1])


def test_next_call_begins_with_what_the_last_one_needed() -> None:
    buffers = Buffers(10)
    buffers.opened(0.0)
    burst(buffers, 10.0)
    buffers.closed(100.0)
    buffers.opened(200.0)
    assert buffers.size_ms == 20


def test_after_long_calm_a_smaller_size_is_tried() -> None:
    buffers = Buffers(10)
    buffers.opened(0.0)
    burst(buffers, 10.0)
    buffers.opened(20.0)
    burst(buffers, 30.0)
    assert buffers.size_ms == 40
    now = 40.0
    sizes = []
    for _ in range(4):  # four calls of half the time each
        buffers.opened(now)
        now += CALM / 2
        buffers.closed(now)
        sizes.append(buffers.size_ms)
        now += 1000.0
    assert sizes == [40, 20, 20, 10]


def test_burst_begins_the_calm_anew() -> None:
    buffers = Buffers(20)
    buffers.opened(0.0)
    buffers.note(1, 10.0)
    burst(buffers, CALM - 5, xruns=1)
    buffers.closed(CALM + 1)
    assert buffers.size_ms == 40


def test_it_never_goes_below_what_was_set() -> None:
    buffers = Buffers(20)
    buffers.opened(0.0)
    buffers.closed(10 * CALM)
    assert buffers.size_ms == 20
