"""Server events about the session, the conversation's items and what the service hears."""

from appliance.realtime.shapes import (
    ConversationRef,
    EffectiveSession,
    ErrorBody,
    Item,
    OfItem,
    ServerEvent,
    TranscriptionUsage,
)

_TRANSCRIPTION = "conversation.item.input_audio_transcription"

# Session and items


class SessionCreated(ServerEvent, frozen=True, tag="session.created"):
    """The session exists. On a call it comes on the data channel only."""

    session: EffectiveSession


class SessionUpdated(ServerEvent, frozen=True, tag="session.updated"):
    """The service has taken over a session.update."""

    session: EffectiveSession


class ConversationCreated(ServerEvent, frozen=True, tag="conversation.created"):
    """Left over from the beta."""

    conversation: ConversationRef


class ItemAdded(ServerEvent, frozen=True, tag="conversation.item.added"):
    """An item stands in the conversation, perhaps unfinished.

    `previous_item_id`: the item before it; None if it is the first, or if the service does not say.
    """

    item: Item
    previous_item_id: str | None = None


class ItemDone(ServerEvent, frozen=True, tag="conversation.item.done"):
    """An item is complete."""

    item: Item
    previous_item_id: str | None = None


class ItemCreated(ServerEvent, frozen=True, tag="conversation.item.created"):
    """The beta's word for ItemAdded."""

    item: Item
    previous_item_id: str | None = None


class ItemRetrieved(ServerEvent, frozen=True, tag="conversation.item.retrieved"):
    """An item we asked for."""

    item: Item


class ItemDeleted(ServerEvent, frozen=True, tag="conversation.item.deleted"):
    """An item is out of the conversation."""

    item_id: str


class ItemTruncated(OfItem, frozen=True, tag="conversation.item.truncated"):
    """The item was cut to the first `audio_end_ms` of its sound."""

    audio_end_ms: int = 0


class TranscriptionDelta(OfItem, frozen=True, tag=f"{_TRANSCRIPTION}.delta"):
    """More of what the person says."""

    delta: str | None = None


class TranscriptionCompleted(OfItem, frozen=True, tag=f"{_TRANSCRIPTION}.completed"):
    """All that the person said. Often later than the answer to it."""

    transcript: str | None = None
    usage: TranscriptionUsage | None = None


class TranscriptionSegment(OfItem, frozen=True, tag=f"{_TRANSCRIPTION}.segment"):
    """A stretch of speech with its speaker (only transcribers that tell people apart)."""

    text: str = ""
    speaker: str | None = None


class TranscriptionFailed(OfItem, frozen=True, tag=f"{_TRANSCRIPTION}.failed"):
    """What the person said could not be written down; the model may have understood it."""

    error: ErrorBody | None = None


# Input: what the service hears


class SpeechStarted(ServerEvent, frozen=True, tag="input_audio_buffer.speech_started"):
    """The person speaks; `item_id` will be the item.

    Milliseconds count the sound the service has received since the session began.
    """

    item_id: str
    audio_start_ms: int = 0


class SpeechStopped(ServerEvent, frozen=True, tag="input_audio_buffer.speech_stopped"):
    """The person has stopped."""

    item_id: str
    audio_end_ms: int = 0


class InputCommitted(ServerEvent, frozen=True, tag="input_audio_buffer.committed"):
    """What was said became an item."""

    item_id: str
    previous_item_id: str | None = None


class InputCleared(ServerEvent, frozen=True, tag="input_audio_buffer.cleared"):
    """What was said is thrown away."""


class InputTimeout(ServerEvent, frozen=True, tag="input_audio_buffer.timeout_triggered"):
    """Nobody spoke for the session's idle_timeout_ms."""

    item_id: str
    audio_start_ms: int = 0
    audio_end_ms: int = 0


class DtmfReceived(ServerEvent, frozen=True, tag="input_audio_buffer.dtmf_event_received"):
    """A telephone key (SIP calls only)."""

    event: str = ""
    received_at: float = 0.0
