"""What the service says: every server event as a type, and the decoder."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, get_args

import msgspec

from appliance.errors import ProtocolError
from appliance.realtime.conversation_events import (
    ConversationCreated,
    DtmfReceived,
    InputCleared,
    InputCommitted,
    InputTimeout,
    ItemAdded,
    ItemCreated,
    ItemDeleted,
    ItemDone,
    ItemRetrieved,
    ItemTruncated,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TranscriptionCompleted,
    TranscriptionDelta,
    TranscriptionFailed,
    TranscriptionSegment,
)
from appliance.realtime.response_events import (
    ArgumentsDelta,
    ArgumentsDone,
    AudioDelta,
    AudioDone,
    ContentPartAdded,
    ContentPartDone,
    ErrorEvent,
    McpArgumentsDelta,
    McpArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListCompleted,
    McpListFailed,
    McpListInProgress,
    OutputCleared,
    OutputItemAdded,
    OutputItemDone,
    OutputStarted,
    OutputStopped,
    RateLimitsUpdated,
    ResponseCreated,
    ResponseDone,
    SpeechTextDelta,
    SpeechTextDone,
    TextDelta,
    TextDone,
)
from appliance.realtime.shapes import ServerEvent, Unknown

__all__ = [
    "KNOWN_TYPES",
    "ArgumentsDelta",
    "ArgumentsDone",
    "AudioDelta",
    "AudioDone",
    "ContentPartAdded",
    "ContentPartDone",
    "ConversationCreated",
    "DtmfReceived",
    "ErrorEvent",
    "InputCleared",
    "InputCommitted",
    "InputTimeout",
    "ItemAdded",
    "ItemCreated",
    "ItemDeleted",
    "ItemDone",
    "ItemRetrieved",
    "ItemTruncated",
    "McpArgumentsDelta",
    "McpArgumentsDone",
    "McpCallCompleted",
    "McpCallFailed",
    "McpCallInProgress",
    "McpListCompleted",
    "McpListFailed",
    "McpListInProgress",
    "OutputCleared",
    "OutputItemAdded",
    "OutputItemDone",
    "OutputStarted",
    "OutputStopped",
    "RateLimitsUpdated",
    "ResponseCreated",
    "ResponseDone",
    "ServerEvent",
    "SessionCreated",
    "SessionUpdated",
    "SpeechStarted",
    "SpeechStopped",
    "SpeechTextDelta",
    "SpeechTextDone",
    "TextDelta",
    "TextDone",
    "TranscriptionCompleted",
    "TranscriptionDelta",
    "TranscriptionFailed",
    "TranscriptionSegment",
    "Unknown",
    "decode",
]

_Known: TypeAlias = (
    SessionCreated
    | SessionUpdated
    | ConversationCreated
    | ItemAdded
    | ItemDone
    | ItemCreated
    | ItemRetrieved
    | ItemDeleted
    | ItemTruncated
    | TranscriptionDelta
    | TranscriptionCompleted
    | TranscriptionSegment
    | TranscriptionFailed
    | SpeechStarted
    | SpeechStopped
    | InputCommitted
    | InputCleared
    | InputTimeout
    | DtmfReceived
    | OutputStarted
    | OutputStopped
    | OutputCleared
    | ResponseCreated
    | ResponseDone
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | TextDelta
    | TextDone
    | SpeechTextDelta
    | SpeechTextDone
    | AudioDelta
    | AudioDone
    | ArgumentsDelta
    | ArgumentsDone
    | McpListInProgress
    | McpListCompleted
    | McpListFailed
    | McpArgumentsDelta
    | McpArgumentsDone
    | McpCallInProgress
    | McpCallCompleted
    | McpCallFailed
    | RateLimitsUpdated
    | ErrorEvent
)

KNOWN_TYPES: Final[frozenset[str]] = frozenset(
    str(struct.__struct_config__.tag) for struct in get_args(_Known)
)
"""The 46 types of the RealtimeServerEvent union (openai-python 3.54.0)."""

_BETA: Final[Mapping[str, str]] = MappingProxyType(
    {
        "response.text.delta": "response.output_text.delta",
        "response.text.done": "response.output_text.done",
        "response.audio.delta": "response.output_audio.delta",
        "response.audio.done": "response.output_audio.done",
        "response.audio_transcript.delta": "response.output_audio_transcript.delta",
        "response.audio_transcript.done": "response.output_audio_transcript.done",
    }
)  # names of the beta interface, still sent by some compatible services

_CURE: Final = "If it comes again, the service speaks a newer or another protocol."
_CUT = 200  # characters of the service's own words that go into an error


class _Header(msgspec.Struct):
    type: str
    event_id: Any = None


_known: Final[msgspec.json.Decoder[ServerEvent]] = msgspec.json.Decoder(_Known)
_header: Final = msgspec.json.Decoder(_Header)


def decode(data: str | bytes) -> ServerEvent:
    """Return the event in one frame; names of the beta interface become today's.

    A type we do not know gives Unknown. Raises ProtocolError with the JSON path if the frame is no
    JSON object with a `type`, or lacks what an event of its type must have.
    """
    try:
        return _known.decode(data)
    except msgspec.ValidationError as error:
        return _unusual(data, error)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _unreadable("A frame", error) from error


def _unusual(data: str | bytes, refusal: msgspec.ValidationError) -> ServerEvent:
    """Decode what is no event of a known type, or a malformed one."""
    try:
        header = _header.decode(data)
        if header.type in _BETA:
            fields: dict[str, Any] = msgspec.json.decode(data)
            event: ServerEvent = msgspec.convert(fields | {"type": _BETA[header.type]}, _Known)
            return event
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _unreadable("An event", error) from error
    if header.type in KNOWN_TYPES:
        raise _unreadable(f"A {header.type} event", refusal) from refusal
    event_id = header.event_id if isinstance(header.event_id, str) else None
    return Unknown(event_id=event_id, name=header.type[:_CUT], size=len(data))


def _unreadable(what: str, error: Exception) -> ProtocolError:
    return ProtocolError(f"{what} of the service cannot be read: {str(error)[:_CUT]}.", _CURE)
