"""What server events are made of, read leniently: other keys ignored, most keys optional."""

from typing import TypeAlias

import msgspec

Status: TypeAlias = str | None
"""in_progress, completed, incomplete, cancelled or failed; None where the service leaves it out."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the service."""


class Part(Shape, frozen=True, kw_only=True):
    """One piece of a message.

    `type` is one of input_text, input_audio, input_image, output_text, output_audio; in
    content_part events and from older services text or audio. Picture and sound are not kept.
    """

    type: str = ""
    text: str | None = None
    transcript: str | None = None


class Item(Shape, frozen=True, kw_only=True):
    """One item of the conversation.

    `type` is message, function_call, function_call_output or one of the mcp_ family. `phase` is
    "commentary" or "final_answer" on messages of gpt-realtime-2.x (recorded traffic, July 2026).
    """

    id: str | None = None
    type: str = ""
    status: Status = None
    role: str | None = None
    content: tuple[Part, ...] | None = None
    phase: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None
    output: str | None = None


class CachedTokens(Shape, frozen=True, kw_only=True):
    """How many of the input tokens came from the cache, by modality."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class InputTokens(Shape, frozen=True, kw_only=True):
    """Input tokens by modality; each number includes its cached part."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: CachedTokens | None = None


class OutputTokens(Shape, frozen=True, kw_only=True):
    """Output tokens by modality."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    reasoning_tokens: int | None = None


class ResponseUsage(Shape, frozen=True, kw_only=True):
    """What a response cost."""

    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: InputTokens | None = None
    output_token_details: OutputTokens | None = None


class TranscriptionUsage(Shape, frozen=True, kw_only=True):
    """What a transcription cost: `type` duration (with `seconds`) or tokens (with the counts)."""

    type: str = ""
    seconds: float | None = None
    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: InputTokens | None = None


class ErrorBody(Shape, frozen=True, kw_only=True):
    """What went wrong. `event_id` is that of our event, if one was to blame."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    event_id: str | None = None


class StatusDetails(Shape, frozen=True, kw_only=True):
    """Why a response is not completed.

    `reason`: turn_detected, client_cancelled, max_output_tokens or content_filter.
    """

    type: str | None = None
    reason: str | None = None
    error: ErrorBody | None = None


class Response(Shape, frozen=True, kw_only=True):
    """One answer of the model."""

    id: str
    status: Status = None
    status_details: StatusDetails | None = None
    output: tuple[Item, ...] | None = None
    conversation_id: str | None = None
    usage: ResponseUsage | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        """The output, empty if there is none."""
        return self.output or ()

    @property
    def stands(self) -> bool:
        """Whether what it did counts: it came to its end, or up to a limit."""
        return self.status in {"completed", "incomplete"}

    @property
    def error(self) -> ErrorBody | None:
        """Why it failed, if it did and the service says why."""
        return self.status_details.error if self.status_details else None

    @property
    def withheld(self) -> ErrorBody | None:
        """Which limit let nothing of it through, as the code of an error; None: something came."""
        came = any(item.type != "message" or item.content for item in self.items)
        if self.status != "incomplete" or came:
            return None
        return ErrorBody(code=self.status_details.reason if self.status_details else None)


class EffectiveSession(Shape, frozen=True, kw_only=True):
    """The session as the service holds it. `expires_at`: Unix time, seconds; 0 or None: unsaid."""

    id: str | None = None
    model: str | None = None
    expires_at: float | None = None


class ConversationRef(Shape, frozen=True, kw_only=True):
    """The conversation's name."""

    id: str | None = None


class RateLimit(Shape, frozen=True, kw_only=True):
    """What is left of a limit (requests or tokens), and the seconds until it is full again."""

    name: str | None = None
    limit: float | None = None
    remaining: float | None = None
    reset_seconds: float | None = None


# What events share


class ServerEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=""):
    """An event of the service. The same event on two channels has the same `event_id`."""

    event_id: str | None = None


class Unknown(ServerEvent, frozen=True, tag="?"):
    """An event of a type we do not know: `name` is its type, `size` its length as received."""

    name: str
    size: int


class OfItem(ServerEvent, frozen=True, kw_only=True, tag="?item"):
    """An event about a part of an item."""

    item_id: str
    content_index: int = 0


class OfOutput(ServerEvent, frozen=True, kw_only=True, tag="?output"):
    """An event about a part of an item of a response."""

    response_id: str | None = None
    item_id: str
    output_index: int = 0
    content_index: int = 0
