from appliance.realtime.server_events import ServerEvent
from appliance.realtime.tool_calls import ToolCall, ToolCalls
from tests.realtime.wire import call, done, event, item_done, spoken

TWO_AND_FIVE = ToolCall("c", "add", '{"a": 2, "b": 5}')
ITEM = call("c", "add", '{"a": 2, "b": 5}')


def arguments_done(call_id: str | None, name: str | None, arguments: str | None) -> ServerEvent:
    return event(
        "response.function_call_arguments.done",
        item_id="i",
        call_id=call_id,
        name=name,
        arguments=arguments,
    )


def test_call_starts_when_its_item_is_done() -> None:
    calls = ToolCalls()
    assert calls.apply(item_done(ITEM)) == [TWO_AND_FIVE]


def test_call_on_two_channels_starts_once() -> None:
    calls = ToolCalls()
    assert calls.apply(item_done(ITEM)) == [TWO_AND_FIVE]
    assert calls.apply(item_done(ITEM)) == []
    assert calls.apply(done("r", ITEM)) == []
    assert calls.apply(done("r", ITEM)) == []


def test_missed_call_is_found_at_the_end_of_the_response() -> None:
    calls = ToolCalls()
    assert calls.apply(done("r", spoken("a", "One moment."), ITEM)) == [TWO_AND_FIVE]
    assert calls.apply(item_done(ITEM)) == []


def test_parallel_calls_start_in_order() -> None:
    calls = ToolCalls()
    first, second = call("c1"), call("c2")
    assert [made.call_id for made in calls.apply(done("r", first, second))] == ["c1", "c2"]


def test_response_that_is_not_completed_starts_nothing() -> None:
    for status in ("cancelled", "failed", "incomplete"):
        calls = ToolCalls()
        assert calls.apply(done("r", ITEM, status=status)) == []
        assert calls.apply(item_done(ITEM, "r")) == []


def test_unfinished_call_does_not_start() -> None:
    calls = ToolCalls()
    for status in ("in_progress", "incomplete"):
        assert calls.apply(item_done(call("c", status=status))) == []


def test_call_without_status_starts() -> None:
    assert ToolCalls().apply(item_done(call("c", status=None)))


def test_item_that_is_no_call_starts_nothing() -> None:
    calls = ToolCalls()
    assert calls.apply(item_done(spoken("a", "Hi."))) == []
    assert calls.apply(item_done({"type": "function_call", "status": "completed"})) == []
    assert calls.apply(event("input_audio_buffer.cleared")) == []


def test_response_without_id_still_starts_its_call() -> None:
    frame = event("response.output_item.done", item=ITEM)
    assert ToolCalls().apply(frame) == [TWO_AND_FIVE]


def test_name_and_arguments_come_from_the_arguments_event_if_the_item_lacks_them() -> None:
    calls = ToolCalls()
    said = arguments_done("c", "add", '{"a": 2, "b": 5}')
    assert calls.apply(said) == []
    assert calls.apply(item_done(call("c", None, None))) == [TWO_AND_FIVE]


def test_nameless_call_is_no_call() -> None:
    calls = ToolCalls()
    assert calls.apply(item_done(call("c", ""))) == []
    assert calls.apply(item_done(call("c", "add"))) == [ToolCall("c", "add", "{}")]


def test_call_without_arguments_has_an_empty_object() -> None:
    assert ToolCalls().apply(item_done(call("c", arguments=""))) == [ToolCall("c", "add", "{}")]


def test_retrieved_call_starts() -> None:
    frame = event("conversation.item.retrieved", item=ITEM)
    assert ToolCalls().apply(frame) == [TWO_AND_FIVE]


def test_arguments_that_nobody_asks_for_do_not_pile_up() -> None:
    calls = ToolCalls()
    for number in range(60):
        said = arguments_done(f"c{number}", "add", "{}")
        calls.apply(said)
    assert calls.apply(item_done(call("c0", ""))) == []
    assert len(calls.apply(item_done(call("c59", "")))) == 1
    nameless = arguments_done(None, "add", "{}")
    assert calls.apply(nameless) == []
