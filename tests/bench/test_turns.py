"""The whole loop is counted honestly, and a stopped count goes on."""

from pathlib import Path

import pytest

from tests.bench import rows
from tests.bench import turns as whole
from tests.bench.processes import emulator, measured_code
from tests.bench.room import ROOMS
from tests.bench.rows import keep, unfinished
from tests.bench.turns import SCRIPT, TURNS, Count, rows_of


def test_turns_are_whole_calls() -> None:
    assert TURNS % len(SCRIPT) == 0


@pytest.mark.parametrize("stopped", [True, False])
def test_stopped_count_of_the_same_code_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stopped: bool
) -> None:
    monkeypatch.setattr(rows, "RESULTS", tmp_path)
    so_far = Count(20, 2, 1, 0), Count(4, 1, 0, 9)
    code = measured_code()
    keep("turns", unfinished(code) if stopped else code, rows_of(*so_far))
    assert whole._counted_so_far() == (so_far if stopped else (Count(), Count()))


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_person_in_a_room_is_understood_and_nobody_else_heard() -> None:
    count = Count()
    async with emulator() as url:
        await whole._call(url, "webrtc", ROOMS["nominal"], SCRIPT[:2], count)
    assert count == Count(turns=2)
