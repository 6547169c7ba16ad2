"""How a call ends that the model was asked to end: after the goodbye, whatever comes between."""

import pytest

from appliance.call import chores
from appliance.core.events import HangUp
from appliance.tools.registry import tool
from tests.call.scenes import (
    call_events,
    live,
    playback,
    scene,
    speech_about,
)
from tests.call.stage import Running, calling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_call_is_ended_only_after_the_goodbye_was_spoken() -> None:
    async with scene() as (service, stage):
        holder: list[Running] = []

        @tool
        async def end_call() -> object:
            """End the call."""
            holder[0].call.end_soon()
            return {"ending": True}

        stage.tools = [end_call]
        async with calling(stage) as running:
            holder.append(running)
            await stage.mark("data_channel_open")
            service.peer.tone.unpaused.clear()
            service.on_channel(*call_events("call_1", "end_call"))
            await service.until("response.create")
            service.on_channel(*speech_about("item_9", "resp_9"))
            await stage.until(lambda: "assistant: Goodbye." in stage.transcript())
            spoken = len(stage.card.heard)
            await stage.until(lambda: len(stage.card.heard) > spoken + 100 * 960)  # a second
            assert HangUp() not in stage.events
            service.on_channel(playback("stopped", "resp_9"))
            await stage.event(HangUp)


async def test_goodbye_that_never_ends_does_not_keep_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "GOODBYE_TIMEOUT", 0.2)
    async with live() as (service, stage, running):
        service.on_channel(playback("started"))
        await stage.mark("playback_started")
        running.call.end_soon()
        running.call.end_soon()
        await stage.event(HangUp)

    assert stage.events.count(HangUp()) == 1


async def test_service_that_ends_the_call_during_the_goodbye_is_not_called_back() -> None:
    async with live() as (service, _, running):
        running.call.end_soon()
        await service.peer.close()
        await running.over.wait()

    assert running.error is None


async def test_line_lost_during_the_goodbye_is_hung_up() -> None:
    async with live() as (service, stage, running):
        service.on_channel(playback("started"))
        await stage.mark("playback_started")
        running.call.end_soon()
        running.call._on_lost(True)
        assert HangUp() in stage.events
