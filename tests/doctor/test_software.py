"""What the doctor finds out about the programs."""

from pathlib import Path

import pytest

from appliance.core.model import Model, Problem
from appliance.doctor import software
from appliance.doctor.contract import Found
from appliance.doctor.software import daemon, versions
from appliance.errors import DeviceError, NotRunningError
from tests.console.stage import stage


async def test_running_appliance_is_asked_what_it_does(tmp_path: Path) -> None:
    async with stage(tmp_path):
        assert await daemon() == "Ready: press the call button."


async def test_what_the_appliance_complains_of_is_told(tmp_path: Path) -> None:
    stuck = Problem("device", "The call button is stuck.", "Let it go.")
    async with stage(tmp_path) as (scene, _):
        scene.hub.publish(Model(panel=stuck))
        assert await daemon() == Found("warn", f"It runs. {stuck.cause}", stuck.cure)


async def test_appliance_that_does_not_run_is_told() -> None:
    with pytest.raises(NotRunningError):
        await daemon()


async def test_versions_name_everything_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "aiortc 1." in await versions()
    monkeypatch.setattr(software, "LIBRARIES", ("aiortc", "no-such-library"))
    with pytest.raises(DeviceError, match="no-such-library"):
        await versions()
