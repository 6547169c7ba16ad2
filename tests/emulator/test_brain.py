"""The orders of events, and that answers are about what was said."""

import base64
import json

import pytest

from appliance.emulator.brain import Traits
from appliance.emulator.wire import Clear, Expire, Moment
from tests.emulator.desk import ADD, PHOTO, TIME, WORD_MS, Desk, one, transcript, types

MESSAGE = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
]
END = ["response.done", "rate_limits.updated"]
TYPED = ["conversation.item.added", "conversation.item.done", "response.created"]
JPEG = base64.b64encode(b"\xff\xd8\xff").decode()
PICTURE = {"type": "input_image", "image_url": f"data:image/jpeg;base64,{JPEG}"}


def text_events(names: list[str]) -> list[str]:
    """The same order for a response in text."""
    audio = [n for n in names if n != "response.output_audio.done"]
    return [n.replace("output_audio_transcript", "output_text") for n in audio]


def test_text_turn_has_the_recorded_order() -> None:
    assert types(Desk().say("hello")) == [*TYPED, *MESSAGE, *END]


def test_text_response_has_the_recorded_order() -> None:
    desk = Desk(output_modalities=["text"])
    assert types(desk.say("hello")) == [*TYPED, *text_events(MESSAGE), *END]


def test_voice_turn_has_the_recorded_order() -> None:
    desk = Desk(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
    events = desk.hear("tell me a joke")
    names = types(e for e in events if "transcription" not in e["type"])
    assert names == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        *TYPED,
        *MESSAGE,
        *END,
    ]


def test_transcript_completes_after_the_answer_has_begun() -> None:
    desk = Desk(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
    names = types(desk.hear("tell me a joke"), short=False)
    completed = names.index("conversation.item.input_audio_transcription.completed")
    assert names.index("response.output_audio_transcript.delta") < completed
    assert completed < names.index("response.done")


def test_transcript_deltas_join_to_the_transcript() -> None:
    desk = Desk(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
    events = desk.hear("Add to and five, slowly.")
    prefix = "conversation.item.input_audio_transcription"
    pieces = [e["delta"] for e in events if e["type"] == f"{prefix}.delta"]
    assert "".join(pieces) == one(events, f"{prefix}.completed")["transcript"]


def test_spoken_deltas_join_to_the_transcript() -> None:
    events = Desk().say("count from one to five")
    deltas = [e for e in events if e["type"] == "response.output_audio_transcript.delta"]
    assert "".join(e["delta"] for e in deltas) == "One. Two. Three. Four. Five."
    assert [e["delta"] for e in deltas][1] == " Two."


def test_words_are_answered_though_transcription_is_off() -> None:
    events = Desk().hear("add to and five")
    assert transcript(events) == "Two plus five is seven."
    assert not any("transcription" in e["type"] for e in events)


def test_tool_round_has_the_recorded_order() -> None:
    desk = Desk(tools=[TIME])
    first = desk.say("what time is it")
    assert types(first) == [
        *TYPED,
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        *END,
    ]
    (call,) = desk.calls()
    second = desk.output(call["call_id"], '{"time": "2026-11-23T14:05:00+01:00"}')
    second += desk.send("response.create")
    assert types(second) == [*TYPED, *MESSAGE, *END]
    assert transcript(second) == "It is 14:05."


def test_message_and_call_interleave_as_recorded() -> None:
    desk = Desk(tools=[ADD])
    events = desk.say("add two and five slowly")
    assert types(events) == [
        *TYPED,
        *MESSAGE[:4],
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        *MESSAGE[4:],
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        *END,
    ]
    phases = [item.get("phase") for item in one(events, "response.done")["response"]["output"]]
    assert phases == ["commentary", None]


def test_older_models_have_no_phases() -> None:
    events = Desk(tools=[ADD], model="gpt-realtime").say("add two and five")
    assert "phase" not in json.dumps(events)


def test_added_items_are_in_progress_and_done_items_completed() -> None:
    events = Desk(tools=[ADD]).say("add two and five")
    added = [e["item"]["status"] for e in events if e["type"] == "response.output_item.added"]
    done = [e["item"]["status"] for e in events if e["type"] == "response.output_item.done"]
    assert (added, done) == (["in_progress"] * 2, ["completed"] * 2)


def test_two_requests_at_once_are_two_calls_answered_together() -> None:
    desk = Desk(tools=[ADD, TIME])
    events = desk.say("what time is it and add two and five")
    calls = desk.calls()
    assert [call["name"] for call in calls] == ["current_time", "delayed_add"]
    indices = [
        e["output_index"]
        for e in events
        if e["type"] == "response.output_item.done" and e["item"]["type"] == "function_call"
    ]
    assert indices == [1, 2]
    desk.output(calls[1]["call_id"], '{"sum": 7}')
    desk.output(calls[0]["call_id"], '{"time": "2026-11-23T09:30:00", "weekday": "Monday"}')
    answer = transcript(desk.send("response.create"))
    assert answer == "Two plus five is seven. It is 09:30 on Monday."


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ('{"sum": 99}', "Two plus five is ninety-nine."),
        ("7", "Two plus five is seven."),
        ("it is raining", "The answer is it is raining."),
        ('{"error": "The adder is broken."}', "The delayed add tool failed: The adder is broken."),
    ],
)
def test_the_answer_tells_what_the_tool_put_out(output: str, answer: str) -> None:
    desk = Desk(tools=[ADD])
    desk.say("add two and five")
    desk.output(desk.calls()[0]["call_id"], output)
    assert transcript(desk.send("response.create")) == answer


def test_a_photo_is_described_in_the_words_of_the_eyes() -> None:
    desk = Desk()
    content = [{"type": "input_text", "text": "Describe this picture."}, PICTURE]
    item = {"type": "message", "role": "user", "content": content}
    desk.send("conversation.item.create", item=item)
    assert types(desk.send("response.create")) == ["response.created"]
    desk.look("I see a red square.")
    assert transcript(desk.events) == "I see a red square."
    usage = one(desk.events, "response.done")["response"]["usage"]
    assert usage["input_token_details"]["image_tokens"] > 0


def test_a_photo_taken_by_the_tool_is_described() -> None:
    desk = Desk(tools=[PHOTO])
    desk.say("what do you see")
    desk.output(desk.calls()[0]["call_id"], '{"photo": "a.jpg", "shown": true}')
    item = {"type": "message", "role": "user", "content": [PICTURE]}
    desk.send("conversation.item.create", item=item)
    desk.look("I see a blue lake.")
    assert transcript(desk.send("response.create")) == "I see a blue lake."


def test_added_item_comes_without_the_data_of_its_picture() -> None:
    desk = Desk()
    item = {"type": "message", "role": "user", "content": [PICTURE]}
    events = desk.send("conversation.item.create", item=item)
    assert "image_url" not in json.dumps(events)
    item_id = events[0]["item"]["id"]
    found = desk.send("conversation.item.retrieve", item_id=item_id)
    assert one(found, "conversation.item.retrieved")["item"]["content"][0]["image_url"]


def test_pictures_are_echoed_on_request() -> None:
    desk = Desk(traits=Traits(echo_pictures=True))
    item = {"type": "message", "role": "user", "content": [PICTURE]}
    events = desk.send("conversation.item.create", item=item)
    assert events[0]["item"]["content"][0]["image_url"] == PICTURE["image_url"]


def playing(desk: Desk, text: str, words: int) -> tuple[str, str]:
    """An answer of which so many words were made; returns response and item id."""
    events = desk.say(text)
    response = one(events, "response.created")["response"]["id"]
    item = one(events, "response.output_item.added")["item"]["id"]
    desk.go_on(words)
    desk.obey(desk.brain.playback_started(response))
    return response, item


def test_barge_in_clears_truncates_and_cancels_in_this_order() -> None:
    desk = Desk(speak=False)
    response, item = playing(desk, "count from one to twenty", 8)
    desk.moment = Moment(heard={item: 3 * WORD_MS})
    mark = len(desk.events)
    desk.obey(desk.brain.speech_started(5000, desk.moment))
    events = desk.events[mark:]
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
        *MESSAGE[4:],
        *END,
    ]
    assert one(events, "output_audio_buffer.cleared")["response_id"] == response
    assert one(events, "conversation.item.truncated")["audio_end_ms"] == 3 * WORD_MS
    done = one(events, "response.done")["response"]
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"][0]["content"][0]["transcript"] == "One. Two. Three."
    assert done["output"][0]["status"] == "incomplete"


def test_barge_in_after_the_response_only_clears_and_truncates() -> None:
    desk = Desk(speak=False)
    _, item = playing(desk, "count from one to five", 10)
    desk.moment = Moment(heard={item: 2 * WORD_MS})
    mark = len(desk.events)
    desk.obey(desk.brain.speech_started(5000, desk.moment))
    assert types(desk.events[mark:]) == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
    ]
    found = desk.send("conversation.item.retrieve", item_id=item)
    content = one(found, "conversation.item.retrieved")["item"]["content"]
    assert content[0]["transcript"] == "One. Two."


def test_nothing_is_answered_twice_after_a_barge_in() -> None:
    desk = Desk(speak=False)
    _, item = playing(desk, "count from one to twenty", 8)
    desk.moment = Moment(heard={item: WORD_MS})
    mark = len(desk.events)
    desk.hear("stop", 5000, 6000)
    desk.go_on()
    assert transcript(desk.events[mark:]).endswith("All right.")
    assert "Two" not in transcript(desk.events[mark:])


def test_a_turn_cut_in_two_by_a_pause_is_one_sentence() -> None:
    desk = Desk()
    desk.obey(desk.brain.speech_started(0, desk.moment))
    desk.obey(desk.brain.speech_stopped(900))
    desk.obey(desk.brain.speech_started(1000, desk.moment))
    cancelled = desk.events[-2]["response"]
    assert (cancelled["status"], cancelled["output"]) == ("cancelled", [])
    desk.recognized("Add two")
    desk.obey(desk.brain.speech_stopped(2000))
    desk.recognized("and five.")
    assert transcript(desk.events) == "Two plus five is seven."


def test_without_interruption_the_answer_follows_the_one_going_on() -> None:
    turn = {"type": "server_vad", "interrupt_response": False}
    desk = Desk(speak=False, audio={"input": {"turn_detection": turn}})
    playing(desk, "count from one to five", 2)
    desk.hear("tell me a joke")
    assert [e["type"] for e in desk.events].count("response.created") == 1
    desk.go_on()
    assert "button" in transcript(desk.events)


def test_no_response_is_created_when_the_session_says_so() -> None:
    turn = {"type": "server_vad", "create_response": False}
    desk = Desk(audio={"input": {"turn_detection": turn}})
    assert types(desk.hear("hello"))[-1] == "conversation.item.done"


def test_cancel_ends_the_response_but_not_its_sound() -> None:
    desk = Desk(speak=False)
    playing(desk, "count from one to twenty", 4)
    events = desk.send("response.cancel")
    details = one(events, "response.done")["response"]["status_details"]
    assert details == {"type": "cancelled", "reason": "client_cancelled"}
    assert not any(isinstance(order, Clear) for order in desk.orders)


def test_clear_drops_the_sound_and_truncates() -> None:
    desk = Desk(speak=False)
    response, item = playing(desk, "count from one to twenty", 4)
    desk.send("response.cancel")
    desk.moment = Moment(heard={item: WORD_MS})
    events = desk.send("output_audio_buffer.clear")
    assert types(events) == ["output_audio_buffer.cleared", "conversation.item.truncated"]
    desk.obey(desk.brain.playback_stopped(response))
    assert desk.events[-1]["type"] == "conversation.item.truncated"


def error_of(events: list[dict[str, object]]) -> tuple[object, object]:
    error = events[-1]["error"]
    assert isinstance(error, dict)
    return error["code"], error["event_id"]


def test_second_response_is_refused_while_one_is_active() -> None:
    desk = Desk(speak=False)
    desk.say("tell me a joke")
    events = desk.send("response.create", event_id="mine")
    assert error_of(events) == ("conversation_already_has_active_response", "mine")


def test_cancel_without_a_response_is_refused() -> None:
    assert error_of(Desk().send("response.cancel"))[0] == "response_cancel_not_active"


@pytest.mark.parametrize("verb", ["retrieve", "delete"])
def test_unknown_items_are_refused(verb: str) -> None:
    events = Desk().send(f"conversation.item.{verb}", item_id="item_x")
    assert error_of(events)[0] == f"item_{verb}_invalid_item_id"


def test_truncating_beyond_the_end_is_refused() -> None:
    desk = Desk()
    item = one(desk.say("tell me a joke"), "response.output_item.done")["item"]["id"]
    events = desk.send(
        "conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=999_999
    )
    assert error_of(events)[0] == "invalid_value"


def test_deleted_item_is_gone() -> None:
    desk = Desk()
    item = desk.add("hello")[0]["item"]["id"]
    assert types(desk.send("conversation.item.delete", item_id=item)) == [
        "conversation.item.deleted"
    ]
    assert error_of(desk.send("conversation.item.retrieve", item_id=item))[0]


def test_client_item_ids_and_places_are_honoured() -> None:
    desk = Desk()
    desk.add("one")
    content = [{"type": "input_text", "text": "zero"}]
    item = {"id": "mine", "type": "message", "role": "user", "content": content}
    events = desk.send("conversation.item.create", item=item, previous_item_id="root")
    assert (events[0]["item"]["id"], events[0]["previous_item_id"]) == ("mine", None)
    assert [i.id for i in desk.brain.conversation] == ["mine", "item_1"]


def test_response_outside_the_conversation_leaves_no_trace() -> None:
    desk = Desk(speak=False)
    desk.say("tell me a joke")  # still active
    content = [{"type": "input_text", "text": "add 2 and 2"}]
    given = {
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": {"purpose": "check"},
        "input": [{"type": "message", "role": "user", "content": content}],
    }
    events = desk.send("response.create", response=given)
    assert types(events) == [
        "response.created",
        *[n for n in text_events(MESSAGE) if not n.startswith("conversation")],
        *END,
    ]
    done = one(events, "response.done")["response"]
    assert (done["conversation_id"], done["metadata"]) == (None, {"purpose": "check"})
    assert transcript(events) == "Two plus two is four."


def test_instructions_may_say_exactly_what_to_say() -> None:
    events = Desk().say("hello", instructions='Say exactly: "The kettle is on."')
    assert transcript(events) == "The kettle is on."


def test_nothing_said_yet_is_greeted() -> None:
    assert transcript(Desk().send("response.create")).startswith("Hello!")


def test_unknown_words_are_told_back() -> None:
    answer = transcript(Desk().say("The moon is made of cheese"))
    assert answer.startswith("I heard: The moon is made of cheese.")


def test_small_limit_cuts_the_answer() -> None:
    events = Desk().say("tell me a joke", max_output_tokens=27)
    done = one(events, "response.done")["response"]
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert transcript(events) == "Why did the"


def test_usage_adds_up_and_caching_is_below_the_input() -> None:
    desk = Desk(tools=[ADD])
    for text in ("tell me a joke", "add two and five", "count from one to ten") * 4:
        desk.say(text)
    cached = {}
    for event in (e for e in desk.events if e["type"] == "response.done"):
        usage = event["response"]["usage"]
        given, made = usage["input_token_details"], usage["output_token_details"]
        kinds = ("text_tokens", "audio_tokens", "image_tokens")
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["input_tokens"] == sum(given[kind] for kind in kinds)
        assert usage["output_tokens"] == sum(made[kind] for kind in kinds[:2])
        cached = given["cached_tokens_details"]
        assert given["cached_tokens"] == sum(cached.values())
        assert all(cached[kind] <= given[kind] and cached[kind] % 64 == 0 for kind in kinds)
    assert cached["text_tokens"] > 0


def test_commit_of_next_to_nothing_is_refused() -> None:
    desk = Desk(audio={"input": {"turn_detection": None}})
    desk.moment = Moment(received_ms=60)
    assert error_of(desk.send("input_audio_buffer.commit"))[0] == "input_audio_buffer_commit_empty"


def test_push_to_talk_is_answered_on_request_only() -> None:
    desk = Desk(audio={"input": {"turn_detection": None}})
    desk.moment = Moment(received_ms=2000)
    assert types(desk.send("input_audio_buffer.commit")) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    desk.recognized("add two and five")
    assert transcript(desk.send("response.create")) == "Two plus five is seven."


def test_deaf_service_says_why() -> None:
    desk = Desk(audio={"input": {"transcription": {"model": "whisper-1"}}})
    desk.obey(desk.brain.speech_started(0, desk.moment))
    desk.obey(desk.brain.speech_stopped(900))
    item = next(i.id for i in desk.brain.conversation)
    mark = len(desk.events)
    desk.obey(desk.brain.not_transcribed(item, "The speech recogniser is not installed."))
    events = desk.events[mark:]
    assert events[0]["type"] == "conversation.item.input_audio_transcription.failed"
    assert transcript(events) == "The speech recogniser is not installed."


def test_mute_service_fails_spoken_answers_and_keeps_typing() -> None:
    desk = Desk(traits=Traits(voice=False))
    done = one(desk.say("hello"), "response.done")["response"]
    assert done["status"] == "failed"
    assert "no voice" in done["status_details"]["error"]["message"]
    assert transcript(desk.say("add 1 and 1", output_modalities=["text"])) == "One plus one is two."


def test_expired_session_says_so_and_ends() -> None:
    desk = Desk()
    desk.obey(desk.brain.expire(60))
    assert desk.events[-1]["error"]["code"] == "session_expired"
    sentence = "Your session hit the maximum duration of 60 minutes."
    assert desk.orders[-1] == Expire(sentence)


def test_voice_cannot_change_once_it_was_heard() -> None:
    desk = Desk()
    desk.say("hello")
    session = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    assert error_of(desk.send("session.update", session=session))[0] == "cannot_update_voice"


def test_goodbye_ends_the_call_and_says_goodbye_after_it() -> None:
    desk = Desk(tools=[{"type": "function", "name": "end_call"}])
    desk.say("Goodbye!")
    (call,) = desk.calls()
    desk.output(call["call_id"], '{"ending": true, "note": "Say a short goodbye now."}')
    assert transcript(desk.send("response.create")) == "Goodbye!"
