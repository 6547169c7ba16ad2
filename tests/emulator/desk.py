"""A brain on a desk: its orders are carried out at once, its events kept."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from appliance.emulator.brain import Brain, Traits
from appliance.emulator.items import Said
from appliance.emulator.session import checked, default_session, merged
from appliance.emulator.wire import (
    Hush,
    Ids,
    Json,
    Look,
    Moment,
    Order,
    Recognize,
    Send,
    Speak,
)

WORD_MS = 400

ADD: Json = {
    "type": "function",
    "name": "delayed_add",
    "description": "Adds two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}
TIME: Json = {
    "type": "function",
    "name": "current_time",
    "parameters": {"type": "object", "properties": {"time_zone": {"type": "string"}}},
}
PHOTO: Json = {"type": "function", "name": "take_photo", "parameters": {"type": "object"}}


class CountedIds(Ids):
    """Ids one can read: item_3."""

    def __init__(self) -> None:
        self._counts: dict[str, itertools.count[int]] = {}

    def make(self, kind: str) -> str:
        return f"{kind}_{next(self._counts.setdefault(kind, itertools.count(1)))}"

    def padding(self, length: int) -> str:
        return "x" * length


class Desk:
    """Speaks when it is told to (`speak=False`: waits for `go_on`), looks and hears by hand."""

    def __init__(
        self, *, tools: Sequence[Json] = (), speak: bool = True, traits: Traits | None = None,
        model: str = "gpt-realtime-2.1", **session: Any,
    ) -> None:  # fmt: skip
        current = default_session("sess_1", model, 0)
        update = checked({"type": "realtime", "tools": list(tools), **session})
        self.brain = Brain(merged(current, update), CountedIds(), traits)
        self.events: list[Json] = []
        self.orders: list[Order] = []
        self.moment = Moment()
        self._speak = speak
        self._rest: list[tuple[Speak, list[str]]] = []

    def send(self, kind: str, **fields: Any) -> list[Json]:
        """What follows from this client event."""
        mark = len(self.events)
        self.obey(self.brain.client(json.dumps({"type": kind, **fields}), self.moment))
        return self.events[mark:]

    def add(self, text: str) -> list[Json]:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        return self.send("conversation.item.create", item=item)

    def say(self, text: str, **response: Any) -> list[Json]:
        """A typed turn."""
        mark = len(self.events)
        self.add(text)
        self.send("response.create", **({"response": response} if response else {}))
        return self.events[mark:]

    def output(self, call_id: str, output: str) -> list[Json]:
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        return self.send("conversation.item.create", item=item)

    def calls(self) -> list[Json]:
        """Function calls made so far."""
        return [i.wire for i in self.brain.conversation if i.wire["type"] == "function_call"]

    def hear(self, text: str, start_ms: int = 1000, end_ms: int = 3000) -> list[Json]:
        """A spoken turn."""
        mark = len(self.events)
        self.obey(self.brain.speech_started(start_ms, self.moment))
        self.obey(self.brain.speech_stopped(end_ms))
        self.recognized(text)
        return self.events[mark:]

    def recognized(self, text: str) -> None:
        order = next(o for o in reversed(self.orders) if isinstance(o, Recognize))
        seconds = (order.end_ms - order.start_ms) / 1000
        self.obey(self.brain.transcribed(order.item_id, text, seconds))

    def look(self, sentence: str) -> None:
        order = next(o for o in reversed(self.orders) if isinstance(o, Look))
        self.obey(self.brain.seen(order.item_id, sentence))

    def go_on(self, words: int = 10_000) -> None:
        """Make so many more words of what is being spoken."""
        while self._rest and words:
            order, rest = self._rest[0]
            done = len(order.text.split()) - len(rest)
            if rest:
                word = rest.pop(0)
                gap = " " if rest else ""
                said = Said(word + gap, done * WORD_MS, (done + 1) * WORD_MS)
                self.obey(self.brain.spoken(order.item_id, said))
                words -= 1
            else:
                self._rest.pop(0)
                self.obey(self.brain.said(order.item_id))

    def obey(self, orders: Iterable[Order]) -> None:
        for order in orders:
            self.orders.append(order)
            match order:
                case Send():
                    json.dumps(order.event)
                    self.events.append(order.event)
                case Speak():
                    self._rest.append((order, order.text.split()))
                case Hush():
                    self._rest = [r for r in self._rest if r[0].response_id != order.response_id]
                case _:  # the tests look at what was ordered
                    pass
        if self._speak:
            self.go_on()


def types(events: Iterable[Json], *, short: bool = True) -> list[str]:
    """Their types; `short` folds deltas that follow each other into one."""
    names = [event["type"] for event in events]
    if not short:
        return names
    folded = []
    for name, before in zip(names, [None, *names], strict=False):
        if name != before or not name.endswith(".delta"):
            folded.append(name)
    return folded


def transcript(events: Iterable[Json]) -> str:
    """What the assistant said in these events."""
    return " ".join(
        str(e.get("transcript", e.get("text", "")))
        for e in events
        if e["type"] in {"response.output_audio_transcript.done", "response.output_text.done"}
    )


def one(events: Iterable[Json], kind: str) -> Json:
    """The only event of this type."""
    (found,) = [event for event in events if event["type"] == kind]
    return found
