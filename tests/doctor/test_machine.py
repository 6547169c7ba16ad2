"""What the doctor finds out about the machine, by files that are made for it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.console.views import BoardView
from appliance.doctor import machine
from appliance.doctor.contract import Found
from appliance.doctor.machine import (
    EARLIEST,
    UNSURE,
    board,
    clock,
    clock_error,
    disk,
    heat,
    memory,
    power,
)
from appliance.errors import DeviceError
from tests.console.stage import stage
from tests.hardware.hwmon_tree import HwmonTree

NOW = EARLIEST + 1e7


def verdict(found: str | Found) -> str:
    return found.verdict if isinstance(found, Found) else "ok"


def told(found: str | Found) -> str:
    return found.sentence if isinstance(found, Found) else found


async def test_board_and_system_are_named(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 13"\n')

    assert (await board(tmp_path)).startswith("Raspberry Pi 5 Model B Rev 1.0; Debian GNU/Linux 13")
    assert (await board(tmp_path / "empty")).startswith("No Raspberry Pi; unknown system; Linux ")


async def test_year_1970_is_a_fault_that_names_its_cure(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="1970-01-01 00:01") as caught:
        await clock(tmp_path, now=lambda: 60.0)
    assert "NTP" in caught.value.cure


@pytest.mark.parametrize(
    ("error", "expected"),
    [(40_000, "ok"), (UNSURE, "warn"), (None, "not-applicable")],
)
async def test_clock_is_synchronised_if_the_kernel_trusts_it(
    tmp_path: Path, error: int | None, expected: str
) -> None:
    assert verdict(await clock(tmp_path, lambda: NOW, lambda: error)) == expected


async def test_clock_that_timesyncd_has_set_is_synchronised(tmp_path: Path) -> None:
    file = tmp_path / "systemd/timesync/synchronized"
    file.parent.mkdir(parents=True)
    file.touch()
    assert (
        await clock(tmp_path, lambda: NOW, lambda: UNSURE)
    ) == "Synchronised; 2026-04-26 17:46 UTC."


def test_kernel_tells_the_error_of_its_clock() -> None:
    error = clock_error()
    assert error is None or 0 <= error <= UNSURE


async def test_weak_supply_is_told_now_and_later(tmp_path: Path) -> None:
    tree = HwmonTree(tmp_path / "sys")
    assert await power(tree.sys) == "The voltage is right."
    tree.alarm(True)
    weak = await power(tree.sys)
    tree.alarm(False)
    async with stage(tmp_path) as (scene, _):
        scene.board = BoardView(undervoltage=False, undervoltages=2)
        was_weak = await power(tree.sys)

    assert (verdict(weak), verdict(was_weak)) == ("warn", "warn")
    assert "too little voltage" in told(weak)
    assert "2 times" in told(was_weak)


async def test_heat_is_told_from_where_it_slows_down(tmp_path: Path) -> None:
    tree = HwmonTree(tmp_path)
    assert told(await heat(tmp_path)).startswith("46 °C;")
    tree.celsius = 80.0
    assert verdict(await heat(tmp_path)) == "warn"


async def test_machine_without_sensors_is_not_known(tmp_path: Path) -> None:
    for check in (power, heat):
        found = await check(tmp_path)
        assert verdict(found) == "not-applicable"
        assert "Not known" in told(found)


@pytest.mark.parametrize(
    ("free", "expected"), [(65_536, "ok"), (65_535, "warn"), (None, "not-applicable")]
)
async def test_little_memory_is_told(tmp_path: Path, free: int | None, expected: str) -> None:
    lines = ["MemTotal:  437312 kB"] + ([] if free is None else [f"MemAvailable:  {free} kB"])
    (tmp_path / "meminfo").write_text("\n".join(lines))
    assert verdict(await memory(tmp_path)) == expected


Disk = Callable[..., None]


@pytest.fixture
def filesystem(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Make every disk one with this much left."""

    def make(*, free: int = 10**9, files: int = 1000, read_only: bool = False) -> None:
        values = (4096, 4096, 10**6, free // 4096, free // 4096, 10**6, files, files,
                  os.ST_RDONLY if read_only else 0, 255)  # fmt: skip
        monkeypatch.setattr(os, "statvfs", lambda _folder: os.statvfs_result(values))

    return make


async def test_disk_with_room_is_well(filesystem: Disk) -> None:
    filesystem()
    assert await disk() == "999 MB free."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"free": 10**7}, "is full"),
        ({"files": 0}, "0 files left"),
        ({"read_only": True}, "read-only"),
    ],
)
async def test_disk_that_can_keep_nothing_is_told(
    filesystem: Disk, state: dict[str, int], words: str
) -> None:
    filesystem(**state)
    found = await disk()
    assert verdict(found) == "warn"
    assert words in told(found)


async def test_disk_of_the_service_is_looked_at_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "DISK_FREE_LIMIT", 1 << 60)
    assert str(tmp_path) in told(await disk(tmp_path))
