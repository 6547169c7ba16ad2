"""What we say to the service: every client event as a type, and the encoder."""

import base64
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

MAX_ID = 32  # characters of an item id of ours (reported by users of the API, 2025)

# Items we create


class InputText(msgspec.Struct, frozen=True, tag_field="type", tag="input_text"):
    """Written words of the person, or of the system."""

    text: str


class InputImage(msgspec.Struct, frozen=True, tag_field="type", tag="input_image"):
    """A picture. `image_url`: a data URL of a JPEG or PNG; the service fetches nothing itself."""

    image_url: str
    detail: Literal["auto", "low", "high"] = "auto"


class OutputText(msgspec.Struct, frozen=True, tag_field="type", tag="output_text"):
    """Words of the assistant, as history; its sound cannot be created."""

    text: str


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """Something said or shown. The parts of user and system are input, the assistant's output."""

    role: Literal["user", "assistant", "system"]
    content: tuple[InputText | InputImage | OutputText, ...]
    id: str | UnsetType = UNSET


class FunctionCallOutput(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function_call_output"
):
    """What a tool gave. `output`: any text, usually JSON."""

    call_id: str
    output: str
    id: str | UnsetType = UNSET


NewItem: TypeAlias = Message | FunctionCallOutput


def data_url(jpeg: bytes) -> str:
    """Return a JPEG as the service takes it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


# The session


class ServerVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """The service finds the end of a turn by silence."""

    threshold: float
    prefix_padding_ms: int
    silence_duration_ms: int
    create_response: bool
    interrupt_response: bool


class SemanticVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """The service finds the end of a turn by what is said."""

    eagerness: Literal["low", "medium", "high", "auto"]
    create_response: bool
    interrupt_response: bool


class NoiseReduction(msgspec.Struct, frozen=True):
    """How far the microphone is from the mouth."""

    type: Literal["near_field", "far_field"]


class Transcription(msgspec.Struct, frozen=True):
    """Which model writes down what the person says. `language`: ISO 639-1."""

    model: str
    language: str | UnsetType = UNSET


class AudioInput(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to the microphone's sound. The format is WebRTC's business."""

    noise_reduction: NoiseReduction | None
    transcription: Transcription | None
    turn_detection: ServerVad | SemanticVad | None


class AudioOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How the assistant sounds."""

    voice: str
    speed: float


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    """Both directions."""

    input: AudioInput
    output: AudioOutput | UnsetType = UNSET


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """A function the model may call; any other key would have the whole session refused."""

    name: str
    description: str
    parameters: Raw


class Session(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="realtime"):
    """The session as we want it; one unknown key would have the whole object refused."""

    model: str | UnsetType = UNSET
    instructions: str
    output_modalities: tuple[Literal["audio", "text"], ...]
    audio: Audio
    tools: tuple[FunctionTool, ...]
    tool_choice: Literal["auto", "none", "required"]
    truncation: Literal["auto", "disabled"]


# Events


class ClientEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=""):
    """An event for the service. `event_id` comes back in an error event only."""

    event_id: str | UnsetType = UNSET


class SessionUpdate(ClientEvent, frozen=True, tag="session.update"):
    """Change the session; the service answers session.updated."""

    session: Session


class ItemCreate(ClientEvent, frozen=True, tag="conversation.item.create"):
    """Put an item at the end, or after another ("root": at the front). Starts no response."""

    item: NewItem
    previous_item_id: str | UnsetType = UNSET


class ItemDelete(ClientEvent, frozen=True, tag="conversation.item.delete"):
    """Have the model forget an item."""

    item_id: str


class ItemRetrieve(ClientEvent, frozen=True, tag="conversation.item.retrieve"):
    """Ask for an item as the service has it."""

    item_id: str


class ItemTruncate(ClientEvent, frozen=True, tag="conversation.item.truncate"):
    """Cut an answer to what was heard. Not on a call: there the service does it itself."""

    item_id: str
    content_index: int
    audio_end_ms: int


class InputAppend(ClientEvent, frozen=True, tag="input_audio_buffer.append"):
    """Sound as base64. Not on a call: there it comes as RTP."""

    audio: str


class InputCommit(ClientEvent, frozen=True, tag="input_audio_buffer.commit"):
    """End the person's turn by hand."""


class InputClear(ClientEvent, frozen=True, tag="input_audio_buffer.clear"):
    """Forget what was heard since the last turn."""


class OutputClear(ClientEvent, frozen=True, tag="output_audio_buffer.clear"):
    """Stop what is being heard, now."""


class ResponseOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What differs in this response. `instructions` replace the session's."""

    instructions: str | UnsetType = UNSET


class ResponseCreate(ClientEvent, frozen=True, tag="response.create"):
    """Have the model answer. Only the sequencer makes these."""

    response: ResponseOptions | UnsetType = UNSET


class ResponseCancel(ClientEvent, frozen=True, tag="response.cancel"):
    """Stop generating; response.done follows."""

    response_id: str | UnsetType = UNSET


def encode(event: ClientEvent) -> str:
    """Return the event as the text of one frame."""
    return msgspec.json.encode(event).decode()
