"""A plan does to each packet what it says, every time the same."""

from itertools import groupby

import pytest

from tests.bench.line import Fate, Plan


def fates(plan: Plan, count: int = 5000) -> list[float | None]:
    fate = Fate(plan)
    return [fate.next() for _ in range(count)]


def test_same_seed_is_the_same_line_and_another_is_another() -> None:
    plan = Plan(carries="", loss=0.1, jitter=0.04)
    assert fates(plan) == fates(plan)
    assert fates(plan) != fates(Plan(carries="", loss=0.1, jitter=0.04, seed=2))


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.2])
def test_share_is_lost(loss: float) -> None:
    lost = fates(Plan(carries="", loss=loss)).count(None)
    assert lost / 5000 == pytest.approx(loss, abs=0.015)


def test_bursts_are_longer_than_chance() -> None:
    came = fates(Plan(carries="", bad=0.06, good=0.35))
    runs = [len(list(run)) for lost, run in groupby(came, lambda fate: fate is None) if lost]
    assert came.count(None) / 5000 == pytest.approx(0.06 / 0.41, abs=0.03)
    assert sum(runs) / len(runs) == pytest.approx(1 / 0.35, rel=0.2)


def test_named_packets_are_lost_and_no_others() -> None:
    came = fates(Plan(carries="", lose=(3, 7)), 20)
    assert [number for number, fate in enumerate(came) if fate is None] == [3, 7]


def test_jitter_is_within_its_bound() -> None:
    held = [fate for fate in fates(Plan(carries="", jitter=0.04)) if fate is not None]
    assert 0 <= min(held) < 0.002
    assert 0.038 < max(held) <= 0.04


def test_frozen_packets_come_all_at_once() -> None:
    came = fates(Plan(carries="", freeze=(10, 20)), 40)
    arrivals = {round(n * 0.02 + fate, 6) for n, fate in enumerate(came[10:30], 10) if fate}
    assert arrivals == {0.6}
    assert set(came[:10] + came[30:]) == {0}
