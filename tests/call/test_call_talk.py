"""What is said in a call: tools, photos, text, transcript and turns."""

import asyncio
import base64

import pytest

from appliance.call import chores, link, peer, sender
from appliance.config import CallConfig
from appliance.core.events import SendFailed, TurnChanged
from appliance.core.model import Photo, Text, Turn
from appliance.errors import (
    DeviceError,
)
from appliance.media import pcm
from appliance.tools.registry import tool
from tests.call.scenes import (
    NO_SIDEBAND,
    SPEECH,
    a_picture,
    call_events,
    live,
    playback,
    scene,
    words,
)
from tests.call.stage import Running, calling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


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


async def test_what_a_dead_sideband_swallowed_goes_out_again() -> None:
    async with live() as (service, _, _):
        service.manners.swallows = True
        service.on_channel(*call_events("call_1", "nothing"))
        while service.swallowed < 2:  # the output, and the wish for an answer
            await service.news()
        service.manners.sideband_status = 500
        await service.socket.close(code=1011)
        channel, output = await service.until("conversation.item.create")
        await service.until("response.create")

    assert channel == "channel"
    assert output["item"]["call_id"] == "call_1"
    assert service.count("response.create") == 1


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
async def test_tool_of_an_answer_that_a_limit_cut_off_is_answered(reason: str) -> None:
    *before, done = call_events("call_1", "nothing")
    why = {"type": "incomplete", "reason": reason}
    cut = done | {"response": done["response"] | {"status": "incomplete", "status_details": why}}
    async with live() as (service, stage, _):
        service.on_channel(*before, cut)
        await service.until("response.create")
        (called,) = stage.entries()

    assert service.count("response.create") == 1
    assert not called.interrupted


@pytest.mark.parametrize("answered", [False, True])
async def test_question_the_broken_line_left_open_is_answered_in_the_next_call(
    answered: bool,
) -> None:
    item = {"type": "message", "role": "user", "status": "completed", "id": "item_0"}
    asked = item | {"content": [{"type": "input_text", "text": "Why?"}]}
    async with scene() as (service, stage):
        async with calling(stage) as broken:
            await stage.mark("data_channel_open")
            service.on_channel({"type": "conversation.item.added", "item": asked})
            service.on_channel(*(words("item_1", "Because.") if answered else []))
            await stage.until(lambda: len(stage.transcript()) == 1 + answered)
        async with calling(stage, stage.open_call(2, broken.call)) as running:
            _, told = await service.until("conversation.item.create", times=1 + answered)
            if answered:
                running.call.send(Text("And why?"))
            _, asked_for = await service.until("response.create")
            types = [event["type"] for _, event in service.said]

    assert told["item"]["role"] == ("assistant" if answered else "user")
    assert types.count("conversation.item.create") == 1 + 2 * answered
    assert types.count("response.create") == 1
    assert "response" not in asked_for


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


async def test_photo_is_made_small_enough_for_the_data_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peer, "MESSAGE_LIMIT", 20_000)
    async with live(NO_SIDEBAND) as (service, stage, running):
        stage.album["photo-0001"] = picture = a_picture()
        running.call.send(Photo("photo-0001"))
        running.call.send(Text("Hello?"))
        channel, shown = await service.until("conversation.item.create")
        _, asked = await service.until("conversation.item.create", times=2)

    jpeg = base64.b64decode(shown["item"]["content"][1]["image_url"].partition(",")[2])
    assert channel == "channel"
    assert 5_000 < len(jpeg) < 15_000 < len(picture)
    assert jpeg.startswith(b"\xff\xd8")
    assert asked["item"]["content"][0]["text"] == "Hello?"


async def test_text_too_long_for_the_data_channel_waits_for_the_sideband(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peer, "MESSAGE_LIMIT", 2_000)
    async with live() as (service, stage, running):
        await service.socket.close(code=1011)
        running.call.send(Text("word " * 800))
        channel, _ = await service.until("conversation.item.create")

    assert channel == "sideband"
    assert not any(isinstance(event, SendFailed) for event in stage.events)


async def test_what_cannot_be_sent_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "MESSAGE_LIMIT", 1_000)
    monkeypatch.setattr(sender, "PATIENCE", 0.1)
    async with live(NO_SIDEBAND) as (service, stage, running):
        stage.album["photo-0001"] = a_picture()
        running.call.send(Text("word " * 800))
        running.call.send(Photo("photo-0001"))
        running.call.send(Photo("photo-0002"))
        running.call.send(Text("Hello?"))
        _, event = await service.until("conversation.item.create")
        failed = [event.problem.cause for event in stage.events if isinstance(event, SendFailed)]

    assert event["item"]["content"][0]["text"] == "Hello?"
    assert len(failed) == 3
    assert "too long" in failed[0]
    assert failed[1:] == ["The photo cannot be made so small.", "There is no photo-0002."]


async def test_what_is_stuck_is_given_up_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "STUCK_LIMIT", 0.1)
    monkeypatch.setattr(link, "_LOOK", 0.05)
    async with live(NO_SIDEBAND) as (service, stage, running):
        running.call._link.lines.hold_again(["x" * 300_000])
        running.call.send(Text("Hello?"))
        await service.until("conversation.item.create")
        failed = [event for event in stage.events if isinstance(event, SendFailed)]

    assert failed == [SendFailed(1, link.NOT_SENT)]


async def test_what_is_said_when_the_call_is_over_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "MESSAGE_LIMIT", 1_000)
    async with live(NO_SIDEBAND) as (service, stage, running):
        running.call.send(Text("word " * 800))  # waits for a sideband
        await service.peer.close()
        await running.over.wait()
        running.call.send(Text("Hello?"))

    assert stage.events.count(SendFailed(1, sender.TOO_LATE)) == 2


async def test_text_is_sent_and_answered() -> None:
    async with live() as (service, stage, running):
        running.call.send(Text("Tell me a joke."))
        _, event = await service.until("conversation.item.create")
        await service.until("response.create")
        await stage.mark("text_sent")

    assert event["item"]["content"] == [{"type": "input_text", "text": "Tell me a joke."}]


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

    assert pcm.peak(bytes(stage.card.heard[heard + 4 * 960 :])) == 0


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

    assert pcm.peak(bytes(stage.card.heard[heard + 4 * 960 :])) == 0


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
            service.on_channel(*call_events("call_9", "wait"))
            _, late = await service.until("conversation.item.create", times=4)

    assert "Too many tools" in refused["item"]["output"]
    assert late["item"]["output"] == '"done"'
    assert stage.marks().count("tool_done") == 3


async def test_photo_of_a_tool_is_shown_before_its_output() -> None:
    async with scene() as (service, stage):
        holder: list[Running] = []

        @tool
        async def look() -> object:
            """Look."""
            await holder[0].call.show(Photo("photo-0001"))
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
            await stage.open_call().show(Photo("photo-0001"))


async def test_harmless_error_does_not_end_the_call() -> None:
    async with live() as (service, stage, running):
        service.on_channel(
            {"type": "error", "error": {"code": "response_cancel_not_active"}},
            {"type": "error", "error": {"code": "unknown_parameter", "message": "No."}},
            *words("item_1", "Still here."),
        )
        await stage.until(lambda: stage.transcript() == ["assistant: Still here."])

        assert not running.over.is_set()
