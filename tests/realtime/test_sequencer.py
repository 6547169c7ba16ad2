from typing import Any

import pytest

from appliance.realtime.client_events import (
    ClientEvent,
    FunctionCallOutput,
    InputImage,
    InputText,
    ItemCreate,
    Message,
    OutputText,
    ResponseCancel,
    ResponseCreate,
)
from appliance.realtime.sequencer import Sequencer
from appliance.realtime.server_events import ServerEvent
from tests.realtime.wire import (
    added,
    call,
    created,
    done,
    error,
    event,
    failed,
    item_done,
    message,
    spoken,
    typed,
)

ACTIVE = "conversation_already_has_active_response"
STARTED = event("input_audio_buffer.speech_started", item_id="u")
STOPPED = event("input_audio_buffer.speech_stopped", item_id="u")
PLAYING = event("output_audio_buffer.started", response_id="r")
PLAYED = event("output_audio_buffer.stopped", response_id="r")


def kinds(events: list[ClientEvent]) -> list[str]:
    return [str(type(one).__struct_config__.tag).rpartition("conversation.")[2] for one in events]


def fed(sequencer: Sequencer, *events: ServerEvent, now: float = 1.0) -> list[ClientEvent]:
    return [sent for one in events for sent in sequencer.on_event(one, now)]


def busy_with(response: str = "r") -> Sequencer:
    """Return a sequencer whose service makes a response by itself."""
    sequencer = Sequencer("t")
    assert fed(sequencer, created(response)) == []
    return sequencer


def the_create(events: list[ClientEvent]) -> ResponseCreate:
    (create,) = (one for one in events if isinstance(one, ResponseCreate))
    return create


def confirmed(events: list[ClientEvent]) -> list[ServerEvent]:
    """Return the service's confirmation of the items in these events."""
    news = []
    for one in events:
        if isinstance(one, ItemCreate) and isinstance(one.item, FunctionCallOutput):
            item = {"id": "o", "type": "function_call_output", "call_id": one.item.call_id}
            news.append(added(item))
        elif isinstance(one, ItemCreate):
            news.append(added(typed(str(one.item.id), "")))
    return news


# Greeting and typing


def test_greeting_is_one_response_with_instructions() -> None:
    sequencer = Sequencer("t")
    (create,) = sequencer.greet("Say hello.", 1.0)
    assert isinstance(create, ResponseCreate)
    assert create.response
    assert create.response.instructions == "Say hello."
    assert sequencer.greet("Say hello.", 1.1) == []
    assert sequencer.busy


def test_nobody_is_greeted_into_an_answer() -> None:
    sequencer = busy_with()
    assert sequencer.greet("Say hello.", 1.0) == []
    assert fed(sequencer, done()) == []
    assert not sequencer.busy


def test_greeting_gives_way_to_what_the_person_says() -> None:
    sequencer = Sequencer("t")
    fed(sequencer, STARTED)
    assert sequencer.greet("Say hello.", 1.1) == []
    assert fed(sequencer, STOPPED, created(), done()) == []


def test_words_are_sent_and_answered_at_once() -> None:
    item, create = Sequencer("t").say("hello", 1.0)
    assert isinstance(item, ItemCreate)
    assert isinstance(item.item, Message)
    assert item.item.content == (InputText("hello"),)
    assert isinstance(create, ResponseCreate)
    assert not create.response


def test_every_event_has_its_own_id() -> None:
    sequencer = Sequencer("t")
    sent = [*sequencer.say("a", 1.0), *fed(sequencer, created("r1")), *sequencer.say("b", 1.1)]
    sent += fed(sequencer, done("r1"))
    ids = [one.event_id for one in sent]
    assert len(ids) == len(set(ids)) == 6
    assert all(str(one).startswith("t_") for one in ids)


def test_picture_comes_with_its_question() -> None:
    item, _ = Sequencer("t").show("data:image/jpeg;base64,AA", "What is it?", 1.0)
    assert isinstance(item, ItemCreate)
    assert isinstance(item.item, Message)
    image = InputImage("data:image/jpeg;base64,AA")
    assert item.item.content == (InputText("What is it?"), image)


def test_history_is_put_in_without_an_answer() -> None:
    sequencer = Sequencer("t")
    history = [Message(role="assistant", content=(OutputText("Hi."),))]
    (item,) = sequencer.seed(history)
    assert isinstance(item, ItemCreate)
    assert item.item is history[0]
    assert not sequencer.busy


# Interruption


def test_words_interrupt_the_assistant() -> None:
    sequencer = busy_with()
    fed(sequencer, PLAYING)
    sent = sequencer.say("stop, a question", 1.0)
    assert kinds(sent) == ["response.cancel", "output_audio_buffer.clear"]
    assert isinstance(sent[0], ResponseCancel)
    assert sent[0].response_id == "r"
    after = fed(sequencer, done(status="cancelled"))
    assert kinds(after) == ["item.create", "response.create"]


def test_words_interrupt_what_is_still_heard() -> None:
    sequencer = busy_with()
    fed(sequencer, PLAYING, done())
    sent = sequencer.say("stop", 1.0)
    assert kinds(sent) == ["output_audio_buffer.clear", "item.create", "response.create"]


def test_nothing_is_cleared_when_nothing_is_heard() -> None:
    sequencer = busy_with()
    fed(sequencer, PLAYING, done(), PLAYED)
    assert kinds(sequencer.say("go on", 1.0)) == ["item.create", "response.create"]


def test_words_wait_for_a_response_on_its_way() -> None:
    sequencer = Sequencer("t")
    sequencer.say("one", 1.0)
    assert sequencer.say("two", 1.1) == []
    assert kinds(fed(sequencer, created())) == ["response.cancel", "output_audio_buffer.clear"]
    assert kinds(fed(sequencer, done(status="cancelled"))) == ["item.create", "response.create"]


def test_words_said_meanwhile_are_answered_together() -> None:
    sequencer = busy_with()
    sequencer.say("one", 1.0)
    assert kinds(sequencer.say("two", 1.1)) == ["output_audio_buffer.clear"]
    sent = fed(sequencer, done(status="cancelled"))
    assert kinds(sent) == ["item.create", "item.create", "response.create"]


def test_cancel_without_an_end_does_not_block() -> None:
    sequencer = busy_with()
    sequencer.say("one", 1.0)
    assert sequencer.tick(3.9) == []
    assert sequencer.deadline == 4.0
    assert kinds(sequencer.tick(4.0)) == ["item.create", "response.create"]


def test_interrupted_response_that_never_comes_does_not_block() -> None:
    sequencer = Sequencer("t")
    sequencer.say("one", 1.0)
    sequencer.say("two", 1.1)
    assert kinds(sequencer.tick(4.2)) == ["item.create", "response.create"]
    assert fed(sequencer, created(), done()) == []


def test_nothing_to_cancel_frees_the_way() -> None:
    sequencer = busy_with()
    sent = sequencer.say("one", 1.0)
    refused = error("response_cancel_not_active", sent[0].event_id)
    assert kinds(fed(sequencer, refused)) == ["item.create", "response.create"]


def test_interruption_of_a_refused_response_does_not_hit_the_next() -> None:
    sequencer = Sequencer("t")
    greeting = the_create(sequencer.greet("Hi.", 1.0))
    assert sequencer.say("hello", 1.1) == []
    sent = fed(sequencer, error("invalid_value", greeting.event_id))
    assert kinds(sent) == ["item.create", "response.create"]
    assert fed(sequencer, created()) == []


# Tools


def test_output_is_posted_at_once_and_answered_after_the_response() -> None:
    sequencer = busy_with()
    fed(sequencer, item_done(call("c")))
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create"]
    assert kinds(fed(sequencer, done("r", call("c")))) == ["response.create"]


def test_slow_tool_is_answered_when_it_is_done() -> None:
    sequencer = busy_with()
    assert fed(sequencer, done("r", call("c"))) == []
    assert sequencer.busy
    assert kinds(sequencer.tool_output("c", "{}", 5.0)) == ["item.create", "response.create"]


def test_parallel_calls_are_answered_together() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", call("c1"), call("c2"), call("c3")))
    assert kinds(sequencer.tool_output("c2", "{}", 1.0)) == ["item.create"]
    assert kinds(sequencer.tool_output("c1", "{}", 1.0)) == ["item.create"]
    assert kinds(sequencer.tool_output("c3", "{}", 1.0)) == ["item.create", "response.create"]


def test_second_output_of_a_call_is_dropped() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", call("c")))
    sequencer.tool_output("c", "{}", 1.0)
    assert sequencer.tool_output("c", "{}", 1.0) == []


def test_calls_are_known_without_the_responses_list() -> None:
    sequencer = busy_with()
    fed(sequencer, item_done(call("c")), done("r"))
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create", "response.create"]


def test_cancelled_response_is_not_answered() -> None:
    sequencer = busy_with()
    fed(sequencer, item_done(call("c")), done("r", call("c"), status="cancelled"))
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create"]


def test_calls_of_a_response_cut_off_by_a_limit_are_answered() -> None:
    sequencer = busy_with()
    cut = done("r", call("c"), call("d", status="incomplete"), status="incomplete")
    assert fed(sequencer, item_done(call("c")), cut) == []
    assert sequencer.busy
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create", "response.create"]


def test_calls_that_a_limit_kept_from_starting_are_not_waited_for() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", call("c"), status="incomplete"))
    assert not sequencer.busy


def test_items_of_strangers_are_no_calls() -> None:
    sequencer = busy_with()
    fed(sequencer, item_done(typed("u", "x")), item_done(call("c"), "other"), done("r"))
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create"]


def test_outputs_of_two_responses_are_answered_apart() -> None:
    sequencer = busy_with("r1")
    fed(sequencer, done("r1", call("c1")), created("r2"), done("r2", call("c2")))
    assert kinds(sequencer.tool_output("c2", "{}", 1.0)) == ["item.create", "response.create"]
    assert kinds(sequencer.tool_output("c1", "{}", 1.0)) == ["item.create"]
    fed(sequencer, created("r3"))
    assert kinds(fed(sequencer, done("r3"))) == ["response.create"]


def test_picture_of_a_tool_does_not_interrupt_and_is_answered_with_the_output() -> None:
    sequencer = busy_with()
    fed(sequencer, PLAYING)
    picture = sequencer.show("data:image/jpeg;base64,AA", "", 1.0, reply=False)
    assert kinds(picture) == ["item.create"]
    fed(sequencer, done("r", call("c")))
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create", "response.create"]


def test_open_calls_do_not_pile_up() -> None:
    sequencer = Sequencer("t")
    for number in range(50):
        fed(sequencer, created(f"r{number}"), done(f"r{number}", call(f"c{number}")))
    assert kinds(sequencer.tool_output("c0", "{}", 1.0)) == ["item.create"]
    assert kinds(sequencer.tool_output("c49", "{}", 1.0)) == ["item.create", "response.create"]


def test_calls_of_responses_without_end_do_not_pile_up() -> None:
    sequencer = Sequencer("t")
    for number in range(50):
        fed(sequencer, created(f"r{number}"), item_done(call(f"c{number}"), f"r{number}"))
    fed(sequencer, done("r0"), done("r49"))
    for number in range(1, 49):
        fed(sequencer, done(f"r{number}", status="cancelled"))
    assert kinds(sequencer.tool_output("c0", "{}", 1.0)) == ["item.create"]
    assert kinds(sequencer.tool_output("c49", "{}", 1.0)) == ["item.create", "response.create"]


# The service's own responses


def test_output_waits_while_the_person_speaks() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", call("c")), STARTED)
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create"]


def test_services_answer_covers_what_it_knows() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", call("c")), STARTED)
    posted = sequencer.tool_output("c", "{}", 1.0)
    fed(sequencer, *confirmed(posted), STOPPED, created("r2"))
    assert fed(sequencer, done("r2")) == []
    assert sequencer.deadline is None


def test_services_answer_does_not_cover_what_it_may_not_know() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", call("c")), STARTED)
    sequencer.tool_output("c", "{}", 1.0)
    fed(sequencer, STOPPED, created("r2"))
    assert kinds(fed(sequencer, done("r2"))) == ["response.create"]


def test_noise_does_not_silence_an_answer() -> None:
    sequencer = Sequencer("t")
    fed(sequencer, STARTED)
    assert kinds(sequencer.say("hello", 1.0)) == ["item.create"]
    assert fed(sequencer, STOPPED, now=2.0) == []
    assert sequencer.deadline == 3.5
    assert kinds(sequencer.tick(3.5)) == ["response.create"]


def test_tool_asked_for_in_speech_is_answered_without_delay() -> None:
    sequencer = Sequencer("t")
    fed(sequencer, STARTED, STOPPED, created("r"), done("r", call("c")))
    assert kinds(sequencer.tool_output("c", "{}", 1.0)) == ["item.create", "response.create"]


def test_slower_channel_does_not_end_the_wait_for_the_services_answer() -> None:
    sequencer = Sequencer("t")
    fed(sequencer, created("r"), done("r"), STARTED, STOPPED, created("r"))
    assert kinds(sequencer.say("hello", 1.1)) == ["item.create"]
    assert sequencer.deadline == 2.5


def test_speech_whose_end_is_missed_does_not_silence_an_answer() -> None:
    sequencer = Sequencer("t")
    fed(sequencer, STARTED)
    sequencer.say("hello", 1.0)
    assert sequencer.deadline == 61.0
    assert kinds(sequencer.tick(61.0)) == ["response.create"]


def test_thrown_away_speech_needs_no_waiting() -> None:
    sequencer = Sequencer("t")
    fed(sequencer, STARTED)
    sequencer.say("hello", 1.0)
    assert kinds(fed(sequencer, event("input_audio_buffer.cleared"))) == ["response.create"]


def test_slower_channel_does_not_bring_a_response_back() -> None:
    sequencer = busy_with()
    fed(sequencer, done(), created(), done("r", call("c")))
    assert not sequencer.busy
    assert kinds(sequencer.say("hello", 1.0)) == ["item.create", "response.create"]


def test_slower_channel_does_not_answer_our_request() -> None:
    sequencer = busy_with()
    fed(sequencer, done())
    sequencer.say("hello", 1.0)
    fed(sequencer, created())
    assert kinds(sequencer.tick(11.0)) == ["response.create"]


# Errors and limits


def test_race_with_the_services_answer_is_tried_again() -> None:
    sequencer = Sequencer("t")
    create = the_create(sequencer.say("hello", 1.0))
    text = "Conversation already has an active response in progress: resp_9. Wait."
    assert fed(sequencer, error(ACTIVE, create.event_id, text)) == []
    assert fed(sequencer, done("resp_9"), now=1.1) == []
    assert kinds(sequencer.tick(1.25)) == ["response.create"]


def test_race_told_late_is_tried_again() -> None:
    sequencer = Sequencer("t")
    create = the_create(sequencer.say("hello", 1.0))
    fed(sequencer, created("r"), error(ACTIVE, create.event_id))
    assert kinds(fed(sequencer, done("r"), now=2.0)) == ["response.create"]


def test_race_with_an_answer_that_knows_all_is_not() -> None:
    sequencer = Sequencer("t")
    sent = sequencer.say("hello", 1.0)
    fed(sequencer, *confirmed(sent), created("r"), error(ACTIVE, the_create(sent).event_id))
    assert fed(sequencer, done("r"), now=2.0) == []


def test_nameless_race_is_tried_again_after_the_next_end() -> None:
    sequencer = Sequencer("t")
    sequencer.say("hello", 1.0)
    assert fed(sequencer, error(ACTIVE)) == []
    (cancel, _) = sequencer.say("again", 1.2)
    assert isinstance(cancel, ResponseCancel)
    assert not cancel.response_id
    assert kinds(fed(sequencer, done("resp_9"), now=2.0)) == ["item.create", "response.create"]


def test_race_with_a_response_that_is_over_is_not_repeated_without_pause() -> None:
    sequencer = busy_with("resp_1")
    fed(sequencer, done("resp_1"))
    create = the_create(sequencer.say("hello", 1.0))
    refused = error(ACTIVE, create.event_id, "in progress: resp_1.")
    assert fed(sequencer, refused) == []
    assert kinds(sequencer.tick(1.25)) == ["response.create"]


def test_response_that_never_ends_for_the_service_is_met_less_and_less_often() -> None:
    sequencer = busy_with("resp_1")
    fed(sequencer, done("resp_1"))
    create, now, pauses = the_create(sequencer.say("hello", 1.0)), 1.0, list[float]()
    for _ in range(9):
        fed(sequencer, error(ACTIVE, create.event_id, "in progress: resp_1."), now=now)
        due = sequencer.deadline
        assert due
        pauses.append(due - now)
        create, now = the_create(sequencer.tick(due)), due
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    fed(sequencer, created("r2"), done("r2"), now=now)
    create = the_create(sequencer.say("again", now))
    fed(sequencer, error(ACTIVE, create.event_id, "in progress: resp_1."), now=now)
    assert sequencer.deadline == now + 0.25


def test_error_of_others_changes_nothing() -> None:
    sequencer = Sequencer("t")
    sequencer.say("hello", 1.0)
    assert fed(sequencer, error("invalid_value", "other"), error("server_error")) == []
    assert fed(sequencer, created(), done()) == []


def test_refused_item_is_not_waited_for() -> None:
    sequencer = Sequencer("t")
    fed(sequencer, STARTED)
    (item,) = sequencer.say("hello", 1.0)
    fed(sequencer, error("invalid_value", item.event_id), created("r"))
    assert fed(sequencer, done("r"), STOPPED) == []
    assert sequencer.deadline is None


def test_refused_response_releases_the_slot() -> None:
    sequencer = Sequencer("t")
    create = the_create(sequencer.greet("Hi.", 1.0))
    assert fed(sequencer, error("invalid_value", create.event_id)) == []
    assert not sequencer.busy
    assert kinds(sequencer.say("hello", 1.1)) == ["item.create", "response.create"]


@pytest.mark.parametrize(
    ("code", "text", "pause"),
    [
        ("rate_limit_exceeded", "Please try again in 6.946s.", 6.946),
        ("inference_rate_limit_exceeded", "", 1.0),
        ("server_error", "", 1.0),
    ],
)
def test_failed_response_is_tried_once_more(code: str, text: str, pause: float) -> None:
    sequencer = Sequencer("t")
    sequencer.greet("Say hello.", 1.0)
    assert fed(sequencer, created("r1"), failed("r1", code, text)) == []
    assert sequencer.deadline == pytest.approx(1.0 + pause)
    again = the_create(sequencer.tick(1.0 + pause))
    assert again.response
    assert again.response.instructions == "Say hello."
    assert sequencer.failure() is None
    assert fed(sequencer, created("r2"), failed("r2", code, text), now=9.0) == []
    assert sequencer.deadline is None
    failure = sequencer.failure()
    assert failure
    assert failure.code == code
    assert sequencer.failure() is None


def test_refusal_for_a_rate_is_tried_once_more() -> None:
    sequencer = Sequencer("t")
    create = the_create(sequencer.say("hello", 1.0))
    fed(sequencer, error("rate_limit_exceeded", create.event_id, "try again in 2s"))
    assert kinds(sequencer.tick(3.0)) == ["response.create"]


def test_services_own_failed_answer_is_tried_once_more() -> None:
    sequencer = busy_with()
    fed(sequencer, failed("r", "rate_limit_exceeded", "try again in 2s"))
    assert kinds(sequencer.tick(3.0)) == ["response.create"]


@pytest.mark.parametrize(
    ("code", "text"),
    [("insufficient_quota", ""), ("rate_limit_exceeded", "Please try again in 10m.")],
)
def test_what_cannot_get_better_is_not_tried_again(code: str, text: str) -> None:
    sequencer = busy_with()
    fed(sequencer, failed("r", code, text))
    assert sequencer.deadline is None
    assert not sequencer.busy
    failure = sequencer.failure()
    assert failure
    assert failure.code == code


def test_failure_is_not_told_while_another_answer_comes() -> None:
    sequencer = busy_with()
    fed(sequencer, failed("r", "server_error", ""))
    sequencer.tick(2.0)
    fed(sequencer, created("r2"), now=2.1)
    sequencer.say("hello", 2.2)
    sent = fed(sequencer, failed("r2", "server_error", ""), now=2.3)
    assert kinds(sent) == ["item.create", "response.create"]
    assert sequencer.failure() is None


def test_failure_is_not_told_to_somebody_who_speaks_again() -> None:
    sequencer = busy_with()
    fed(sequencer, failed("r", "server_error", ""))
    sequencer.tick(2.0)
    fed(sequencer, created("r2"), STARTED, failed("r2", "server_error", ""), now=2.1)
    assert sequencer.failure() is None
    fed(sequencer, STOPPED, created("r3"), failed("r3", "server_error", ""), now=4.0)
    assert kinds(sequencer.tick(5.0)) == ["response.create"]
    fed(sequencer, created("r4"), failed("r4", "server_error", ""), now=5.1)
    assert sequencer.failure()


def test_answers_wanted_at_once_become_one() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", call("c1")), created("q"), done("q", call("c2")), created("s"))
    sequencer.tool_output("c1", "{}", 1.0)
    sequencer.tool_output("c2", "{}", 1.0)
    assert kinds(fed(sequencer, done("s"))) == ["response.create"]
    assert fed(sequencer, created("t"), done("t")) == []


def test_failure_without_words_is_tried_once_more() -> None:
    sequencer = busy_with()
    fed(sequencer, done("r", status="failed"))
    assert kinds(sequencer.tick(2.0)) == ["response.create"]


@pytest.mark.parametrize("output", [[], [message("i", "assistant", status="incomplete")]])
@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_answer_of_which_nothing_came_is_told(reason: str, output: list[dict[str, Any]]) -> None:
    why = {"type": "incomplete", "reason": reason}
    sequencer = busy_with()
    fed(sequencer, done("r", *output, status="incomplete", status_details=why))
    assert not sequencer.busy
    failure = sequencer.failure()
    assert failure
    assert failure.code == reason


def test_answer_that_a_limit_cut_off_was_heard() -> None:
    why = {"type": "incomplete", "reason": "content_filter"}
    sequencer = busy_with()
    fed(sequencer, done("r", spoken("i", "Give it"), status="incomplete", status_details=why))
    assert sequencer.failure() is None


def test_lost_request_is_repeated_once() -> None:
    sequencer = Sequencer("t")
    sequencer.say("hello", 1.0)
    assert sequencer.deadline == 11.0
    assert kinds(sequencer.tick(11.0)) == ["response.create"]
    assert sequencer.failure() is None
    assert sequencer.tick(21.0) == []
    assert not sequencer.busy
    assert sequencer.failure()


def test_response_that_never_finishes_does_not_block_for_ever() -> None:
    sequencer = busy_with()
    fed(sequencer, item_done(call("c")), now=10.0)
    fed(sequencer, done("q", call("c2")), now=10.0)
    assert kinds(sequencer.tool_output("c2", "{}", 10.0)) == ["item.create"]
    assert sequencer.deadline == 40.0
    assert kinds(sequencer.tick(40.0)) == ["response.create"]


def test_deadline_is_never_past() -> None:
    sequencer = busy_with()
    fed(sequencer, STARTED, STOPPED, now=1.0)
    sequencer.say("hello", 2.0)
    for now in (2.0, 2.2, 2.6, 4.9):
        sequencer.tick(now)
        assert (sequencer.deadline or now + 1) > now


def test_nothing_wanted_has_no_deadline() -> None:
    sequencer = busy_with()
    fed(sequencer, added(typed("u", "hello")), STARTED)
    assert sequencer.deadline is None


def test_unconfirmed_items_do_not_pile_up() -> None:
    sequencer = Sequencer("t")
    for number in range(100):
        sequencer.tool_output(f"c{number}", "{}", 1.0)
    outputs = [{"type": "function_call_output", "call_id": f"c{n}"} for n in range(68, 100)]
    fed(sequencer, STARTED, *(added(output) for output in outputs))
    sequencer.greet("Hi.", 1.0)
    fed(sequencer, created("r"), done("r"), STOPPED)
    assert sequencer.deadline is None


# A line that breaks


def test_what_is_not_confirmed_is_repeated_as_it_was() -> None:
    sequencer = Sequencer("t")
    sent = sequencer.say("Hello.", 1.0)
    assert sequencer.unanswered() == sent
    fed(sequencer, *confirmed(sent))
    assert sequencer.unanswered() == sent[-1:]
    fed(sequencer, created("r"))
    assert sequencer.unanswered() == []


def test_repeated_output_is_known_by_its_id() -> None:
    sequencer = busy_with("r")
    fed(sequencer, item_done(call("c1"), "r"))
    (output,) = sequencer.tool_output("c1", "3", 1.0)
    assert sequencer.unanswered() == [output]
    assert isinstance(output, ItemCreate)
    assert isinstance(output.item.id, str)
    repeated = error("item_create_duplicate_item_id", output.event_id)
    assert fed(sequencer, repeated) == []
    assert sequencer.unanswered() == []
