"""Server events about responses: made, heard, failed."""

from appliance.realtime.shapes import (
    ErrorBody,
    Item,
    OfItem,
    OfOutput,
    Part,
    RateLimit,
    Response,
    ServerEvent,
)

# Output: what the speaker plays. WebRTC only, and only while media flow
# (recorded traffic, July 2026).


class OutputStarted(ServerEvent, frozen=True, tag="output_audio_buffer.started"):
    """The response begins to be heard."""

    response_id: str | None = None


class OutputStopped(ServerEvent, frozen=True, tag="output_audio_buffer.stopped"):
    """The response has been heard to its end; later than ResponseDone."""

    response_id: str | None = None


class OutputCleared(ServerEvent, frozen=True, tag="output_audio_buffer.cleared"):
    """The rest of the response will not be heard."""

    response_id: str | None = None


# Responses


class ResponseCreated(ServerEvent, frozen=True, tag="response.created"):
    """A response is being made, by our wish or by the service's voice detection."""

    response: Response


class ResponseDone(ServerEvent, frozen=True, tag="response.done"):
    """A response is over, whatever became of it."""

    response: Response


class OutputItemAdded(ServerEvent, frozen=True, tag="response.output_item.added"):
    """The response has a new item, empty as yet."""

    item: Item
    response_id: str | None = None
    output_index: int = 0


class OutputItemDone(ServerEvent, frozen=True, tag="response.output_item.done"):
    """An item of the response is complete, or will not be completed (see its status)."""

    item: Item
    response_id: str | None = None
    output_index: int = 0


class ContentPartAdded(OfOutput, frozen=True, tag="response.content_part.added"):
    """The item has a new part, empty as yet."""

    part: Part


class ContentPartDone(OfOutput, frozen=True, tag="response.content_part.done"):
    """A part is complete."""

    part: Part


class TextDelta(OfOutput, frozen=True, tag="response.output_text.delta"):
    """More written text."""

    delta: str | None = None


class TextDone(OfOutput, frozen=True, tag="response.output_text.done"):
    """All written text of the part."""

    text: str | None = None


class SpeechTextDelta(OfOutput, frozen=True, tag="response.output_audio_transcript.delta"):
    """More words of what is spoken."""

    delta: str | None = None


class SpeechTextDone(OfOutput, frozen=True, tag="response.output_audio_transcript.done"):
    """All words of what is spoken in the part."""

    transcript: str | None = None


class AudioDelta(OfOutput, frozen=True, tag="response.output_audio.delta"):
    """Sound as base64: never on a call, so it is not kept."""


class AudioDone(OfOutput, frozen=True, tag="response.output_audio.done"):
    """The sound of the part is generated; it may be heard much later."""


class ArgumentsDelta(OfOutput, frozen=True, tag="response.function_call_arguments.delta"):
    """More of a tool call's arguments."""

    call_id: str | None = None
    delta: str | None = None


class ArgumentsDone(OfOutput, frozen=True, tag="response.function_call_arguments.done"):
    """All of a tool call's arguments, JSON, perhaps padded with blanks."""

    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


# Remote tools (MCP), which the service calls by itself


class McpListInProgress(OfItem, frozen=True, tag="mcp_list_tools.in_progress"):
    """The service asks an MCP server for its tools."""


class McpListCompleted(OfItem, frozen=True, tag="mcp_list_tools.completed"):
    """It has got them."""


class McpListFailed(OfItem, frozen=True, tag="mcp_list_tools.failed"):
    """It has not."""


class McpArgumentsDelta(OfOutput, frozen=True, tag="response.mcp_call_arguments.delta"):
    """More of a remote call's arguments."""

    delta: str | None = None


class McpArgumentsDone(OfOutput, frozen=True, tag="response.mcp_call_arguments.done"):
    """All of a remote call's arguments."""

    arguments: str | None = None


class McpCallInProgress(OfOutput, frozen=True, tag="response.mcp_call.in_progress"):
    """The remote tool runs."""


class McpCallCompleted(OfOutput, frozen=True, tag="response.mcp_call.completed"):
    """The remote tool has answered."""


class McpCallFailed(OfOutput, frozen=True, tag="response.mcp_call.failed"):
    """The remote tool has failed."""


# The rest


class RateLimitsUpdated(ServerEvent, frozen=True, tag="rate_limits.updated"):
    """What is left of the account's limits."""

    rate_limits: tuple[RateLimit, ...] | None = None


class ErrorEvent(ServerEvent, frozen=True, tag="error"):
    """Something was refused or went wrong; the session goes on unless the code says otherwise."""

    error: ErrorBody
