"""A call as a whole, against the least service there can be."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from appliance.call import call as call_module
from appliance.call import chores, link, peer
from appliance.config import CallConfig, SessionConfig
from appliance.core.events import CallUp, HangUp, TurnChanged
from appliance.core.model import Cue, Photo, Text, Turn
from appliance.errors import (
    AuthError,
    ClosedError,
    DeviceError,
    QuotaError,
    ServiceError,
    UnreachableError,
)
from appliance.media import pcm
from appliance.tools.registry import tool
from tests.call.small_service import Manners, SmallService, small_service
from tests.call.stage import Running, Stage, calling, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

PATIENCE = 15  # s; a busy machine is slow at DTLS


@asynccontextmanager
async def scene(manners: Manners | None = None) -> AsyncIterator[tuple[SmallService, Stage]]:
    async with (
        asyncio.timeout(PATIENCE),
        small_service(manners) as service,
        staged(service.url) as stage,
    ):
        yield service, stage


@asynccontextmanager
async def live(
    manners: Manners | None = None, session: SessionConfig | None = None
) -> AsyncIterator[tuple[SmallService, Stage, Running]]:
    """A call that is up, the sideband too if there is one."""
    async with scene(manners) as (service, stage):
        if session is not None:
            stage.session = session
        async with calling(stage) as running:
            await stage.mark("data_channel_open")
            if service.manners.location and service.manners.sideband_status == 101:
                await stage.mark("sideband_open")
                await service.until("session.update")
            yield service, stage, running


NO_SIDEBAND = Manners(sideband_status=404)


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


def call_events(call_id: str, name: str, arguments: str = "{}") -> list[dict[str, Any]]:
    """What the service says when the model calls one tool."""
    response = f"resp_{call_id}"
    item = {
        "id": f"item_{call_id}",
        "type": "function_call",
        "status": "completed",
        "name": name,
        "call_id": call_id,
        "arguments": arguments,
    }
    return [
        {
            "type": "response.created",
            "event_id": f"event_{call_id}_1",
            "response": {"id": response, "status": "in_progress", "output": []},
        },
        {
            "type": "response.output_item.done",
            "event_id": f"event_{call_id}_2",
            "response_id": response,
            "output_index": 0,
            "item": item,
        },
        {
            "type": "response.done",
            "event_id": f"event_{call_id}_3",
            "response": {"id": response, "status": "completed", "output": [item]},
        },
    ]


async def test_tool_runs_once_though_both_channels_tell_of_it() -> None:
    async with live() as (service, stage, _):
        service.on_channel(*call_events("call_1", "nothing"))
        await service.on_sideband(*call_events("call_1", "nothing"))
        channel, output = await service.until("conversation.item.create")
        await service.until("response.create")
        await stage.mark("tool_output_sent")

    assert channel == "sideband"
    assert output["item"]["call_id"] == "call_1"
    assert "There is no tool nothing" in output["item"]["output"]
    assert stage.marks().count("tool_started") == 1
    assert service.count("conversation.item.create") == 1
    assert service.count("response.create") == 1


async def test_tools_go_over_the_data_channel_without_a_sideband() -> None:
    async with live(NO_SIDEBAND) as (service, _, _):
        service.on_channel(*call_events("call_1", "nothing"))
        channel, _ = await service.until("response.create")

    assert channel == "channel"


async def test_lost_sideband_comes_back_and_tells_the_session_again() -> None:
    async with live() as (service, _, _):
        await service.socket.close(code=1011)
        await service.until("session.update", times=2)

    assert len(service.sockets) == 2


async def test_output_takes_the_data_channel_while_the_sideband_is_down() -> None:
    async with live() as (service, _, _):
        service.manners.sideband_status = 500
        await service.socket.close(code=1011)
        tries = service.tries
        while service.tries == tries:
            await service.news()
        service.on_channel(*call_events("call_1", "nothing"))
        channel, _ = await service.until("response.create")

    assert channel == "channel"


async def test_early_404_of_the_sideband_is_waited_out() -> None:
    manners = Manners(sideband_status=404, sideband_refusals=2)
    async with scene(manners) as (service, stage), calling(stage):
        await stage.mark("sideband_open")

    assert service.tries == 3


async def test_photo_goes_over_the_sideband() -> None:
    async with live() as (service, stage, running):
        stage.album["photo-0001"] = b"\xff\xd8 a picture"
        running.call.send(Photo("photo-0001"))
        channel, event = await service.until("conversation.item.create")
        await service.until("response.create")
        await stage.mark("photo_sent")

    parts = event["item"]["content"]
    assert channel == "sideband"
    assert parts[0] == {"type": "input_text", "text": "Describe this picture."}
    assert parts[1]["image_url"] == "data:image/jpeg;base64,/9ggYSBwaWN0dXJl"


async def test_photo_takes_the_data_channel_without_a_sideband() -> None:
    async with live(NO_SIDEBAND) as (service, stage, running):
        stage.album["photo-0001"] = bytes(150_000)
        running.call.send(Photo("photo-0001"))
        channel, _ = await service.until("conversation.item.create")

    assert channel == "channel"


async def test_photo_too_large_for_the_data_channel_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with live(NO_SIDEBAND) as (service, stage, running):
        stage.album["photo-0001"] = bytes(250_000)
        running.call.send(Photo("photo-0001"))
        running.call.send(Text("Hello?"))
        _, event = await service.until("conversation.item.create")

    assert event["item"]["content"][0]["text"] == "Hello?"
    assert "too long" in caplog.text


async def test_photo_that_is_gone_is_heard_and_does_not_end_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with live() as (service, stage, running):
        service.peer.tone.unpaused.clear()
        await stage.until(lambda: not any(stage.card.heard[-9600:]))
        running.call.send(Photo("photo-0001"))
        await stage.until(lambda: pcm.peak(bytes(stage.card.heard[-9600:])) > 1000)
        assert not running.over.is_set()

    assert "There is no photo-0001." in caplog.text


async def test_text_is_sent_and_answered() -> None:
    async with live() as (service, stage, running):
        running.call.send(Text("Tell me a joke."))
        _, event = await service.until("conversation.item.create")
        await service.until("response.create")
        await stage.mark("text_sent")

    assert event["item"]["content"] == [{"type": "input_text", "text": "Tell me a joke."}]


def words(item_id: str, *deltas: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "response.output_audio_transcript.delta",
            "event_id": f"event_{item_id}_{number}",
            "response_id": "resp_1",
            "item_id": item_id,
            "output_index": 0,
            "content_index": 0,
            "delta": delta,
        }
        for number, delta in enumerate(deltas)
    ]


async def test_words_on_both_channels_are_written_down_once() -> None:
    async with live() as (service, stage, _):
        for event in words("item_1", "Good ", "morning"):
            service.on_channel(event)
            await service.on_sideband(event)
        await stage.until(lambda: stage.transcript() == ["assistant: Good morning"])
        await service.on_sideband(*words("item_2", "End"))
        await stage.until(lambda: "assistant: End" in stage.transcript())

    assert stage.transcript()[0] == "assistant: Good morning"


async def test_nonsense_from_the_service_changes_nothing() -> None:
    async with live() as (service, stage, running):
        assert service.peer.channel is not None
        for text in ("", "[", "[]", "{}", '{"type": 5}', '{"type": "response.done"}', "\ud7ff"):
            service.peer.channel.send(text)
        service.peer.channel.send(b"\xff\xfe")
        service.on_channel({"type": "weather.changed", "sky": "blue"})
        service.on_channel(*words("item_1", "Still here."))
        await stage.until(lambda: stage.transcript() == ["assistant: Still here."])

        assert not running.over.is_set()


def playback(what: str, response: str = "resp_1") -> dict[str, Any]:
    return {
        "type": f"output_audio_buffer.{what}",
        "event_id": f"event_{what}_{response}",
        "response_id": response,
    }


SPEECH = {
    "type": "input_audio_buffer.speech_started",
    "event_id": "event_speech",
    "audio_start_ms": 0,
    "item_id": "item_user",
}


async def test_turn_follows_what_is_heard() -> None:
    async with live() as (service, stage, _):
        service.on_channel(playback("started"))
        await stage.event(TurnChanged)

    assert next(event for event in stage.events if isinstance(event, TurnChanged)) == TurnChanged(
        1, Turn.SPEAKING
    )


async def test_interruption_silences_the_speaker_at_once() -> None:
    async with live() as (service, stage, _):
        await stage.mark("first_sound")
        service.on_channel(playback("started"))
        await stage.mark("playback_started")
        service.peer.tone.unpaused.clear()
        service.on_channel(SPEECH, playback("cleared"))
        await stage.mark("barge_in")
        heard = len(stage.card.heard)
        await stage.until(lambda: len(stage.card.heard) > heard + 20 * 960)

    assert pcm.peak(bytes(stage.card.heard[-5 * 960 :])) == 0


async def test_clearing_without_speech_is_no_interruption() -> None:
    async with live() as (service, stage, _):
        service.on_channel(playback("started"), playback("cleared"))
        await stage.mark("playback_stopped")

    assert "barge_in" not in stage.marks()


async def test_speech_itself_silences_the_speaker_where_asked_to() -> None:
    async with scene() as (service, stage):
        stage.call_config = CallConfig(barge_in="speech_started")
        async with calling(stage):
            await stage.mark("first_sound")
            service.peer.tone.unpaused.clear()
            service.on_channel(SPEECH)
            await stage.mark("speech_started")
            heard = len(stage.card.heard)
            await stage.until(lambda: len(stage.card.heard) > heard + 20 * 960)

    assert pcm.peak(bytes(stage.card.heard[-5 * 960 :])) == 0


def speech_about(item_id: str, response: str) -> list[dict[str, Any]]:
    """A response that is spoken and then over."""
    return [
        {
            "type": "response.created",
            "event_id": f"event_{response}_1",
            "response": {"id": response, "status": "in_progress"},
        },
        *words(item_id, "Goodbye."),
        playback("started", response),
        {
            "type": "response.done",
            "event_id": f"event_{response}_2",
            "response": {"id": response, "status": "completed", "output": []},
        },
    ]


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


async def test_flood_of_tool_calls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "TOOLS_PENDING", 2)
    release = asyncio.Event()

    @tool
    async def wait() -> object:
        """Wait."""
        await release.wait()
        return "done"

    async with scene() as (service, stage):
        stage.tools = [wait]
        async with calling(stage):
            await stage.mark("data_channel_open")
            for number in range(3):
                service.on_channel(*call_events(f"call_{number}", "wait"))
            _, refused = await service.until("conversation.item.create")
            release.set()
            await service.until("conversation.item.create", times=3)

    assert "Too many tools" in refused["item"]["output"]
    assert stage.marks().count("tool_done") == 2


async def test_running_tool_ends_with_the_call() -> None:
    stopped = asyncio.Event()

    @tool
    async def hang() -> object:
        """Hang."""
        try:
            return await asyncio.Event().wait()
        finally:
            stopped.set()

    async with scene() as (service, stage):
        stage.tools = [hang]
        async with calling(stage) as running:
            await stage.mark("data_channel_open")
            service.on_channel(*call_events("call_1", "hang"))
            await stage.mark("tool_started")
            running.call.close()
            await running.over.wait()

    assert stopped.is_set()


async def test_photo_of_a_tool_is_shown_before_its_output() -> None:
    async with scene() as (service, stage):
        holder: list[Running] = []

        @tool
        async def look() -> object:
            """Look."""
            holder[0].call.show(Photo("photo-0001"))
            return "shown"

        stage.tools = [look]
        stage.album["photo-0001"] = b"\xff\xd8 a picture"
        async with calling(stage) as running:
            holder.append(running)
            await stage.mark("data_channel_open")
            service.on_channel(*call_events("call_1", "look"))
            _, picture = await service.until("conversation.item.create")
            _, output = await service.until("conversation.item.create", times=2)
            await service.until("response.create")

    assert [part["type"] for part in picture["item"]["content"]] == ["input_image"]
    assert output["item"]["output"] == '"shown"'
    assert service.count("response.create") == 1


async def test_nothing_can_be_shown_without_a_call() -> None:
    async with scene() as (_, stage):
        with pytest.raises(DeviceError, match="no call"):
            stage.open_call().show(Photo("photo-0001"))


# Microphone


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


# The end


async def test_hanging_up_releases_everything_and_tells_the_service(
    no_leftover_tasks: None, no_leftover_resources: None
) -> None:
    async with live() as (service, stage, running):
        opened, held = stage.card.opened, stage.card.is_open
        running.call.close()
        await running.over.wait()
        assert (opened, held, stage.card.is_open) == (1, True, False)
        assert running.error is None
        await stage.run_errands()

    assert service.hung_up == ["rtc_small_1"]


async def test_last_tone_is_heard() -> None:
    async with live() as (service, stage, running):
        service.peer.tone.unpaused.clear()
        await stage.until(lambda: not any(stage.card.heard[-9600:]))
        heard = len(stage.card.heard)
        running.call.cue(Cue.ENDED)
        running.call.close()
        await running.over.wait()

    assert pcm.peak(bytes(stage.card.heard[heard:])) > 1000
    assert not any(stage.card.heard[-20:])


async def test_cancelled_call_is_hung_up_and_released() -> None:
    async with scene() as (service, stage):
        call = stage.open_call()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(call.run())
            await stage.event(CallUp)
            task.cancel()
        assert task.cancelled()
        assert not stage.card.is_open
        await stage.run_errands()

    assert service.hung_up == ["rtc_small_1"]


async def test_call_closed_while_dialling_is_hung_up_when_the_answer_comes() -> None:
    async with scene(Manners(answers=False)) as (service, stage):
        async with calling(stage, up=False) as running:
            while not service.posts:
                await service.news()
            running.call.close()
            await running.over.wait()
            assert running.error is None
            assert not stage.card.is_open
        service.released.set()
        await stage.run_errands()

    assert service.hung_up == ["rtc_small_1"]


async def test_call_closed_before_it_dials_leaves_nothing(no_leftover_tasks: None) -> None:
    async with scene() as (service, stage):
        async with calling(stage, up=False) as running:
            running.call.close()
        assert running.error is None

    assert service.hung_up == []


async def test_refused_call_fails_with_its_reason() -> None:
    refused = '{"error": {"code": "invalid_api_key"}}'
    async with (
        scene(Manners(status=401, body=refused)) as (_, stage),
        calling(stage) as running,
    ):
        await running.over.wait()

    assert isinstance(running.error, AuthError)


async def test_failure_that_needs_a_person_is_heard() -> None:
    refused = '{"error": {"code": "insufficient_quota"}}'
    async with (
        scene(Manners(status=429, body=refused)) as (_, stage),
        calling(stage) as running,
    ):
        await running.over.wait()

    assert isinstance(running.error, QuotaError)
    assert pcm.peak(bytes(stage.card.heard)) > 1000


async def test_unusable_answer_is_hung_up() -> None:
    async with scene(Manners(body="v=0\r\ns=nonsense\r\n")) as (service, stage):
        async with calling(stage) as running:
            await running.over.wait()
        await stage.run_errands()

    assert isinstance(running.error, ServiceError)
    assert service.hung_up == ["rtc_small_1"]


async def test_missing_microphone_ends_the_call() -> None:
    async with scene() as (_, stage):
        stage.card.breaks = True
        async with calling(stage) as running:
            await running.over.wait()

    assert isinstance(running.error, DeviceError)
    assert running.error.cause == "There is no microphone."


async def test_unplugged_microphone_ends_the_call() -> None:
    async with live() as (service, stage, running):
        assert stage.card.fail is not None
        stage.card.fail(DeviceError("The sound card is gone."))
        await running.over.wait()
        await stage.run_errands()

    assert isinstance(running.error, DeviceError)
    assert service.hung_up == ["rtc_small_1"]


async def test_service_that_hangs_up_closes_the_call() -> None:
    async with live() as (service, _, running):
        await service.peer.close()
        await running.over.wait()

    assert isinstance(running.error, ClosedError)


async def test_expired_session_closes_the_call() -> None:
    async with live() as (service, _, running):
        reason = b"Your session hit the maximum duration of 60 minutes."
        await service.socket.close(code=1001, message=reason)
        await running.over.wait()

    assert isinstance(running.error, ClosedError)
    assert "longest" in running.error.cause


async def test_error_that_needs_a_person_ends_the_call() -> None:
    async with live() as (service, _, running):
        service.on_channel({"type": "error", "error": {"code": "insufficient_quota"}})
        await running.over.wait()

    assert isinstance(running.error, QuotaError)


async def test_harmless_error_does_not_end_the_call() -> None:
    async with live() as (service, stage, running):
        service.on_channel(
            {"type": "error", "error": {"code": "response_cancel_not_active"}},
            {"type": "error", "error": {"code": "unknown_parameter", "message": "No."}},
            *words("item_1", "Still here."),
        )
        await stage.until(lambda: stage.transcript() == ["assistant: Still here."])

        assert not running.over.is_set()


async def test_service_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "SESSION_TIMEOUT", 0.2)
    manners = Manners(greets=False, confirms=False)
    async with scene(manners) as (_, stage), calling(stage) as running:
        await running.over.wait()

    assert isinstance(running.error, UnreachableError)
    assert "says nothing" in running.error.cause


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


async def test_call_without_any_channel_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "SPEECHLESS_LIMIT", 0.2)
    monkeypatch.setattr(link, "_LOOK", 0.05)
    async with live(NO_SIDEBAND) as (service, _, running):
        assert service.peer.channel is not None
        service.peer.channel.close()
        await running.over.wait()

    assert isinstance(running.error, UnreachableError)


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
        said = len(service.said)
        async with calling(stage, stage.open_call(2, first.call), up=False):
            await stage.until(lambda: CallUp(2) in stage.events)
            await service.until("conversation.item.create")

    events = [event for _, event in service.said[said:]]
    told = [event["item"] for event in events if event["type"] == "conversation.item.create"]
    assert [(item["role"], item["content"]) for item in told] == [
        ("assistant", [{"type": "output_text", "text": "I am at your service."}])
    ]
    assert not any(event["type"] == "response.create" for event in events)


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


async def test_calls_closed_or_cut_at_any_moment_leave_nothing(
    no_leftover_tasks: None, no_leftover_resources: None
) -> None:
    chance = random.Random(815)  # noqa: S311 - repeatable
    async with small_service() as service, staged(service.url) as stage:
        for number in range(40):
            call = stage.open_call(number)
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
                task = tasks.create_task(call.run())
                await asyncio.sleep(chance.random() * 0.15)
                if number % 2:
                    call.close()
                else:
                    task.cancel()
            assert not stage.card.is_open
            await stage.run_errands()
            while service.answerers:
                await service.answerers.pop().close()
    await asyncio.get_running_loop().shutdown_default_executor()  # the service encodes there
