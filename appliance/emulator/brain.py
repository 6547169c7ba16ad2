"""One session's mind: client events and heard speech in, server events and orders out - pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.emulator import session
from appliance.emulator.checks import parsed, validated
from appliance.emulator.hearing import Hearing
from appliance.emulator.items import Conversation, Item, Said, created
from appliance.emulator.responses import Responses
from appliance.emulator.wire import (
    Clear,
    Expire,
    Hush,
    Ids,
    Json,
    Listen,
    Look,
    Moment,
    Order,
    Outbox,
    Refusal,
)


@dataclass(frozen=True, slots=True)
class Traits:
    """How this emulator differs from its defaults."""

    strict: bool = True
    voice: bool = True  # there is an engine that can speak
    echo_pictures: bool = False  # `conversation.item.added` repeats the data of pictures


class Brain:
    """The state of one session. Every method returns the orders that follow from the call."""

    def __init__(self, current: Json, ids: Ids, traits: Traits | None = None) -> None:
        """`current`: the session object as it stands at the beginning."""
        self.session = current
        self.conversation = Conversation(ids.make("conv"))
        self.traits = traits or Traits()
        self.last_kind = ""  # type of the last client event
        self._box = Outbox(ids)
        self._hearing = Hearing(self._box, self.conversation)
        self._responses = Responses(
            self._box,
            self.conversation,
            self._hearing,
            lambda: self.session,
            voice=self.traits.voice,
        )
        self._playing: str | None = None  # response id
        self._spoke = False

    @property
    def turn_detection(self) -> Json | None:
        """The settings now in force."""
        found: Json | None = self.session["audio"]["input"]["turn_detection"]
        return found

    def greeting(self) -> list[Order]:
        """The first event on a data channel or plain WebSocket."""
        self._box.send("session.created", session=self.session)
        return self._box.take()

    def client(self, data: str | bytes, moment: Moment) -> list[Order]:
        """A frame from a client; refusals become `error` events."""
        event: Json = {}
        try:
            event = parsed(data)
            self.last_kind = str(event.get("type"))[:60]
            event = validated(event, strict=self.traits.strict)
            self._handler(event["type"])(event, moment)
        except Refusal as refusal:
            self._error(refusal, event.get("event_id"))
        return self._box.take()

    # -- what the ears say

    def speech_started(self, start_ms: int, moment: Moment) -> list[Order]:
        """The user begins to speak at this place of the sound."""
        self._hearing.started(start_ms)
        if self.turn_detection is None or self.turn_detection.get("interrupt_response", True):
            self._interrupt("turn_detected", moment)
        return self._box.take()

    def speech_stopped(self, end_ms: int) -> list[Order]:
        """The user's turn is over at this place of the sound."""
        self._hearing.stopped(end_ms)
        if self.turn_detection is None or self.turn_detection.get("create_response", True):
            self._responses.create_when_free()
        return self._box.take()

    def transcribed(self, item_id: str, text: str, seconds: float) -> list[Order]:
        """The words of an item; empty when there were none."""
        late = self._responses.waiting
        self._hearing.understood(item_id, text, seconds, self._transcription, late=late)
        self._responses.think()
        return self._box.take()

    def not_transcribed(self, item_id: str, reason: str) -> list[Order]:
        """Ears failed: a sentence that says why."""
        self._hearing.failed(item_id, reason, self._transcription)
        self._responses.think()
        return self._box.take()

    # -- what the eyes and the voice say

    def seen(self, item_id: str, sentence: str) -> list[Order]:
        """A picture of this item was looked at."""
        items = (*self.conversation, *self._responses.inputs())
        item = next((item for item in items if item.id == item_id), None)
        if item is not None:
            item.seen.append(sentence)
            item.pending -= 1
            self._responses.think()
        return self._box.take()

    def spoken(self, item_id: str, word: Said) -> list[Order]:
        """A word of this item was made."""
        reply = self._responses.speaking(item_id)
        if reply is not None:
            self._spoke = True
            reply.spoken(word)
            self._hearing.flush()
        return self._box.take()

    def sound(self, item_id: str, audio: str) -> list[Order]:
        """Sound of this item, base64, for channels that carry it as events."""
        reply = self._responses.speaking(item_id)
        if reply is not None:
            self._box.send(
                "response.output_audio.delta",
                response_id=reply.id,
                item_id=item_id,
                output_index=0,
                content_index=0,
                delta=audio,
            )
        return self._box.take()

    def said(self, item_id: str) -> list[Order]:
        """The whole item was made."""
        reply = self._responses.speaking(item_id)
        if reply is not None:
            reply.said()
            self._responses.settle(reply)
        return self._box.take()

    def speechless(self, item_id: str, reason: str, code: str = "server_error") -> list[Order]:
        """The voice failed: a sentence that says why."""
        reply = self._responses.speaking(item_id)
        if reply is not None:
            reply.fail(code, reason)
            self._responses.settle(reply)
        return self._box.take()

    # -- what playout says

    def playback_started(self, response_id: str) -> list[Order]:
        """The first sound of this response goes out."""
        self._playing = response_id
        self._box.send("output_audio_buffer.started", response_id=response_id)
        return self._box.take()

    def playback_stopped(self, response_id: str) -> list[Order]:
        """The last sound of this response went out."""
        if self._playing == response_id:
            self._playing = None
            self._box.send("output_audio_buffer.stopped", response_id=response_id)
        return self._box.take()

    def expire(self, minutes: float) -> list[Order]:
        """The session reached its longest duration."""
        sentence = f"Your session hit the maximum duration of {minutes:g} minutes."
        self._error(Refusal("session_expired", sentence), None)
        self._box.add(Expire(sentence))
        return self._box.take()

    # -- client events

    def _handler(self, kind: str) -> Callable[[Json, Moment], None]:
        handlers: Mapping[str, Callable[[Json, Moment], None]] = {
            "session.update": self._update,
            "input_audio_buffer.append": lambda _event, _moment: None,  # the shell took the sound
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear_input,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "response.create": self._create,
            "response.cancel": self._cancel,
            "output_audio_buffer.clear": self._clear_output,
        }
        return handlers[kind]

    def _update(self, event: Json, _moment: Moment) -> None:
        self.session = session.merged(self.session, event["session"], spoke=self._spoke)
        self._box.send("session.updated", session=self.session)
        self._box.add(Listen(forget=False))

    def _commit(self, _event: Json, moment: Moment) -> None:
        self._hearing.commit(moment.received_ms)
        self._box.add(Listen(forget=True))

    def _clear_input(self, _event: Json, moment: Moment) -> None:
        self._hearing.clear(moment.received_ms)
        self._box.add(Listen(forget=True))

    def _create_item(self, event: Json, _moment: Moment) -> None:
        item, pictures = created(event["item"], self._box.ids.make("item"))
        previous = self.conversation.add(item, event.get("previous_item_id"))
        wire = item.public(pictures=self.traits.echo_pictures)
        self._box.send("conversation.item.added", previous_item_id=previous, item=wire)
        self._box.send("conversation.item.done", previous_item_id=previous, item=wire)
        for picture in pictures:
            self._box.add(Look(item.id, picture))

    def _truncate(self, event: Json, _moment: Moment) -> None:
        item = self.conversation.get(event["item_id"], "truncate")
        end_ms = event["audio_end_ms"]
        if not item.speech or end_ms > item.duration_ms:
            message = f"Audio content of {item.duration_ms}ms is already shorter than {end_ms}ms."
            raise Refusal("invalid_value", message, "audio_end_ms")
        self._truncated(item, end_ms)

    def _delete(self, event: Json, _moment: Moment) -> None:
        item = self.conversation.get(event["item_id"], "delete")
        self.conversation.remove(item)
        self._box.send("conversation.item.deleted", item_id=item.id)

    def _retrieve(self, event: Json, _moment: Moment) -> None:
        item = self.conversation.get(event["item_id"], "retrieve")
        self._box.send("conversation.item.retrieved", item=item.public(pictures=True))

    def _create(self, event: Json, _moment: Moment) -> None:
        self._responses.create(event.get("response") or {})

    def _cancel(self, event: Json, _moment: Moment) -> None:
        # Sound that was made is still played; `output_audio_buffer.clear` ends that.
        self._responses.cancel(event.get("response_id"))

    def _clear_output(self, _event: Json, moment: Moment) -> None:
        self._quiet(moment)

    # -- interruptions

    def _interrupt(self, reason: str, moment: Moment) -> None:
        if self._responses.active is not None:
            self._box.add(Hush(self._responses.active.id))
        self._quiet(moment)
        self._responses.interrupt(reason, moment.heard)

    def _quiet(self, moment: Moment) -> None:
        """Drop what was not yet heard, from playout and from the conversation."""
        self._box.add(Clear())
        if self._playing is not None:
            self._box.send("output_audio_buffer.cleared", response_id=self._playing)
            self._playing = None
        for item in self.conversation:
            heard = moment.heard.get(item.id)
            if heard is not None and item.speech and heard < item.duration_ms:
                self._truncated(item, heard)

    def _truncated(self, item: Item, end_ms: int) -> None:
        item.cut(end_ms)
        self._box.send(
            "conversation.item.truncated", item_id=item.id, content_index=0, audio_end_ms=end_ms
        )

    # -- small things

    @property
    def _transcription(self) -> Json | None:
        found: Json | None = self.session["audio"]["input"]["transcription"]
        return found

    def _error(self, refusal: Refusal, event_id: str | None) -> None:
        self._box.send("error", error={**refusal.body(), "event_id": event_id})
