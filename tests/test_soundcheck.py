"""The command `selftest`: through the running appliance, or here where none runs."""

import asyncio
import json
from pathlib import Path

import pytest

from appliance import soundcheck
from appliance.app import assemble
from appliance.config import AudioConfig, Config, PanelConfig, load
from appliance.core.model import Live, Model
from appliance.credentials import Secret
from appliance.errors import ConfigError, DeviceError, RefusedError
from appliance.findings import Report
from appliance.hub import Mark
from appliance.kept import recall
from appliance.media import pcm
from appliance.ports import AudioDevice, CaptureLatch
from appliance.soundcheck import PARTS, check, lines
from tests.console.stage import REPORT, stage
from tests.test_selftest import Room

HERE = Config(panel=PanelConfig(driver="none"))


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


def use(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
    """Make a room this machine's sound card."""

    def make(config: AudioConfig, latch: CaptureLatch) -> AudioDevice:
        return room

    monkeypatch.setattr(soundcheck, "make_audio", make)


async def test_running_appliance_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told_part = soundcheck._tell_part

    def tell(part: str) -> None:
        told_part(part)
        assert scene.told is not None
        scene.told.set()

    monkeypatch.setattr(soundcheck, "_tell_part", tell)
    async with stage(tmp_path) as (scene, _):
        scene.told = asyncio.Event()
        assert await check(HERE, save=True, as_json=False) == 1
    assert scene.saved == [True]
    told = capsys.readouterr()
    assert "be quiet meanwhile" in told.err
    assert PARTS["sweep"] in told.err
    assert told.out.splitlines() == lines(REPORT)
    assert told.out.splitlines()[-1] == "It is loud here."


async def test_appliance_in_a_call_refuses(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        scene.deaf = DeviceError("The appliance is in a call.", "Hang up, and try again.")
        with pytest.raises(RefusedError, match="in a call"):
            await check(HERE, save=False, as_json=False)


async def test_without_an_appliance_it_is_done_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    use(monkeypatch, Room())
    assert await check(HERE, save=False, as_json=True) == 1
    shown = capsys.readouterr()
    assert shown.err.splitlines()[1:] == list(PARTS.values())
    told = json.loads(shown.out)
    assert told["delay"] == pytest.approx(0.0375, abs=1e-4)
    assert told["gain_db"] == 8
    assert not (tmp_path / "state").exists()


async def test_gain_is_kept_and_known_to_the_next_test_and_to_calls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    use(monkeypatch, Room())
    assert await check(HERE, save=True, as_json=False) == 1
    assert recall(tmp_path / "state" / "gain.json", 0, -20, 30) == 8
    capsys.readouterr()
    assert await check(HERE, save=False, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["gain_now_db"] == 8


async def test_without_a_voice_there_is_no_gain_to_keep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    use(monkeypatch, Room(voice=0.0))
    assert await check(HERE, save=True, as_json=False) == 1
    assert "no gain is kept" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


async def test_files_in_place_of_a_card_are_not_tested() -> None:
    with pytest.raises(ConfigError, match="no sound card"):
        await check(Config(audio=AudioConfig(driver="file")), save=False, as_json=False)


def test_what_was_not_heard_is_told_as_such() -> None:
    told = lines(Report(noise_dbfs=pcm.FLOOR_DBFS))
    assert [line.split()[-2:] for line in told[1:3]] == [["not", "heard"]] * 2


# The appliance's side


def desktop(*overrides: str) -> Config:
    return load(Path("/dev/null"), ["panel.driver=none", *overrides], "desktop").config


async def test_appliance_does_not_test_in_a_call_nor_with_files() -> None:
    async with assemble(desktop("audio.driver=file"), lambda: Secret("sk-none")) as assembly:
        with pytest.raises(DeviceError, match="no sound card"):
            await assembly.selftest(save=False)
        assembly.hub.publish(Model(phase=Live(1)))
        with pytest.raises(DeviceError, match="in a call"):
            await assembly.selftest(save=False)


async def test_appliance_tests_its_card_and_keeps_the_gain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("appliance.app.make_audio", lambda _config, _latch: Room())
    async with assemble(desktop(), lambda: Secret("sk-none")) as assembly:
        report = await assembly.selftest(save=True)
        with assembly.hub.reader() as reader:
            again = await assembly.selftest(save=False)
            parts = [(await anext(reader)) for _ in range(3)]
    assert (report.gain_db, report.gain_now_db, again.gain_now_db) == (8, 0, 8)
    told = [part.fields["part"] for part in parts if isinstance(part, Mark)]
    assert told == ["quiet", "sweep", "voice"]
    assert recall(tmp_path / "state" / "gain.json", 0, -20, 30) == 8
