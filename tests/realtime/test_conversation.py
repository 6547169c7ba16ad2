import pytest

from appliance.realtime.client_events import InputText, Message, OutputText
from appliance.realtime.conversation import Conversation, Entry
from appliance.realtime.server_events import ServerEvent
from tests.realtime.wire import (
    added,
    call,
    created,
    delta,
    done,
    event,
    item_done,
    message,
    spoken,
    typed,
    words,
)

ASR = "conversation.item.input_audio_transcription"
AUDIO = {"type": "input_audio", "transcript": None}
PICTURE = {"type": "input_image", "image_url": "data:image/jpeg;base64,AAAA"}


def talk(*events: ServerEvent) -> Conversation:
    conversation = Conversation()
    for one in events:
        conversation.apply(one, 1.0)
    return conversation


def texts(conversation: Conversation) -> list[tuple[str, str]]:
    return [(entry.role, entry.text) for entry in conversation.entries()]


def only(conversation: Conversation) -> Entry:
    (entry,) = conversation.entries()
    return entry


def heard(item: str, text: str | None) -> ServerEvent:
    return event(f"{ASR}.completed", item_id=item, transcript=text)


def output(item: str, call_id: str, text: str | None) -> dict[str, object]:
    return {"id": item, "type": "function_call_output", "call_id": call_id, "output": text}


# The assistant's words


def test_words_grow_and_the_last_word_counts() -> None:
    conversation = Conversation()
    steps = [delta("Hel"), delta("lo"), words("Hello there."), delta(" late")]
    shown = [[entry.text for entry in conversation.apply(step, 1.0)] for step in steps]
    assert shown == [["Hel"], ["Hello"], ["Hello there."], []]


def test_entry_is_final_when_its_item_is_done() -> None:
    conversation = talk(delta("Hi"), words("Hi."))
    assert not only(conversation).final
    (entry,) = conversation.apply(item_done(spoken("a", "Hi.")), 1.0)
    assert entry.final
    assert not entry.interrupted


def test_empty_text_never_wipes_out_words() -> None:
    conversation = talk(delta("Hi"), words(""), item_done(spoken("a", "")))
    conversation.apply(event("conversation.item.retrieved", item=spoken("a", "")), 1.0)
    conversation.apply(event("response.output_audio_transcript.done", item_id="a"), 1.0)
    assert only(conversation).text == "Hi"


def test_event_on_two_channels_counts_once() -> None:
    twice = delta("ha", event_id="event_1")
    conversation = talk(twice)
    assert conversation.apply(twice, 2.0) == []
    assert only(conversation).text == "ha"


def test_channels_that_name_events_differently_do_not_double_words() -> None:
    conversation = Conversation()
    for text in ("How ", "are ", "you"):
        conversation.apply(delta(text, event_id=f"event_{text}"), 1.0, "data channel")
        conversation.apply(delta(text, event_id=f"event_2{text}"), 1.0, "sideband")
    assert only(conversation).text == "How are you"
    conversation.apply(words("How are you all?"), 1.0, "sideband")
    assert only(conversation).text == "How are you all?"


def test_written_words_count_as_well() -> None:
    part = {"item_id": "a", "response_id": "r"}
    conversation = talk(event("response.output_text.delta", **part, delta="Wri"))
    assert only(conversation).text == "Wri"
    conversation.apply(event("response.output_text.done", **part, text="Written."), 1.0)
    assert only(conversation).text == "Written."


@pytest.mark.parametrize("spoken_first", [True, False])
def test_sound_and_text_of_a_part_are_not_both_shown(spoken_first: bool) -> None:
    sound = delta("Hi")
    text = event("response.output_text.delta", item_id="a", delta="Hi")
    first, second = (sound, text) if spoken_first else (text, sound)
    assert only(talk(first, second)).text == "Hi"


def test_parts_stand_in_their_order() -> None:
    second = delta("two", content_index=1)
    assert only(talk(second, delta("one", content_index=0))).text == "one two"


def test_part_events_carry_words_too() -> None:
    where = {"item_id": "a", "response_id": "r", "content_index": 0}
    begun = event("response.content_part.added", **where, part={"type": "audio", "transcript": ""})
    conversation = talk(begun, delta("Hi"))
    assert only(conversation).text == "Hi"
    part = {"type": "audio", "transcript": "Hi all."}
    conversation.apply(event("response.content_part.done", **where, part=part), 1.0)
    assert only(conversation).text == "Hi all."


def test_text_part_with_a_beginning_goes_on() -> None:
    where = {"item_id": "a", "response_id": "r"}
    begun = event("response.content_part.added", **where, part={"type": "text", "text": "Once"})
    conversation = talk(begun, event("response.output_text.delta", **where, delta=" more"))
    assert only(conversation).text == "Once more"


def test_missed_words_come_with_the_response() -> None:
    conversation = talk(created())
    (entry,) = conversation.apply(done("r", spoken("a", "Hi.")), 1.0)
    assert (entry.text, entry.final) == ("Hi.", True)


def test_sound_and_remote_tools_say_nothing() -> None:
    conversation = talk(
        event("response.output_audio.delta", item_id="a", delta="AAAA"),
        event("response.mcp_call.in_progress", item_id="m"),
        event("mcp_list_tools.completed", item_id="l"),
        event("rate_limits.updated"),
    )
    assert conversation.entries() == []


# The person's words


def test_late_transcript_stands_before_the_answer() -> None:
    conversation = talk(
        event("input_audio_buffer.speech_started", item_id="u"),
        event("input_audio_buffer.speech_stopped", item_id="u"),
        event("input_audio_buffer.committed", item_id="u", previous_item_id=None),
        added(message("u", "user", AUDIO)),
        created(),
        event("response.output_item.added", item=spoken("a", "", status="in_progress")),
        added(spoken("a", "", status="in_progress"), "u"),
        delta("Fine."),
        event(f"{ASR}.delta", item_id="u", delta="How are"),
        event(f"{ASR}.delta", item_id="u", delta=" you"),
        heard("u", "How are you?\n"),
    )
    assert texts(conversation) == [("user", "How are you?"), ("assistant", "Fine.")]


def test_spoken_item_is_not_final_before_its_transcript() -> None:
    item = message("u", "user", AUDIO)
    begun = event(f"{ASR}.delta", item_id="u", delta="How")
    conversation = talk(begun, added(item), event("conversation.item.done", item=item))
    assert not only(conversation).final
    conversation.apply(heard("u", "How?"), 1.0)
    assert only(conversation).final
    conversation.apply(event("conversation.item.done", item=item), 1.0)
    assert only(conversation).text == "How?"


def test_failed_transcript_is_marked() -> None:
    failure = event(f"{ASR}.failed", item_id="u", error={"code": "audio_unintelligible"})
    entry = only(talk(failure))
    assert (entry.role, entry.text, entry.final, entry.failed) == ("user", "", True, True)


def test_failed_transcript_keeps_what_was_heard() -> None:
    begun = event(f"{ASR}.delta", item_id="u", delta="How")
    entry = only(talk(begun, event(f"{ASR}.failed", item_id="u")))
    assert (entry.text, entry.failed) == ("How", True)


def test_noise_leaves_no_entry() -> None:
    started = event("input_audio_buffer.speech_started", item_id="u")
    assert talk(started, heard("u", "")).entries() == []


def test_empty_transcript_keeps_what_was_heard() -> None:
    begun = event(f"{ASR}.delta", item_id="u", delta="How")
    entry = only(talk(begun, heard("u", None)))
    assert (entry.text, entry.final) == ("How", True)


def test_silence_is_an_item_as_well() -> None:
    silent = event("input_audio_buffer.timeout_triggered", item_id="u")
    conversation = talk(silent, delta("Still there?"), heard("u", "Yes."))
    assert texts(conversation) == [("user", "Yes."), ("assistant", "Still there?")]


def test_speakers_told_apart_add_nothing() -> None:
    segment = event(f"{ASR}.segment", item_id="u", text="How", id="s", start=0, end=1)
    assert talk(segment).entries() == []


def test_typed_words_are_an_entry_at_once() -> None:
    entry = only(talk(added(typed("u", "hello"))))
    assert (entry.role, entry.text, entry.final) == ("user", "hello", True)


def test_picture_is_a_word() -> None:
    item = message("u", "user", {"type": "input_text", "text": "Look"}, PICTURE)
    assert only(talk(added(item))).text == "Look [photo]"


def test_system_messages_and_nameless_items_are_not_shown() -> None:
    rule = message("s", "system", {"type": "input_text", "text": "Be kind."})
    assert talk(added(rule), added({"type": "message"})).entries() == []


def test_item_without_role_keeps_the_one_it_has() -> None:
    again = {"id": "a", "type": "message", "content": [{"type": "output_audio"}]}
    assert only(talk(delta("Hi"), added(again))).role == "assistant"


# Interruptions


def test_cancelled_response_is_interrupted() -> None:
    conversation = talk(created(), delta("One, two"))
    cut = spoken("a", "One, two, thr", status="incomplete")
    (entry,) = conversation.apply(done("r", cut, status="cancelled"), 1.0)
    assert (entry.text, entry.final, entry.interrupted) == ("One, two, thr", True, True)


def test_cancelled_response_without_items_is_interrupted() -> None:
    conversation = talk(created(), delta("One, two"))
    (entry,) = conversation.apply(done("r", status="cancelled"), 1.0)
    assert (entry.final, entry.interrupted) == (True, True)


def test_completed_response_without_items_is_not() -> None:
    conversation = talk(created(), delta("One, two"))
    (entry,) = conversation.apply(done("r"), 1.0)
    assert (entry.final, entry.interrupted) == (True, False)


def test_cleared_playback_is_an_interruption() -> None:
    conversation = talk(
        created(),
        event("output_audio_buffer.started", response_id="r"),
        done("r", spoken("a", "I check.", phase="commentary"), spoken("b", "One, two, three.")),
    )
    cleared = event("output_audio_buffer.cleared", response_id="r")
    (entry,) = conversation.apply(cleared, 1.0)
    assert (entry.item_id, entry.interrupted) == ("b", True)
    assert conversation.apply(cleared, 1.0) == []


def test_what_was_heard_to_its_end_is_not_interrupted() -> None:
    conversation = talk(
        done("r", spoken("a", "One.")), event("output_audio_buffer.stopped", response_id="r")
    )
    cleared = event("output_audio_buffer.cleared", response_id="r")
    assert conversation.apply(cleared, 1.0) == []
    assert conversation.apply(event("output_audio_buffer.cleared"), 1.0) == []
    assert not only(conversation).interrupted


def test_end_of_the_call_ends_every_line() -> None:
    conversation = talk(
        delta("Let me"),
        item_done(call("c")),
        event(f"{ASR}.delta", item_id="u", delta="Wa"),
    )
    ended = [(entry.text, entry.final, entry.interrupted) for entry in conversation.end()]
    assert ended == [("Let me", True, True), ("add {}", True, True), ("Wa", True, True)]
    assert conversation.end() == []


def test_end_of_the_call_cuts_what_is_being_heard_and_nothing_else() -> None:
    conversation = talk(
        item_done(spoken("a", "Heard.")),
        event("output_audio_buffer.started", response_id="r"),
        event("output_audio_buffer.stopped", response_id="r"),
        item_done(spoken("b", "Being heard."), response="s"),
        event("output_audio_buffer.started", response_id="s"),
    )
    cut = [(entry.text, entry.interrupted) for entry in conversation.end()]
    assert cut == [("Being heard.", True)]
    assert [entry.final for entry in conversation.entries()] == [True, True]


def test_truncated_item_is_interrupted() -> None:
    cut = event("conversation.item.truncated", item_id="a", audio_end_ms=10)
    conversation = talk(delta("One, two"), words("One, two, three."), cut)
    assert only(conversation).interrupted
    assert only(conversation).text == "One, two, three."
    assert talk(cut).entries() == []


# Tools


def test_tool_call_and_its_output_are_one_entry() -> None:
    conversation = talk(item_done(call("c", "add", '{\n "a": 2 \n}\n')))
    assert texts(conversation) == [("tool", 'add { "a": 2 }')]
    assert not only(conversation).final
    (entry,) = conversation.apply(added(output("o", "c", '{"sum": 7}')), 1.0)
    assert entry.text == 'add { "a": 2 } → {"sum": 7}'
    assert entry.final


def test_tool_entry_waits_for_its_output_after_the_response() -> None:
    conversation = talk(item_done(call("c")), done("r", call("c")))
    assert not only(conversation).final
    conversation.apply(added(output("o", "c", None)), 1.0)
    assert only(conversation).final


def test_tool_call_of_a_cancelled_response_is_over() -> None:
    conversation = talk(item_done(call("c", status="in_progress")), done("r", status="cancelled"))
    assert only(conversation).interrupted


def test_output_of_a_call_we_missed_stands_alone() -> None:
    assert texts(talk(added(output("o", "c", "done")))) == [("tool", "→ done")]


def test_remote_tool_is_an_entry() -> None:
    item = {"id": "m", "type": "mcp_call", "name": "weather", "arguments": "{}", "output": "sun"}
    assert texts(talk(added(item))) == [("tool", "weather {} → sun")]


def test_other_items_are_not_shown() -> None:
    assert talk(added({"id": "l", "type": "mcp_list_tools"})).entries() == []


def test_long_arguments_are_shortened() -> None:
    entry = only(talk(item_done(call("c", "say", f'{{"text": "{"x" * 500}"}}'))))
    assert len(entry.text) < 120
    assert entry.text.endswith("…")


def test_arguments_on_their_way_are_not_words() -> None:
    name = "response.function_call_arguments.delta"
    assert talk(event(name, item_id="i_c", call_id="c", delta="{")).entries() == []


# Order and size


def test_order_is_the_services_not_arrivals() -> None:
    conversation = talk(added(typed("u1", "one")), added(spoken("a1", "two"), "u1"))
    (entry,) = conversation.apply(added(typed("u0", "between"), "u1"), 1.0)
    assert texts(conversation)[1] == ("user", "between")
    first, _, last = conversation.entries()
    assert first.position < entry.position < last.position


def test_all_entries_come_again_when_they_get_new_positions() -> None:
    conversation = talk(added(typed("u", "one")), added(typed("z", "last"), "u"))
    most = 0
    for number in range(25):
        changed = conversation.apply(added(typed(f"k{number}", "mid"), "u"), 1.0)
        most = max(most, len(changed))
    assert most > 20
    assert [entry.text for entry in conversation.entries()] == ["one", *["mid"] * 25, "last"]


def test_transcript_does_not_grow_for_ever() -> None:
    conversation = Conversation()
    for number in range(1100):
        conversation.apply(item_done(call(f"c{number}"), f"r{number}"), 1.0)
    assert len(conversation.entries()) == 1000
    assert conversation.entries()[-1].item_id == "i_c1099"
    conversation.apply(done("r0", status="cancelled"), 1.0)
    assert len(conversation.entries()) == 1000


def test_output_of_a_call_just_forgotten_stands_alone() -> None:
    conversation = Conversation()
    for number in range(1000):
        conversation.apply(item_done(call(f"c{number}"), f"r{number}"), 1.0)
    (entry,) = conversation.apply(added(output("o", "c0", "done")), 1.0)
    assert (entry.item_id, entry.text) == ("o", "→ done")


def test_item_does_not_grow_for_ever() -> None:
    conversation = Conversation()
    for number in range(40):
        conversation.apply(delta("x" * 1000, content_index=0), 1.0)
        conversation.apply(delta("y", content_index=number + 1), 1.0)
    assert len(only(conversation).text) < 18_000
    conversation.apply(words("z" * 50_000), 1.0)
    assert len(only(conversation).text) < 18_000
    conversation.apply(words("too much", content_index=99), 1.0)
    assert "too much" not in only(conversation).text
    full = [AUDIO] * 30
    conversation.apply(added(message("a", "user", *full)), 1.0)
    assert not only(conversation).final


# Turn, history


def test_turn_is_followed() -> None:
    conversation = talk(created(), event("output_audio_buffer.started", response_id="r"))
    assert conversation.turn == "speaking"
    assert conversation.spoken


def test_service_that_tells_nothing_is_followed_by_ear() -> None:
    conversation = talk(event("session.created", session={}))
    assert not conversation.spoken
    conversation.heard(True, 2.0)
    assert conversation.turn == "speaking"
    assert conversation.spoken


def test_history_is_the_end_of_the_talk() -> None:
    conversation = talk(
        added(typed("u1", "one")),
        added(spoken("a1", "two"), "u1"),
        item_done(call("c")),
        event(f"{ASR}.failed", item_id="u2"),
        added(typed("u3", "three")),
    )
    assert conversation.history(1000) == [
        Message(role="user", content=(InputText("one"),)),
        Message(role="assistant", content=(OutputText("two"),)),
        Message(role="user", content=(InputText("three"),)),
    ]


def test_history_ends_with_the_question_whose_tool_was_not_followed_up() -> None:
    conversation = talk(
        added(spoken("a1", "Hello.")),
        added(typed("u1", "Add one and two."), "a1"),
        added(spoken("a2", "Let me see."), "u1"),
        added(call("c"), "a2"),
        added(output("o", "c", "3"), "i_c"),
    )
    asked = Message(role="user", content=(InputText("Add one and two."),))
    assert conversation.history(1000)[-1] == asked
    conversation.apply(added(spoken("a3", "Three."), "o"), 2.0)
    assert [said.role for said in conversation.history(1000)][-2:] == ["assistant", "assistant"]


def test_history_does_not_end_with_a_picture_that_the_next_call_has_not() -> None:
    conversation = talk(added(spoken("a1", "Hello.")))
    before = conversation.history(1000)
    shown = message("u1", "user", {"type": "input_text", "text": "Describe it."}, PICTURE)
    conversation.apply(added(shown, "a1"), 2.0)
    assert conversation.history(1000) == before
    conversation.apply(added(spoken("a2", "A cat."), "u1"), 3.0)
    assert len(conversation.history(1000)) == 3


def test_history_ends_with_the_question_that_a_tool_had_a_picture_taken_for() -> None:
    conversation = talk(
        added(typed("u1", "What do you see?")),
        added(spoken("a1", "Let me look."), "u1"),
        added(call("c"), "a1"),
        added(message("u2", "user", PICTURE), "i_c"),
        added(output("o", "c", "{}"), "u2"),
    )
    asked = Message(role="user", content=(InputText("What do you see?"),))
    assert conversation.history(1000) == [asked]


def test_history_keeps_what_was_said_before_a_tool_nobody_asked_for() -> None:
    conversation = talk(added(spoken("a1", "Hello.")), added(call("c"), "a1"))
    assert len(conversation.history(1000)) == 1


def test_history_is_cut_at_its_beginning() -> None:
    conversation = talk(added(typed("u1", "abcdef")), added(spoken("a1", "xyz"), "u1"))
    assert conversation.history(5) == [
        Message(role="user", content=(InputText("ef"),)),
        Message(role="assistant", content=(OutputText("xyz"),)),
    ]
    assert len(conversation.history(3)) == 1
    assert conversation.history(0) == []


def test_deleted_item_was_said_but_is_not_history() -> None:
    gone = event("conversation.item.deleted", item_id="u1")
    conversation = talk(added(typed("u1", "one")), gone, gone)
    assert texts(conversation) == [("user", "one")]
    assert conversation.history(1000) == []
    assert talk(gone).entries() == []
