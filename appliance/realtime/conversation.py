"""Folds server events into the transcript and whose turn it is."""

from typing import Literal

from appliance.realtime.client_events import InputText, Message, OutputText
from appliance.realtime.line import Entry, Line, Role
from appliance.realtime.order import Order
from appliance.realtime.seen import Seen
from appliance.realtime.server_events import (
    ContentPartAdded,
    ContentPartDone,
    InputCommitted,
    InputTimeout,
    ItemAdded,
    ItemCreated,
    ItemDeleted,
    ItemDone,
    ItemRetrieved,
    ItemTruncated,
    OutputCleared,
    OutputItemAdded,
    OutputItemDone,
    OutputStarted,
    OutputStopped,
    ResponseDone,
    ServerEvent,
    SpeechStarted,
    SpeechTextDelta,
    SpeechTextDone,
    TextDelta,
    TextDone,
    TranscriptionCompleted,
    TranscriptionDelta,
    TranscriptionFailed,
)
from appliance.realtime.shapes import Item, OfItem, OfOutput, Response
from appliance.realtime.turn import Turn, Turns

__all__ = ["Conversation", "Entry", "Turn"]

_EVENTS = 1024  # event ids, some seconds of two channels that are not equally fast
_LINES = 1000  # items; an hour, the longest session, has about 700 even in a lively talk
_RESPONSES = 64  # responses whose items may still be interrupted


class Conversation:
    """The transcript of one call, and whose turn it is.

    Events may come on both channels: one with an `event_id` that was here already changes nothing,
    and words grow by the channel that brought their beginning.
    """

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._order = Order()
        self._shown: dict[str, Entry] = {}
        self._items: dict[str, list[str]] = {}  # by response, until it has been heard
        self._calls: dict[str, str] = {}  # call_id -> item of the call
        self._seen = Seen(_EVENTS)
        self._turns = Turns()
        self._playing: str | None = None  # the response being heard
        self._moved = False
        self._channel = ""
        self.spoken = False  # whether the assistant's voice was heard, which then cannot change

    @property
    def turn(self) -> Turn:
        """Whose turn it is, as of the last `apply` or `heard`."""
        return self._turns.turn

    def heard(self, audible: bool, now: float) -> None:
        """Say whether the speaker plays the assistant: at each change and once a second or so.

        Where the service does not tell about playback the turn goes by this alone; where it does,
        the assistant's turn lasts until the speaker is silent. `now`: seconds.
        """
        self.spoken |= audible
        self._turns.heard(audible, now)

    def apply(self, event: ServerEvent, now: float, channel: str = "") -> list[Entry]:
        """Take in one event; return the entries that are new or changed.

        `now`: seconds. `channel`: any name of the one it came on, if there are two.
        """
        if not self._seen.first(event.event_id):
            return []
        self._channel = channel
        self._turns.apply(event, now)
        self._moved = False
        changed = self._fold(event)
        if self._moved:
            changed = [self._lines[key] for key in self._order.keys()]  # noqa: SIM118 - no dict
        return [entry for line in changed if (entry := self._publish(line))]

    def end(self) -> list[Entry]:
        """Take note that the call is over; return the entries that change.

        What was still being said, written down or run is final now, and marked as interrupted.
        """
        open_lines = [line for line in self._lines.values() if line.role and not line.final]
        for line in open_lines:
            line.final = line.interrupted = True
        heard = self._lines_of(self._playing)
        cut = [line for line in heard if line.role == "assistant"][-1:]
        for line in cut:
            line.interrupted = True
        return [entry for line in [*open_lines, *cut] if (entry := self._publish(line))]

    def entries(self) -> list[Entry]:
        """Return the transcript so far, in order."""
        return sorted(self._shown.values(), key=lambda entry: entry.position)

    def history(self, limit_chars: int) -> list[Message]:
        """Return the end of the talk as messages for a new call, at most `limit_chars` of text.

        Text only: sound of the assistant cannot be put into a conversation, and pictures are gone.
        Ends with the person's words exactly if they are unanswered; where a tool came last, what
        the assistant said on the way to it is left out, and so is a picture nobody has answered.
        """
        messages: list[Message] = []
        for entry in reversed(self._open_at_end()):
            if entry.role == "tool" or not entry.text or self._lines[entry.item_id].forgotten:
                continue
            if limit_chars <= 0:
                break
            messages.append(_message(entry.role, entry.text[-limit_chars:]))
            limit_chars -= len(entry.text)
        return messages[::-1]

    def _open_at_end(self) -> list[Entry]:
        """Return the entries up to the question that is open, if one is and needs no picture."""
        entries = self.entries()
        while entries:
            asked = [n for n, entry in enumerate(entries) if entry.role == "user" and entry.text]
            if entries[-1].role == "tool" and asked:
                del entries[asked[-1] + 1 :]
            elif self._lines[entries[-1].item_id].pictured:
                del entries[-1]
            else:
                break
        return entries

    def _fold(self, event: ServerEvent) -> list[Line]:
        match event:
            case ItemAdded() | ItemCreated() | ItemDone():
                return self._take(event.item, event.previous_item_id)
            case ItemRetrieved(item=item):
                return self._take(item)
            case OutputItemAdded() | OutputItemDone():
                return self._take(event.item, response_id=event.response_id)
            case SpeechStarted(item_id=item_id) | InputTimeout(item_id=item_id):
                return [self._line(item_id, "user")]
            case InputCommitted(item_id=item_id, previous_item_id=previous):
                return [self._line(item_id, "user", previous)]
            case OfOutput():
                return self._fold_output(event)
            case OfItem():
                return self._fold_item(event)
            case ItemDeleted(item_id=item_id) if item_id in self._lines:
                self._lines[item_id].forgotten = True
                return []
            case ResponseDone(response=response):
                return self._finish(response)
            case OutputStarted() | OutputStopped() | OutputCleared():
                return self._playback(event)
            case _:
                return []

    def _fold_output(self, event: OfOutput) -> list[Line]:
        """Take in words of the assistant."""
        line = self._bind(self._line(event.item_id, "assistant"), event.response_id)
        index = event.content_index
        match event:
            case SpeechTextDelta(delta=delta):
                line.hear(index, delta, spoken=True, channel=self._channel)
            case TextDelta(delta=delta):
                line.hear(index, delta, spoken=False, channel=self._channel)
            case SpeechTextDone(transcript=text):
                line.settle(index, text, spoken=True)
            case TextDone(text=text):
                line.settle(index, text, spoken=False)
            case ContentPartAdded(part=part):
                text, sound = part.transcript or part.text, "audio" in part.type
                line.hear(index, text, spoken=sound, channel=self._channel)
            case ContentPartDone(part=part):
                line.settle(index, part.transcript or part.text, spoken="audio" in part.type)
            case _:
                pass
        return [line]

    def _fold_item(self, event: OfItem) -> list[Line]:
        """Take in words of the person, and what becomes of an item."""
        index = event.content_index
        match event:
            case TranscriptionDelta(item_id=item_id, delta=delta):
                line = self._line(item_id, "user")
                line.hear(index, delta, spoken=True, channel=self._channel)
            case TranscriptionCompleted(item_id=item_id, transcript=transcript):
                line = self._line(item_id, "user")
                line.settle(index, transcript, spoken=True)
                line.final = True
            case TranscriptionFailed(item_id=item_id):
                line = self._line(item_id, "user")
                line.final = line.failed = True
            case ItemTruncated(item_id=item_id) if item_id in self._lines:
                line = self._lines[item_id]
                line.interrupted = True
            case _:
                return []
        return [line]

    def _take(
        self, item: Item, previous: str | None = None, response_id: str | None = None
    ) -> list[Line]:
        if not item.id:
            return []
        self._place(item.id, previous)
        if item.type == "function_call_output" and item.call_id in self._calls:
            line = self._lines[self._calls[item.call_id]]
            line.output = item.output or ""
            line.final = True
            return [line]
        line = self._bind(self._line(item.id, None), response_id)
        line.take(item)
        if item.type == "function_call" and item.call_id:
            self._calls[item.call_id] = item.id
        return [line]

    def _line(self, item_id: str, role: Role | None, previous: str | None = None) -> Line:
        self._place(item_id, previous)
        line = self._lines[item_id]
        line.role = line.role or role
        return line

    def _place(self, item_id: str, previous: str | None) -> None:
        self._moved |= self._order.place(item_id, previous)
        self._lines.setdefault(item_id, Line(item_id))
        if len(self._order) > _LINES:
            self._forget(self._order.drop_first())

    def _forget(self, item_id: str) -> None:
        del self._lines[item_id]
        self._shown.pop(item_id, None)
        self._calls = {call: item for call, item in self._calls.items() if item != item_id}

    def _bind(self, line: Line, response_id: str | None) -> Line:
        if response_id is not None:
            items = self._items.setdefault(response_id, [])
            if line.item_id not in items:
                items.append(line.item_id)
            if len(self._items) > _RESPONSES:
                del self._items[next(iter(self._items))]
        return line

    def _lines_of(self, response_id: str | None) -> list[Line]:
        items = self._items.get(response_id or "", [])
        return [self._lines[item] for item in items if item in self._lines]

    def _finish(self, response: Response) -> list[Line]:
        """Settle the items of a response that is over."""
        for item in response.items:
            self._take(item, response_id=response.id)
        lines = self._lines_of(response.id)
        for line in lines:
            if not line.final and (line.role != "tool" or not response.stands):
                line.final = True
                line.interrupted = response.status != "completed"
        return lines

    def _playback(self, event: OutputStarted | OutputStopped | OutputCleared) -> list[Line]:
        """Mark what is cut off; a response heard to its end can no longer be."""
        self.spoken = True
        self._playing = event.response_id if isinstance(event, OutputStarted) else None
        messages = [line for line in self._lines_of(event.response_id) if line.role == "assistant"]
        if isinstance(event, OutputStopped):
            self._items.pop(event.response_id or "", None)
        if not isinstance(event, OutputCleared) or not messages:
            return []
        messages[-1].interrupted = True
        return [messages[-1]]

    def _publish(self, line: Line) -> Entry | None:
        """Return the line's entry if it has something new to show."""
        entry = line.entry(self._order[line.item_id])
        if entry is None or self._shown.get(line.item_id) == entry:
            return None
        self._shown[line.item_id] = entry
        return entry


def _message(role: Literal["user", "assistant"], text: str) -> Message:
    part = InputText(text) if role == "user" else OutputText(text)
    return Message(role=role, content=(part,))
