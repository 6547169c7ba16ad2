"""What is said in a call: tools, photos, text, transcript and turns."""

import asyncio

import pytest

from appliance.call import chores
from appliance.config import CallConfig
from appliance.core.events import TurnChanged
from appliance.core.model import Photo, Text, Turn
from appliance.errors import (
    DeviceError,
)
from appliance.media import pcm
from appliance.tools.registry import tool
from tests.call.scenes import (
    NO_SIDEBAND,
    SPEECH,
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


async def test_harmless_error_does_not_end_the_call() -> None:
    async with live() as (service, stage, running):
        service.on_channel(
            {"type": "error", "error": {"code": "response_cancel_not_active"}},
            {"type": "error", "error": {"code": "unknown_parameter", "message": "No."}},
            *words("item_1", "Still here."),
        )
        await stage.until(lambda: stage.transcript() == ["assistant: Still here."])

        assert not running.over.is_set()
