from appliance.realtime.server_events import ServerEvent
from appliance.realtime.usage import Totals, Usage
from tests.realtime.wire import done, event

SPENT = {
    "total_tokens": 210,
    "input_tokens": 150,
    "output_tokens": 60,
    "input_token_details": {
        "text_tokens": 80,
        "audio_tokens": 50,
        "image_tokens": 20,
        "cached_tokens": 70,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 4, "image_tokens": 2},
    },
    "output_token_details": {"text_tokens": 20, "audio_tokens": 40},
}


def transcribed(item: str, usage: dict[str, object] | None, **more: object) -> ServerEvent:
    name = "conversation.item.input_audio_transcription.completed"
    return event(name, item_id=item, transcript="hm", usage=usage, **more)


def test_cached_tokens_are_counted_apart() -> None:
    usage = Usage()
    assert usage.apply(done("r", usage=SPENT))
    assert usage.totals == Totals(
        responses=1,
        input_text=16,
        input_audio=46,
        input_image=18,
        cached_text=64,
        cached_audio=4,
        cached_image=2,
        output_text=20,
        output_audio=40,
    )


def test_response_on_two_channels_costs_once() -> None:
    usage = Usage()
    assert usage.apply(done("r", usage=SPENT))
    assert not usage.apply(done("r", usage=SPENT))
    assert usage.apply(done("r2", usage=SPENT))
    assert usage.totals.responses == 2
    assert usage.totals.output_audio == 80


def test_cancelled_response_costs_too() -> None:
    usage = Usage()
    assert usage.apply(done("r", status="cancelled", usage=SPENT))


def test_response_without_usage_costs_nothing() -> None:
    usage = Usage()
    assert not usage.apply(done("r", usage=None))
    assert not usage.apply(event("input_audio_buffer.cleared"))
    assert usage.totals == Totals()


def test_tokens_without_details_count_as_sound() -> None:
    usage = Usage()
    usage.apply(done("r", usage={"input_tokens": 7, "output_tokens": 3}))
    assert usage.totals == Totals(responses=1, input_audio=7, output_audio=3)


def test_more_cached_than_spent_is_not_negative() -> None:
    usage = Usage()
    details = {"text_tokens": 1, "cached_tokens_details": {"text_tokens": 5}}
    usage.apply(done("r", usage={"input_token_details": details}))
    assert usage.totals.input_text == 0


def test_transcription_counts_once_for_each_part() -> None:
    usage = Usage()
    seconds = {"type": "duration", "seconds": 3}
    assert usage.apply(transcribed("i", seconds))
    assert not usage.apply(transcribed("i", seconds))
    assert usage.apply(transcribed("i", seconds, content_index=1))
    assert usage.apply(transcribed("j", {"type": "tokens", "total_tokens": 30}))
    assert usage.apply(transcribed("k", {"type": "tokens"}))
    assert not usage.apply(transcribed("l", None))
    assert usage.totals == Totals(transcription_seconds=6.0, transcription_tokens=30)
