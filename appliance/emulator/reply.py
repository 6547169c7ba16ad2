"""One response from created to done, with its events in the order of the real service - pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from appliance.emulator.items import Conversation, Item, Said
from appliance.emulator.usage import ASSISTANT_MS, Tokens, text_tokens, usage
from appliance.emulator.wire import Finish, Json, Outbox, Speak

# Spoken English: about this many tokens of text and sound in a word (20 a second for the sound).
_TOKENS_IN_A_WORD: Final = 9
_ARGUMENT_PIECE: Final = 5  # characters of arguments in one delta, as recorded


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call the model wants to make. `arguments`: JSON."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a response will do: say something, call tools, or both."""

    say: str = ""
    calls: tuple[ToolUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a response was created with."""

    modality: Literal["audio", "text"]
    max_tokens: int | Literal["inf"]
    output: Json  # audio.output: format and voice
    metadata: Mapping[str, str] | None
    phases: bool  # the model marks commentary and final answer
    tools: tuple[Json, ...] = ()
    tool_choice: str | Json = "auto"
    instructions: str = ""


class Reply:
    """One response. Its events go to the outbox; the brain decides what it says."""

    def __init__(self, box: Outbox, terms: Terms, conversation: Conversation | None) -> None:
        """`conversation`: None for a response outside of it."""
        self.id = box.ids.make("resp")
        self.terms = terms
        self.stage: Literal["thinking", "speaking", "done"] = "thinking"
        self.inputs: list[Item] | None = None  # instead of the conversation's
        self.given = Tokens()
        self.before = Tokens()
        self.spent: Json | None = None
        self._box = box
        self._conversation = conversation
        self._outputs: list[Item] = []
        self._message: Item | None = None
        self._calls: list[ToolUse] = []
        self._cut_short = False

    @property
    def outside(self) -> bool:
        """It does not write to the conversation."""
        return self._conversation is None

    @property
    def message_id(self) -> str | None:
        """The item that is being spoken."""
        return self._message.id if self._message else None

    def open(self) -> None:
        """Announce the response."""
        self._box.send("response.created", response=self._object("in_progress", None))

    def begin(self, plan: Plan) -> None:
        """Say and do this; closes by itself when nothing has to be spoken."""
        self.stage = "speaking"
        say = self._affordable(plan.say)
        self._calls = [] if self._cut_short else list(plan.calls)
        if not say:
            self._finish()
            return
        self._message = self._open_message()
        if self.terms.modality == "audio":
            self._box.add(Speak(self.id, self._message.id, say))
            return
        for word in _words(say):
            self.spoken(Said(word, 0, 0))
        self._finish()

    def spoken(self, word: Said) -> None:
        """A word was made."""
        if self._message is None:
            return
        before = self._message.speech[-1].text if self._message.speech else ""
        gap = before[len(before.rstrip()) :]
        self._message.speech.append(word)
        kind = (
            "response.output_audio_transcript.delta"
            if self.terms.modality == "audio"
            else "response.output_text.delta"
        )
        # The service writes the space in front of a word, not behind it.
        self._box.delta(kind, gap + word.text.rstrip(), **self._part_of(self._message))

    def said(self) -> None:
        """The message is complete."""
        if self.stage == "speaking":
            self._finish()

    def cut(self, reason: str, heard: Mapping[str, int]) -> None:
        """Cancel the response; what was said ends where it was heard."""
        if self._message is not None and self._message.id in heard:
            self._message.cut(heard[self._message.id])
        self._calls = []
        self._close_message("incomplete")
        self._close("cancelled", {"type": "cancelled", "reason": reason})

    def fail(self, code: str, message: str) -> None:
        """End the response as failed."""
        self._close_message("incomplete")
        error = {"type": "server_error", "code": code, "message": message}
        self._close("failed", {"type": "failed", "error": error})

    def _finish(self) -> None:
        opened = [self._open_call(call) for call in self._calls]
        self._close_message("incomplete" if self._cut_short else "completed")
        for item, call in zip(opened, self._calls, strict=True):
            self._close_call(item, call)
        if self._cut_short:
            self._close("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
        else:
            self._close("completed", None)

    def _affordable(self, say: str) -> str:
        if self.terms.max_tokens == "inf":
            return say
        words = _words(say)
        most = max(self.terms.max_tokens // _TOKENS_IN_A_WORD, 1)
        self._cut_short = len(words) > most
        return "".join(words[:most])

    def _open_message(self) -> Item:
        wire: Json = {
            "id": self._box.ids.make("item"),
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        if self.terms.phases:
            wire["phase"] = "commentary" if self._calls else "final_answer"
        item = self._add(Item(wire))
        audio = self.terms.modality == "audio"
        part = {"type": "audio", "transcript": ""} if audio else {"type": "text", "text": ""}
        self._box.send("response.content_part.added", **self._part_of(item), part=part)
        return item

    def _close_message(self, status: str) -> None:
        item, self._message = self._message, None
        if item is None:
            return
        text = "".join(word.text for word in item.speech).rstrip()
        place = self._part_of(item)
        if self.terms.modality == "audio":
            self._box.send("response.output_audio.done", **place)
            self._box.send("response.output_audio_transcript.done", **place, transcript=text)
            part = {"type": "audio", "transcript": text}
            content = {"type": "output_audio", "transcript": text}
            item.tokens = Tokens(text_tokens(text), item.duration_ms // ASSISTANT_MS)
        else:
            self._box.send("response.output_text.done", **place, text=text)
            part = {"type": "text", "text": text}
            content = {"type": "output_text", "text": text}
            item.tokens = Tokens(text_tokens(text))
        self._box.send("response.content_part.done", **place, part=part)
        item.wire |= {"status": status, "content": [content]}
        self._done(item, None)

    def _open_call(self, call: ToolUse) -> Item:
        call_id = self._box.ids.make("call")
        wire = {
            "id": self._box.ids.make("item"),
            "type": "function_call",
            "status": "in_progress",
            "name": call.name,
            "call_id": call_id,
            "arguments": "",
        }
        item = self._add(Item(wire))
        for start in range(0, len(call.arguments), _ARGUMENT_PIECE):
            piece = call.arguments[start : start + _ARGUMENT_PIECE]
            place = self._place(item)
            self._box.delta(
                "response.function_call_arguments.delta", piece, **place, call_id=call_id
            )
        return item

    def _close_call(self, item: Item, call: ToolUse) -> None:
        self._box.send(
            "response.function_call_arguments.done",
            **self._place(item),
            call_id=item.wire["call_id"],
            name=call.name,
            arguments=call.arguments,
        )
        item.wire |= {"status": "completed", "arguments": call.arguments}
        item.tokens = Tokens(text_tokens(call.name + call.arguments))
        index = self._outputs.index(item)
        self._done(item, self._outputs[index - 1].id if index else None)

    def _add(self, item: Item) -> Item:
        index = len(self._outputs)
        self._outputs.append(item)
        self._box.send(
            "response.output_item.added",
            response_id=self.id,
            output_index=index,
            item=item.public(pictures=False),
        )
        if self._conversation is not None:
            previous = self._conversation.add(item)
            self._box.send(
                "conversation.item.added",
                previous_item_id=previous,
                item=item.public(pictures=False),
            )
        return item

    def _done(self, item: Item, previous: str | None) -> None:
        wire = item.public(pictures=False)
        if self._conversation is not None:
            self._box.send("conversation.item.done", previous_item_id=previous, item=wire)
        index = self._outputs.index(item)
        self._box.send(
            "response.output_item.done", response_id=self.id, output_index=index, item=wire
        )

    def _close(self, status: str, details: Json | None) -> None:
        self.stage = "done"
        made = Tokens()
        for item in self._outputs:
            made += item.tokens
        self.spent = usage(self.given, self.before, made)
        self._box.send("response.done", response=self._object(status, details))
        self._box.add(Finish(self.id))

    def _object(self, status: str, details: Json | None) -> Json:
        conversation = self._conversation
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.public(pictures=False) for item in self._outputs],
            "conversation_id": conversation.id if conversation else None,
            "output_modalities": [self.terms.modality],
            "max_output_tokens": self.terms.max_tokens,
            "audio": {"output": dict(self.terms.output)},
            "usage": self.spent,
            "metadata": self.terms.metadata,
        }

    def _place(self, item: Item) -> Json:
        index = self._outputs.index(item)
        return {"response_id": self.id, "item_id": item.id, "output_index": index}

    def _part_of(self, item: Item) -> Json:
        return {**self._place(item), "content_index": 0}


def _words(text: str) -> list[str]:
    """Words with the space behind them; joined they are the text."""
    return [f"{word} " for word in text.split(" ")[:-1]] + text.split(" ")[-1:]
