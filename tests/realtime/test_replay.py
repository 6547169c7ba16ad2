"""Whole turns in the service's orders, through transcript, tool calls and sequencer together."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.realtime.client_events import ClientEvent, FunctionCallOutput, ItemCreate
from appliance.realtime.conversation import Conversation
from appliance.realtime.sequencer import Sequencer
from appliance.realtime.server_events import ServerEvent, decode
from appliance.realtime.tool_calls import ToolCall, ToolCalls
from appliance.realtime.usage import Usage
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

Turn = list[ServerEvent]

ASR = "conversation.item.input_audio_transcription"


class Client:
    """The pure half of a call: runs every tool at once, answers nothing else."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.tool_calls = ToolCalls()
        self.sequencer = Sequencer("t")
        self.usage = Usage()
        self.now = 1.0
        self.calls: list[ToolCall] = []
        self.sent: list[ClientEvent] = []
        self.turns = [str(self.conversation.turn)]

    def feed(self, *events: ServerEvent) -> "Client":
        for one in events:
            self.now += 0.01
            self.conversation.apply(one, self.now)
            self.usage.apply(one)
            self.sent += self.sequencer.on_event(one, self.now)
            for made in self.tool_calls.apply(one):
                self.calls.append(made)
                self.sent += self.sequencer.tool_output(made.call_id, "fine", self.now)
            if self.turns[-1] != self.conversation.turn:
                self.turns.append(self.conversation.turn)
        return self

    def rest(self, seconds: float) -> "Client":
        self.now += seconds
        self.sent += self.sequencer.tick(self.now)
        return self

    @property
    def asked(self) -> list[str]:
        """What was sent, in short; an output by its call."""
        return [
            one.item.call_id
            if isinstance(one, ItemCreate) and isinstance(one.item, FunctionCallOutput)
            else str(type(one).__struct_config__.tag)
            for one in self.sent
        ]

    @property
    def transcript(self) -> list[tuple[str, str, bool]]:
        entries = self.conversation.entries()
        return [(entry.role, entry.text, entry.interrupted) for entry in entries]


def says(item: str, text: str, response: str, after: str | None) -> Turn:
    """Return how one spoken message of a response comes, from its beginning to its item's end."""
    first, second = text[: len(text) // 2], text[len(text) // 2 :]
    where = {"item_id": item, "response_id": response, "content_index": 0}
    begun = message(item, "assistant", status="in_progress")
    whole = {"type": "audio", "transcript": text}
    return [
        event("response.output_item.added", response_id=response, item=begun),
        added(begun, after),
        event("response.content_part.added", **where, part={"type": "audio", "transcript": ""}),
        delta(first, item, response),
        delta(second, item, response),
        event("response.output_audio.done", **where),
        words(text, item, response),
        event("response.content_part.done", **where, part=whole),
        event("conversation.item.done", item=spoken(item, text), previous_item_id=None),
        item_done(spoken(item, text), response),
    ]


def hears(item: str, after: str | None) -> Turn:
    """Return how the person's speech comes, without its transcript."""
    heard = message(item, "user", {"type": "input_audio", "transcript": None})
    return [
        event("input_audio_buffer.speech_started", item_id=item, audio_start_ms=100),
        event("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=900),
        event("input_audio_buffer.committed", item_id=item, previous_item_id=after),
        added(heard, after),
        event("conversation.item.done", item=heard, previous_item_id=after),
    ]


def runs(call_id: str, response: str, after: str | None) -> Turn:
    """Return how a tool call of a response comes."""
    item = call(call_id, "look", "{ }\n")
    begun = call(call_id, "look", "", status="in_progress")
    where = {"item_id": item["id"], "response_id": response, "call_id": call_id}
    return [
        event("response.output_item.added", response_id=response, item=begun),
        added(begun, after),
        event("response.function_call_arguments.delta", **where, delta="{ }"),
        event("response.function_call_arguments.done", **where, name="look", arguments="{ }\n"),
        event("conversation.item.done", item=item, previous_item_id=None),
        item_done(item, response),
    ]


def output(call_id: str) -> Turn:
    """Return the confirmation of a tool's output."""
    item = {"id": f"o_{call_id}", "type": "function_call_output", "call_id": call_id}
    return [added({**item, "output": "fine"}, f"i_{call_id}")]


def playback(name: str, response: str) -> ServerEvent:
    return event(f"output_audio_buffer.{name}", response_id=response)


def woven(first: Turn, second: Turn) -> Turn:
    """Return two parallel items of a response with their events interleaved."""
    longer = max(len(first), len(second))
    pairs = [(first[at : at + 1], second[at : at + 1]) for at in range(longer)]
    return [one for pair in pairs for half in pair for one in half]


def spoken_turn() -> Turn:
    answer = says("a", "It is late.", "r", "u")
    return [
        *hears("u", None),
        created("r"),
        *answer[:4],
        event(f"{ASR}.delta", item_id="u", delta="How late"),
        playback("started", "r"),
        *answer[4:],
        event(f"{ASR}.completed", item_id="u", transcript="How late is it?"),
        done("r", spoken("a", "It is late.")),
        event("rate_limits.updated", rate_limits=[]),
        playback("stopped", "r"),
    ]


def tool_turn() -> Turn:
    """Commentary and a call in one response, woven; then the answer."""
    comment = says("m", "I look.", "r1", "u")
    return [
        added(typed("u", "What is there?")),
        created("r1"),
        *woven(comment, runs("c", "r1", "m")),
        done("r1", spoken("m", "I look.", phase="commentary"), call("c", "look", "{ }\n")),
        *output("c"),
        created("r2"),
        *says("a", "A cat.", "r2", "o_c"),
        done("r2", spoken("a", "A cat.")),
    ]


def parallel_turn() -> Turn:
    return [
        added(typed("u", "Both?")),
        created("r1"),
        *runs("c1", "r1", "u"),
        *runs("c2", "r1", "i_c1"),
        done("r1", call("c1", "look", "{ }\n"), call("c2", "look", "{ }\n")),
        *output("c1"),
        *output("c2"),
        created("r2"),
        *says("a", "Both.", "r2", "o_c2"),
        done("r2", spoken("a", "Both.")),
    ]


def barge_in() -> Turn:
    begun = says("a", "One, two, three, four.", "r1", "u1")[:5]
    cut = spoken("a", "One, two, thr", status="incomplete")
    first, *rest = hears("u2", "a")
    return [
        added(typed("u1", "Count.")),
        created("r1"),
        *begun,
        playback("started", "r1"),
        first,
        playback("cleared", "r1"),
        item_done(cut, "r1"),
        done("r1", cut, status="cancelled"),
        event("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=800),
        *rest,
        created("r2"),
        *says("b", "I stop.", "r2", "u2"),
        event(f"{ASR}.completed", item_id="u2", transcript="Stop."),
        done("r2", spoken("b", "I stop.")),
    ]


def test_spoken_turn() -> None:
    client = Client().feed(*spoken_turn())
    assert client.transcript == [
        ("user", "How late is it?", False),
        ("assistant", "It is late.", False),
    ]
    assert client.turns == ["listening", "user speaking", "thinking", "speaking", "listening"]
    assert client.sent == []


def test_tool_turn_with_commentary() -> None:
    client = Client().feed(*tool_turn())
    assert [made.name for made in client.calls] == ["look"]
    assert client.asked == ["c", "response.create"]
    assert client.transcript == [
        ("user", "What is there?", False),
        ("assistant", "I look.", False),
        ("tool", "look { } → fine", False),
        ("assistant", "A cat.", False),
    ]


def test_output_before_the_end_of_its_response_is_answered_after_it() -> None:
    turn = tool_turn()
    ends = [at for at, one in enumerate(turn) if one == done_of(turn, "r1")]
    client = Client().feed(*turn[: ends[0]])
    assert client.asked == ["c"]
    client.feed(turn[ends[0]])
    assert client.asked == ["c", "response.create"]


def done_of(turn: Turn, response: str) -> ServerEvent:
    (end,) = (one for one in turn if type_name(one) == "response.done" and response in repr(one))
    return end


def type_name(one: ServerEvent) -> str:
    return str(type(one).__struct_config__.tag)


def test_parallel_calls_get_one_answer() -> None:
    client = Client().feed(*parallel_turn())
    assert client.asked == ["c1", "c2", "response.create"]
    assert [role for role, _, _ in client.transcript] == ["user", "tool", "tool", "assistant"]


def test_barge_in() -> None:
    client = Client().feed(*barge_in())
    assert client.sent == []
    assert client.transcript == [
        ("user", "Count.", False),
        ("assistant", "One, two, thr", True),
        ("user", "Stop.", False),
        ("assistant", "I stop.", False),
    ]
    assert client.turns[:5] == ["listening", "thinking", "speaking", "user speaking", "thinking"]


def test_barge_in_before_a_tool_is_complete_runs_nothing() -> None:
    begun = runs("c", "r1", "u1")[:3]
    end = done("r1", call("c", status="incomplete"), status="cancelled")
    client = Client().feed(added(typed("u1", "Look.")), created("r1"), *begun, end)
    assert client.calls == []
    assert client.rest(60.0).sent == []


def test_barge_in_after_a_tool_began_hands_in_its_output_without_asking() -> None:
    end = done("r1", call("c"), status="cancelled")
    client = Client().feed(created("r1"), *runs("c", "r1", None), *hears("u2", "i_c"), end)
    assert client.rest(60.0).asked == ["c"]


def test_service_that_only_says_it_is_there() -> None:
    client = Client().feed(event("session.created", session={"id": "s"}))
    client.conversation.heard(True, 2.0)
    assert client.conversation.turn == "speaking"
    assert (client.sent, client.transcript) == ([], [])


TURNS = [spoken_turn, tool_turn, parallel_turn, barge_in]


@pytest.mark.parametrize("make", TURNS, ids=lambda make: make.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_two_channels_are_like_one(make: object, data: st.DataObject) -> None:
    """Each event comes twice, on a fast and a slow channel that take turns at will."""
    assert callable(make)
    turn: Turn = [msgspec.structs.replace(one, event_id=f"e_{at}") for at, one in enumerate(make())]
    alone = Client().feed(*turn)
    fast = slow = 0
    both = Client()
    while slow < len(turn):
        if fast < len(turn) and (fast == slow or data.draw(st.booleans())):
            both.feed(turn[fast])
            fast += 1
        else:
            both.feed(turn[slow])
            slow += 1
    assert both.transcript == alone.transcript
    assert both.calls == alone.calls
    assert both.asked == alone.asked
    assert both.conversation.turn == alone.conversation.turn
    assert both.usage.totals == alone.usage.totals


def test_recorded_talks_come_out_whole(golden_folder: Path) -> None:
    for path in sorted(golden_folder.glob("recorded/*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        frames = [row["data"] for row in rows if row.get("direction") == "received"]
        client = Client().feed(*(decode(json.dumps(frame)) for frame in frames))
        ends = [frame["response"] for frame in frames if frame["type"] == "response.done"]
        output = [item for end in ends for item in end["output"]]
        shown = {entry.item_id: entry for entry in client.conversation.entries()}
        wanted = {item["id"] for item in output if item["type"] == "message"}
        assert wanted <= shown.keys(), path.name
        assert all(shown[item].final and shown[item].text for item in wanted), path.name
        calls = [item["call_id"] for item in output if item["type"] == "function_call"]
        assert [made.call_id for made in client.calls] == calls, path.name
        assert client.asked.count("response.create") == len(calls), path.name
        spent = sum(end["usage"]["output_tokens"] for end in ends)
        totals = client.usage.totals
        assert totals.output_text + totals.output_audio == spent, path.name
