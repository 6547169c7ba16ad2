"""What the first call waits for, and for how long."""

import asyncio

import pytest
from typing_extensions import override

from appliance import warmup
from appliance.errors import ConfigError
from appliance.hardware.nothing import NoCamera
from appliance.media.echo import EchoCanceller, NoEcho
from appliance.warmup import WarmUp

pytestmark = pytest.mark.slow


class SlowCamera(NoCamera):
    """A camera whose libraries are loaded when it is told so."""

    def __init__(self) -> None:
        self.loading = asyncio.Event()
        self.may_load = asyncio.Event()

    @override
    async def load(self) -> None:
        self.loading.set()
        await self.may_load.wait()


async def test_a_call_waits_for_the_end(no_leftover_tasks: None) -> None:
    camera = SlowCamera()
    warm_up = WarmUp(NoEcho, camera)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(warm_up.over())  # pressed before READY
        tasks.create_task(warm_up.run())
        await camera.loading.wait()
        assert not waiting.done()
        camera.may_load.set()
    await warm_up.over()


async def test_a_call_does_not_wait_for_ever_and_finds_all_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warmup, "WARM_PATIENCE", 0.0)
    made: list[EchoCanceller] = []

    def make_echo() -> EchoCanceller:
        made.append(NoEcho())
        return made[-1]

    warm_up = WarmUp(make_echo, SlowCamera())
    await warm_up.over()
    await warm_up.over()  # the next press does not wait again
    assert len(made) == 1


async def test_a_canceller_that_is_missing_is_for_the_call_to_tell() -> None:
    def make_echo() -> EchoCanceller:
        raise ConfigError("WebRTC's echo cancellation is missing here.")

    warm_up = WarmUp(make_echo, NoCamera())
    await warm_up.run()
    await warm_up.over()
