"""What becomes of the readings of power and heat."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.core.events import BoardChanged, Event
from appliance.hardware.hwmon import Board
from appliance.power import CALM_TIME, HEAT, SEARCH_PAUSE, UNDERVOLTAGE, PowerWatch, Strain
from tests.hardware.hwmon_tree import HwmonTree

WELL = Board(undervoltage=False, celsius=50.0)
WEAK = Board(undervoltage=True, celsius=50.0)


def hot(celsius: float) -> Board:
    return Board(undervoltage=False, celsius=celsius)


def test_weak_supply_is_told_at_once_and_trusted_after_a_minute_of_calm() -> None:
    strain = Strain()
    assert strain.feed(WELL, 0.0) is None
    assert strain.feed(WEAK, 2.0) == UNDERVOLTAGE
    assert strain.feed(WELL, 4.0) == UNDERVOLTAGE
    assert strain.feed(WEAK, 40.0) == UNDERVOLTAGE
    assert strain.feed(WELL, 40.0 + CALM_TIME - 0.1) == UNDERVOLTAGE
    assert strain.feed(WELL, 40.0 + CALM_TIME) is None
    assert strain.undervoltages == 1
    assert strain.feed(WEAK, 120.0) == UNDERVOLTAGE
    assert strain.undervoltages == 2


def test_heat_is_told_from_80_degrees_on_until_it_is_below_75() -> None:
    strain = Strain()
    told = [strain.feed(hot(celsius), 0.0) for celsius in (79.9, 80.0, 75.1, 79.0, 74.9, 79.9)]
    assert told == [None, HEAT, HEAT, HEAT, None, None]


def test_weak_supply_is_told_before_heat() -> None:
    strain = Strain()
    assert strain.feed(Board(undervoltage=True, celsius=90.0), 0.0) == UNDERVOLTAGE
    assert strain.feed(hot(90.0), CALM_TIME) == HEAT


def test_what_is_not_known_is_not_wrong() -> None:
    strain = Strain()
    strain.feed(Board(undervoltage=True, celsius=90.0), 0.0)
    assert strain.feed(Board(), CALM_TIME) is None


@asynccontextmanager
async def watching(sys: Path, posted: list[Event]) -> AsyncIterator[PowerWatch]:
    watch = PowerWatch(posted.append, sys)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watch.run())
        await asyncio.sleep(1)
        yield watch
        running.cancel()


@pytest.mark.looptime
async def test_changes_are_posted_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree, posted = HwmonTree(tmp_path), list[Event]()
    caplog.set_level("INFO")
    async with watching(tmp_path, posted) as watch:
        assert posted == []
        tree.alarm(True)
        await asyncio.sleep(10)
        assert posted == [BoardChanged(UNDERVOLTAGE)]
        assert watch.board == Board(undervoltage=True, celsius=46.3)
        tree.alarm(False)
        await asyncio.sleep(CALM_TIME + 2)
    assert posted == [BoardChanged(UNDERVOLTAGE), BoardChanged(None)]
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in told] == ["WARNING", "INFO"]
    assert UNDERVOLTAGE.cause in told[0][1]


@pytest.mark.looptime
async def test_sensors_that_come_later_are_found_and_none_is_no_problem(tmp_path: Path) -> None:
    posted: list[Event] = []
    async with watching(tmp_path, posted) as watch:
        await asyncio.sleep(600)
        assert watch.board == Board()
        tree = HwmonTree(tmp_path)
        tree.celsius = 81.0
        await asyncio.sleep(SEARCH_PAUSE)
    assert posted == [BoardChanged(HEAT)]
