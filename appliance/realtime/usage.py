"""Adds up what a call used."""

from dataclasses import dataclass, fields

from appliance.realtime.seen import Seen
from appliance.realtime.server_events import (
    ResponseDone,
    ServerEvent,
    TranscriptionCompleted,
)
from appliance.realtime.shapes import (
    CachedTokens,
    InputTokens,
    OutputTokens,
    ResponseUsage,
    TranscriptionUsage,
)

_BILLS = 1024  # responses and transcripts remembered, so that two channels do not cost twice


@dataclass(frozen=True, slots=True)
class Totals:
    """Tokens by modality, and seconds of transcription.

    `input_*`: tokens at full price, `cached_*`: from the cache; together they are the whole input.
    """

    responses: int = 0
    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output_text: int = 0
    output_audio: int = 0
    transcription_seconds: float = 0.0
    transcription_tokens: int = 0

    def plus(self, other: "Totals") -> "Totals":
        """Return the sum."""
        names = (field.name for field in fields(self))
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Usage:
    """Folds events of both channels into totals; what comes twice counts once."""

    def __init__(self) -> None:
        self._billed = Seen(_BILLS)
        self.totals = Totals()

    def apply(self, event: ServerEvent) -> bool:
        """Take in one event; return whether the totals changed."""
        match event:
            case ResponseDone(response=response) if response.usage:
                bill, more = response.id, _response(response.usage)
            case TranscriptionCompleted(item_id=item_id, usage=TranscriptionUsage() as usage):
                bill, more = f"{item_id} {event.content_index}", _transcription(usage)
            case _:
                return False
        if not self._billed.first(bill):
            return False
        self.totals = self.totals.plus(more)
        return True


def _response(usage: ResponseUsage) -> Totals:
    """Take a response's bill apart; without details everything counts as sound, the dearest."""
    spent = usage.input_token_details or InputTokens(audio_tokens=usage.input_tokens)
    cached = spent.cached_tokens_details or CachedTokens()
    made = usage.output_token_details or OutputTokens(audio_tokens=usage.output_tokens)
    text, audio, image = cached.text_tokens or 0, cached.audio_tokens or 0, cached.image_tokens or 0
    return Totals(
        responses=1,
        input_text=max(0, (spent.text_tokens or 0) - text),
        input_audio=max(0, (spent.audio_tokens or 0) - audio),
        input_image=max(0, (spent.image_tokens or 0) - image),
        cached_text=text,
        cached_audio=audio,
        cached_image=image,
        output_text=made.text_tokens or 0,
        output_audio=made.audio_tokens or 0,
    )


def _transcription(usage: TranscriptionUsage) -> Totals:
    if usage.seconds is not None:
        return Totals(transcription_seconds=usage.seconds)
    return Totals(transcription_tokens=usage.total_tokens or 0)
