"""Samples of the wire, and events by their wire names."""

import json
from pathlib import Path
from typing import Any, Literal

from appliance.realtime.server_events import ServerEvent, decode

SAMPLES = Path(__file__).with_name("samples.jsonl")


def samples(side: Literal["server", "client"]) -> list[dict[str, Any]]:
    """Return our hand-written frames of one side."""
    rows = [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]
    return [row["frame"] for row in rows if row["from"] == side]


def event(type_name: str, /, **fields: Any) -> ServerEvent:
    """Return the decoded event of this type with these fields."""
    return decode(json.dumps({"type": type_name, **fields}))


def delta(text: str, item: str = "a", response: str = "r", **more: Any) -> ServerEvent:
    """Return words of the assistant."""
    name = "response.output_audio_transcript.delta"
    return event(name, response_id=response, item_id=item, delta=text, **more)


def words(text: str, item: str = "a", response: str = "r", **more: Any) -> ServerEvent:
    """Return all words of the assistant's part."""
    name = "response.output_audio_transcript.done"
    return event(name, response_id=response, item_id=item, transcript=text, **more)


def added(item: dict[str, Any], after: str | None = None) -> ServerEvent:
    """Return the news that an item stands in the conversation."""
    return event("conversation.item.added", item=item, previous_item_id=after)


def message(item_id: str, role: str, *content: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a complete message item."""
    item = {"id": item_id, "type": "message", "role": role, "content": list(content)}
    return {"status": "completed", **item, **more}


def typed(item_id: str, text: str) -> dict[str, Any]:
    """Return a typed message of the person."""
    return message(item_id, "user", {"type": "input_text", "text": text})


def spoken(item_id: str, text: str, **more: Any) -> dict[str, Any]:
    """Return a message of the assistant."""
    return message(item_id, "assistant", {"type": "output_audio", "transcript": text}, **more)


def call(
    call_id: str, name: str | None = "add", arguments: str | None = "{}", **more: Any
) -> dict[str, Any]:
    """Return a complete function-call item."""
    item = {"id": f"i_{call_id}", "type": "function_call", "call_id": call_id, "name": name}
    return {"status": "completed", **item, "arguments": arguments, **more}


def item_done(item: dict[str, Any], response: str = "r") -> ServerEvent:
    """Return the news that a response's item is complete."""
    return event("response.output_item.done", item=item, response_id=response)


def created(response: str = "r") -> ServerEvent:
    """Return the beginning of a response."""
    return event("response.created", response={"id": response, "status": "in_progress"})


def done(
    response: str = "r", *output: dict[str, Any], status: str = "completed", **more: Any
) -> ServerEvent:
    """Return the end of a response."""
    body = {"id": response, "status": status, "output": list(output), **more}
    return event("response.done", response=body)


def failed(response: str, code: str, text: str) -> ServerEvent:
    """Return the end of a response that failed."""
    error = {"type": "failed", "error": {"code": code, "message": text}}
    return done(response, status="failed", status_details=error)


def error(code: str, event_id: object = None, text: str = "") -> ServerEvent:
    """Return an error event about one of our events."""
    kind = "server_error" if code == "server_error" else "invalid_request_error"
    body = {"type": kind, "code": code, "event_id": event_id, "message": text}
    return event("error", error=body)
