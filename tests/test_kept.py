"""What was chosen survives a restart, and a power cut, and gives way to the configuration."""

import asyncio
import threading
from pathlib import Path

import pytest

from appliance import kept
from appliance.errors import DeviceError
from appliance.kept import keep
from tests.processes import daemon


def recall(path: Path, configured: int) -> int:
    return kept.recall(path, configured, 0, 100)


def test_volume_chosen_last_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "volume.json"
    assert recall(path, 80) == 80
    keep(path, 80, 35)
    assert recall(path, 80) == 35
    assert [file.name for file in path.parent.iterdir()] == ["volume.json"]


async def test_volume_survives_a_restart_of_the_daemon(tmp_path: Path) -> None:
    environment = {"STATE_DIRECTORY": str(tmp_path)}
    async with daemon("http://127.0.0.1:1/v1", environment=environment) as appliance:
        assert (await appliance.control.volume(35)).volume == 35
    async with daemon("http://127.0.0.1:1/v1", environment=environment) as appliance:
        assert (await appliance.control.status()).model.volume == 35
    async with daemon("http://127.0.0.1:1/v1", ["audio.volume=60"], environment) as appliance:
        assert (await appliance.control.status()).model.volume == 60


async def test_volume_that_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    environment = {"STATE_DIRECTORY": str(tmp_path)}
    async with daemon("http://127.0.0.1:1/v1", environment=environment) as appliance:
        await appliance.control.volume(35)
        appliance.process.kill()
        await appliance.process.wait()
    assert recall(tmp_path / "volume.json", 100) == 35


async def test_last_of_many_choices_is_kept_however_slow_the_card_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, go_on = tmp_path / "volume.json", threading.Event()
    real, written = kept.keep, list[int]()

    def slow(path: Path, configured: int, chosen: int) -> bool:
        go_on.wait(10)
        written.append(chosen)
        return real(path, configured, chosen)

    monkeypatch.setattr(kept, "keep", slow)
    keeper = kept.Keeper(path, 80)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        for chosen in (10, 20, 30):
            keeper.choose(chosen)
            tasks.create_task(keeper.write())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        with pytest.raises(DeviceError, match="not yet kept"):
            await keeper.settled(0.01)
        assert recall(path, 80) == 80
        go_on.set()
        await keeper.settled(10)
        assert recall(path, 80) == 30
    assert written == [10, 30, 30]


async def test_write_that_is_cancelled_goes_on_and_the_next_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "volume.json"
    go_on, began = threading.Event(), threading.Event()
    real = kept.keep

    def slow(path: Path, configured: int, chosen: int) -> bool:
        began.set()
        go_on.wait(10)
        return real(path, configured, chosen)

    monkeypatch.setattr(kept, "keep", slow)
    keeper = kept.Keeper(path, 80)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        keeper.choose(35)
        older = tasks.create_task(keeper.write())
        await asyncio.to_thread(began.wait, 10)
        older.cancel()
        keeper.choose(50)
        newer = tasks.create_task(keeper.write())
        await asyncio.sleep(0)
        go_on.set()
        await newer
        await keeper.settled(10)
    assert recall(path, 80) == 50


async def test_choice_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    keeper = kept.Keeper(tmp_path / "file" / "volume.json", 80)
    keeper.choose(35)
    await keeper.write()
    with pytest.raises(DeviceError, match="cannot be kept"):
        await keeper.settled(10)


def test_configuration_that_says_something_new_is_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "volume.json"
    keep(path, 80, 35)
    assert recall(path, 60) == 60


@pytest.mark.parametrize(
    "found", [b"", b"{", b"[]", b'{"configured": 80}', b'{"configured": 80, "chosen": "loud"}']
)
def test_file_that_cannot_be_read_changes_nothing(tmp_path: Path, found: bytes) -> None:
    path = tmp_path / "volume.json"
    path.write_bytes(found)
    assert recall(path, 80) == 80


def test_volume_out_of_range_is_brought_back_into_it(tmp_path: Path) -> None:
    path = tmp_path / "volume.json"
    keep(path, 80, 400)
    assert recall(path, 80) == 100
    keep(path, 0, -40)
    assert kept.recall(path, 0, -20, 30) == -20


def test_volume_that_cannot_be_kept_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("not a folder")
    keep(tmp_path / "state" / "volume.json", 80, 35)
    assert "cannot be kept" in caplog.text


def test_power_cut_while_writing_leaves_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "volume.json"
    keep(path, 80, 35)

    def cut(_: int) -> None:
        raise OSError(5, "power cut")

    monkeypatch.setattr("os.fsync", cut)
    keep(path, 80, 90)
    assert recall(path, 80) == 35
