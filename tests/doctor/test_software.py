"""What the doctor finds out about the programs."""

from pathlib import Path

import msgspec
import pytest

from appliance.config import UpdateConfig
from appliance.core.model import Model, Problem, SafeMode
from appliance.doctor import software
from appliance.doctor.contract import Found
from appliance.doctor.software import daemon, updates, versions
from appliance.errors import DeviceError, NotRunningError, UpdateError
from appliance.update.state import STATE, State
from tests.console.stage import stage


async def test_running_appliance_is_asked_what_it_does(tmp_path: Path) -> None:
    async with stage(tmp_path):
        assert await daemon() == "Ready: press the call button."


async def test_what_the_appliance_complains_of_is_told(tmp_path: Path) -> None:
    stuck = Problem("device", "The call button is stuck.", "Let it go.")
    async with stage(tmp_path) as (scene, _):
        scene.hub.publish(Model(panel=stuck))
        assert await daemon() == Found("warn", f"It runs. {stuck.cause}", stuck.cure)


async def test_safe_mode_keeps_calls_from_working(tmp_path: Path) -> None:
    why = Problem("bug", "Safe mode: it failed to start five times.", "Hold the call button.")
    async with stage(tmp_path) as (scene, _):
        scene.hub.publish(Model(phase=SafeMode(why)))
        assert await daemon() == Found("fail", f"Needs you: {why.cause} {why.cure}")


async def test_appliance_that_does_not_run_is_told() -> None:
    with pytest.raises(NotRunningError):
        await daemon()


async def test_versions_name_everything_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "aiortc 1." in await versions()
    monkeypatch.setattr(software, "LIBRARIES", ("aiortc", "no-such-library"))
    with pytest.raises(DeviceError, match="no-such-library"):
        await versions()


async def test_updates_that_are_off_failed_or_went_well_are_told(tmp_path: Path) -> None:
    on, off = UpdateConfig(index_url="https://updates.example/index"), UpdateConfig()
    assert await updates(off, tmp_path) == Found(
        "not-applicable", "Off: update.index_url is empty."
    )
    assert await updates(on, tmp_path) == "None was looked for yet."
    (tmp_path / STATE).write_bytes(msgspec.json.encode(State(outcome="0.2.0 runs.")))
    assert await updates(on, tmp_path) == "0.2.0 runs."
    failed = State(outcome="0.3.0 did not work.", failed=True)
    (tmp_path / STATE).write_bytes(msgspec.json.encode(failed))
    with pytest.raises(UpdateError, match="did not work"):
        await updates(on, tmp_path)
