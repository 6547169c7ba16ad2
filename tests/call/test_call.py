"""A call as a whole, against the least service: from the dial until it lives."""

import logging
from typing import Any

import pytest

from appliance.call import peer
from appliance.config import SessionConfig
from appliance.core.events import CallUp, TurnChanged
from appliance.core.model import Cue, Text, Turn
from appliance.errors import (
    UnreachableError,
)
from appliance.media import pcm
from tests.call.scenes import NO_SIDEBAND, live, scene, words
from tests.call.small_service import Manners, SmallService
from tests.call.stage import calling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_service_that_greets_and_sends_sound_is_enough() -> None:
    async with scene(NO_SIDEBAND) as (_, stage), calling(stage) as running:
        await stage.mark("first_sound")
        await stage.until(lambda: any(stage.card.heard))

    assert running.error is None
    assert any(isinstance(event, CallUp) for event in stage.events)


async def test_sideband_alone_can_bring_a_call_up() -> None:
    async with scene(Manners(greets=False)) as (_, stage), calling(stage) as running:
        await stage.event(CallUp)

    assert running.error is None


async def test_steps_of_a_call_are_on_the_timeline() -> None:
    async with live() as (_, stage, _):
        await stage.mark("first_sound")

    marks = stage.marks()
    assert marks[:2] == ["offer_posted", "answered"]
    assert {"sideband_open", "session_ready", "data_channel_open"} < set(marks)


async def test_camera_may_be_kept_open_while_the_call_is_up_and_no_longer() -> None:
    async with live() as (_, stage, _):
        assert stage.cameras_open == 1
    assert stage.cameras_open == 0


async def test_session_is_offered_and_sent_again_on_the_sideband() -> None:
    async with live() as (service, _, _):
        channel, update = await service.until("session.update")

    assert channel == "sideband"
    assert service.sessions[0]["model"] == "gpt-realtime-2.1"
    again = {key: value for key, value in service.sessions[0].items() if key != "model"}
    assert update["session"] == again


async def test_greeting_is_asked_for_once() -> None:
    session = SessionConfig(instructions="Be brief.", greeting="Say hello.")
    async with live(session=session) as (service, _, _):
        _, create = await service.until("response.create")

    assert create["response"]["instructions"] == "Be brief.\n\nSay hello."
    assert service.count("response.create") == 1


async def test_what_the_person_asked_before_goes_before_the_greeting() -> None:
    async with scene() as (service, stage):
        stage.session = SessionConfig(greeting="Say hello.")
        async with calling(stage) as running:
            running.call.send(Text("What time is it?"))
            await service.until("response.create")

    assert service.count("response.create") == 1
    assert not any("response" in event for _, event in service.said)


async def test_lost_sideband_comes_back_and_tells_the_session_again() -> None:
    async with live() as (service, _, _):
        await service.socket.close(code=1011)
        await service.until("session.update", times=2)

    assert len(service.sockets) == 2


async def test_early_404_of_the_sideband_is_waited_out() -> None:
    manners = Manners(sideband_status=404, sideband_refusals=2)
    async with scene(manners) as (service, stage), calling(stage):
        await stage.mark("sideband_open")

    assert service.tries == 3


async def loudest(service: SmallService, frames: int) -> int:
    """Listen at the service."""
    track = service.peer.far
    assert track is not None
    most = 0
    for _ in range(frames):
        frame: Any = await track.recv()
        most = max(most, pcm.peak(bytes(frame.planes[0])[: 4 * frame.samples]))
    return most


async def test_microphone_is_silent_until_the_supervisor_opens_it() -> None:
    async with scene() as (service, stage):
        stage.card.near = b"\x00\x30" * 240 + b"\x00\xd0" * 240
        async with calling(stage) as running:
            assert await loudest(service, 20) < 50
            running.call.mute(False)
            while await loudest(service, 5) < 1000:
                pass
            running.call.mute(True)
            while await loudest(service, 5) > 50:
                pass


async def test_data_channel_that_stays_closed_fails_one_call_and_not_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peer, "CHANNEL_TIMEOUT", 0.3)
    async with scene(Manners(opens_channel=False)) as (service, stage):
        async with calling(stage) as first:
            await first.over.wait()
        assert isinstance(first.error, UnreachableError)

        async with calling(stage, stage.open_call(2, first.call), up=False) as second:
            await stage.until(lambda: CallUp(2) in stage.events)
            second.call.send(Text("Hello?"))
            channel, _ = await service.until("conversation.item.create")
            assert channel == "sideband"
            await stage.until(lambda: second.call.channel_failed)  # levels wake it up
            assert not second.over.is_set()


async def test_call_without_a_name_goes_on_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with live(Manners(location=None)) as (service, _, running):
        running.call.send(Text("Hello?"))
        channel, _ = await service.until("conversation.item.create")

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert channel == "channel"
    assert len(warnings) == 1
    assert service.hung_up == []


async def test_next_call_knows_what_was_said() -> None:
    async with scene() as (service, stage):
        stage.session = SessionConfig(greeting="Say hello.")
        async with calling(stage) as first:
            await stage.mark("data_channel_open")
            service.on_channel(*words("item_1", "I am at your service."))
            await stage.until(lambda: bool(stage.transcript()))
        said, written = len(service.said), stage.transcript()
        async with calling(stage, stage.open_call(2, first.call), up=False):
            await stage.until(lambda: CallUp(2) in stage.events)
            await stage.mark("data_channel_open", times=2)
            _, reminder = await service.until("conversation.item.create")
            service.on_channel(
                {"type": "conversation.item.added", "item": reminder["item"]},
                *words("item_2", "Where were we?"),
            )
            await stage.until(lambda: len(stage.transcript()) > len(written))
            blocks = stage.card.blocks
            await stage.until(lambda: stage.card.blocks > blocks + 30)  # a greeting would be out

    events = [event for _, event in service.said[said:]]
    told = [event["item"] for event in events if event["type"] == "conversation.item.create"]
    assert [(item["role"], item["content"]) for item in told] == [
        ("assistant", [{"type": "output_text", "text": "I am at your service."}])
    ]
    assert not any(event["type"] == "response.create" for event in events)
    assert stage.transcript() == [*written, "assistant: Where were we?"]


async def test_tone_is_not_taken_for_the_assistant() -> None:
    async with live() as (service, stage, running):
        service.peer.tone.unpaused.clear()
        await stage.until(lambda: not any(stage.card.heard[-9600:]))
        await stage.until(lambda: stage.turn() is Turn.LISTENING)
        seen = len(stage.events)
        running.call.cue(Cue.CONNECTED)
        await stage.until(lambda: any(levels.far_dbfs > -40 for levels in stage.levels()[-1:]))
        await stage.until(lambda: all(levels.far_dbfs < -60 for levels in stage.levels()[-5:]))

    assert not any(isinstance(event, TurnChanged) for event in stage.events[seen:])


async def test_one_line_sums_the_call_up(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="appliance"):
        async with live():
            pass

    lines = [record for record in caplog.records if record.levelno == logging.INFO]
    assert len(lines) == 1
    assert lines[0].__dict__["CALL_NO"] == 1
    assert lines[0].__dict__["CALL_ID"] == "rtc_small_1"
    assert lines[0].__dict__["DURATION_MS"] > 0


async def test_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with live():
            pass

    assert "sk-test" not in caplog.text
    assert "ice-pwd" not in "".join(
        r.getMessage() for r in caplog.records if "aiortc" not in r.name
    )
