"""What the canceller takes in an echo is counted without the room that makes it."""

import os

import pytest

from tests.bench import weigh
from tests.bench.sound import CHROMIUM
from tests.bench.weight import HEADPHONES, WITHOUT, Load, rows_of


def load(cpu: float) -> Load:
    return Load(cpu, 80.0, 90.0)


LOADS = {HEADPHONES: load(7.0), WITHOUT: load(5.0), CHROMIUM: load(17.0)}


@pytest.mark.parametrize("room", [0.0, 6.0])
def test_room_weighs_nothing(room: float) -> None:
    in_room = {HEADPHONES: load(room + 8.0), WITHOUT: load(room + 5.0)}
    cpu = rows_of(LOADS, in_room)[0]
    assert cpu.ours == pytest.approx(8.0)
    assert cpu.at_most == pytest.approx(8.5)
    assert cpu.against == {who: each.cpu for who, each in LOADS.items()}


def test_most_memory_is_never_less_than_what_is_there() -> None:
    assert weigh.peak(os.getpid()) >= weigh.resident(os.getpid()) - 1.0
