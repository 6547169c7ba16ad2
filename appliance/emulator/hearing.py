"""The input audio buffer: turns become user messages, words arrive late - pure."""

import math
import re
from typing import Final

from appliance.emulator.items import Conversation, Item
from appliance.emulator.usage import USER_MS, Tokens, text_tokens
from appliance.emulator.wire import Json, Outbox, Recognize, Refusal

# OpenAI API reference, input_audio_buffer.commit (2026).
_SHORTEST_MS: Final = 100


class Hearing:
    """What is known of the user's sound, in milliseconds since the session began."""

    def __init__(self, box: Outbox, conversation: Conversation) -> None:
        """Nothing was heard yet."""
        self._box = box
        self._conversation = conversation
        self._since = 0  # start of the input buffer
        self._turn: tuple[str, int] | None = None  # item id and start of the speech going on
        self._late: list[Json] = []  # transcripts to be told when the answer has begun

    def started(self, start_ms: int) -> None:
        """Speech begins."""
        item_id = self._box.ids.make("item")
        self._turn = (item_id, start_ms)
        self._box.send(
            "input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item_id
        )

    def stopped(self, end_ms: int) -> None:
        """Speech ends: the turn is committed."""
        item_id, start_ms = self._turn or (self._box.ids.make("item"), self._since)
        self._box.send("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id)
        self._commit(item_id, start_ms, end_ms)

    def commit(self, end_ms: int) -> None:
        """The client ends the turn.

        Raises:
            Refusal: there is next to nothing in the buffer.
        """
        held = end_ms - self._since
        if held < _SHORTEST_MS:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{_SHORTEST_MS}ms of audio, but buffer only has {held:.2f}ms of audio."
            )
            raise Refusal("input_audio_buffer_commit_empty", message)
        item_id, start_ms = self._turn or (self._box.ids.make("item"), self._since)
        self._commit(item_id, start_ms, end_ms)

    def clear(self, end_ms: int) -> None:
        """The client drops the buffer."""
        self._since, self._turn = end_ms, None
        self._box.send("input_audio_buffer.cleared")

    def understood(
        self, item_id: str, text: str, seconds: float, transcription: Json | None, *, late: bool
    ) -> None:
        """The words are there. With `late` their event waits for the answer, as it often does."""
        item = self._heard(item_id)
        if item is None:
            return
        item.words = text
        item.wire["content"][0]["transcript"] = text
        if transcription is None:
            return
        place = {"item_id": item_id, "content_index": 0}
        for piece in re.findall(r"\s*[\w']+|[^\w\s]+", text):
            self._box.delta("conversation.item.input_audio_transcription.delta", piece, **place)
        self._late.append(
            {**place, "transcript": text, "usage": _bill(transcription, text, seconds)}
        )
        if not late:
            self.flush()

    def failed(self, item_id: str, reason: str, transcription: Json | None) -> None:
        """There are no words, for this reason."""
        item = self._heard(item_id)
        if item is None:
            return
        item.deaf = reason
        if transcription is not None:
            self._box.send(
                "conversation.item.input_audio_transcription.failed",
                item_id=item_id,
                content_index=0,
                error={
                    "type": "server_error",
                    "code": "audio_unintelligible",
                    "message": f"Input transcription failed for item '{item_id}'. {reason}",
                    "param": None,
                },
            )

    def flush(self) -> None:
        """Tell what was kept back."""
        late, self._late = self._late, []
        for fields in late:
            self._box.send("conversation.item.input_audio_transcription.completed", **fields)

    def _heard(self, item_id: str) -> Item | None:
        item = self._conversation.find(item_id)
        if item is not None:
            item.pending = 0
        return item

    def _commit(self, item_id: str, start_ms: int, end_ms: int) -> None:
        self._since, self._turn = end_ms, None
        wire = {
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(wire, Tokens(audio=max(end_ms - start_ms, 0) // USER_MS), pending=1)
        previous = self._conversation.last_id
        self._box.send("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id)
        self._conversation.add(item)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._box.send(kind, previous_item_id=previous, item=item.public(pictures=False))
        self._box.add(Recognize(item_id, start_ms, end_ms))


def _bill(transcription: Json, text: str, seconds: float) -> Json:
    """Whisper models bill seconds, the others tokens."""
    if "whisper" in transcription["model"]:
        return {"type": "duration", "seconds": math.ceil(seconds)}
    audio, words = math.ceil(seconds * 1000 / USER_MS), text_tokens(text)
    return {
        "type": "tokens",
        "total_tokens": audio + words,
        "input_tokens": audio,
        "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
        "output_tokens": words,
    }
