"""The parts of an appliance know of each other what they have to."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from typing_extensions import override

from appliance.app import assemble
from appliance.config import CameraConfig, load
from appliance.credentials import Secret
from appliance.hardware.still_camera import FolderCamera
from appliance.ports import CaptureLatch

# In a process of its own: what tests have imported stays loaded.
ASSEMBLED = """
import asyncio, sys
from pathlib import Path
from appliance.app import assemble
from appliance.config import load
from appliance.credentials import Secret

HEAVY = {"aiortc", "av", "cryptography", "numpy"}

async def main():
    config = load(Path("/dev/null"), ["panel.driver=none"], "desktop").config
    async with assemble(config, lambda: Secret("sk-none")) as assembly:
        print("before" if HEAVY & sys.modules.keys() else "not before")
        await assembly.warm_up()
        print("but behind" if {"aiortc", "av"} <= sys.modules.keys() else "nor behind")

asyncio.run(main())
"""


class SlowCamera(FolderCamera):
    """A camera whose libraries are loaded when it is told so, or never."""

    def __init__(self, config: CameraConfig, latch: CaptureLatch) -> None:
        super().__init__(config, latch)
        self.loading = asyncio.Event()
        self.loaded = asyncio.Event()

    @override
    async def load(self) -> None:
        self.loading.set()
        await self.loaded.wait()


@pytest.mark.parametrize("loads", [True, False])
async def test_call_waits_for_what_is_loaded_behind_ready_and_not_for_what_was_given_up(
    monkeypatch: pytest.MonkeyPatch, *, loads: bool
) -> None:
    monkeypatch.setattr("appliance.app.make_camera", SlowCamera)
    settings = ["panel.driver=none", "audio.driver=file"]
    config = load(Path("/dev/null"), settings, "desktop").config
    async with (
        assemble(config, lambda: Secret("sk-none")) as assembly,
        asyncio.TaskGroup() as tasks,
    ):
        camera = assembly.camera
        assert isinstance(camera, SlowCamera)
        warm = assembly._open_call(1, resume=False)._parts.warm
        assert warm.is_set()
        loading = tasks.create_task(assembly.warm_up())
        await camera.loading.wait()
        assert not warm.is_set()
        if loads:
            camera.loaded.set()
        else:
            loading.cancel()
        await warm.wait()


def test_nothing_is_loaded_before_ready_that_the_first_call_can_wait_for() -> None:
    command = [sys.executable, "-c", ASSEMBLED]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    told = done.stdout
    assert told.split() == ["not", "before", "but", "behind"], told
