"""What the canceller takes in an echo is counted without the room that makes it."""

import os
from pathlib import Path

import pytest

from appliance.media.pcm import RATE
from tests.bench import weigh, weight
from tests.bench.sound import CHROMIUM
from tests.bench.weight import HEADPHONES, WITHOUT, Load, rows_of

PIPE_BYTES = 4096  # the fewest there are
PIPE_S = PIPE_BYTES / (2 * RATE)


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


def test_canceller_that_takes_nothing_was_not_measured() -> None:
    in_room = {HEADPHONES: load(5.0), WITHOUT: load(5.5)}
    with pytest.raises(ValueError, match=r"weight\.cpu could not be measured: .* -0\.50 CPU-s"):
        rows_of(LOADS, in_room)


def test_calls_of_a_kind_are_one_load() -> None:
    assert Load.of([Load(4.0, 80.0, 90.0), Load(6.0, 82.0, 85.0)]) == Load(5.0, 82.0, 90.0)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "person"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("piece_s", [PIPE_S, 1.5 * PIPE_S])  # it is full; or takes a part
async def test_person_whom_nobody_takes_out_of_the_pipe_is_told(
    piece_s: float, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight, "PIPE_BYTES", PIPE_BYTES)
    monkeypatch.setattr(weight, "PIECE_S", piece_s)
    with pytest.raises(RuntimeError, match="does not read"):
        await weight._say(pipe, bytes(2 * PIPE_BYTES))


def test_most_memory_is_never_less_than_what_is_there() -> None:
    assert weigh.peak(os.getpid()) >= weigh.resident(os.getpid()) - 1.0
