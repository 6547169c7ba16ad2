"""Client events as the service accepts them - pure."""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, Final

from appliance.emulator.schema import (
    Check,
    anything,
    by_type,
    list_of,
    mapping,
    nullable,
    number,
    one_of,
    pruned,
    struct,
    text,
)
from appliance.emulator.session import (
    MAX_TOKENS,
    MODALITIES,
    OUTPUT,
    REASONING,
    TOOL_CHOICE,
    TOOLS,
    checked,
)
from appliance.emulator.wire import Json, Refusal

# Types of openai-python 3.54 (November 2026): 16 metadata pairs of 64 and 512 characters.
_MOST_METADATA: Final = 16
# The service keeps item ids of at most 32 characters (reported in 2025).
_LONGEST_ID: Final = 32


def _picture(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
    text(value, path)
    if picture_of(value) is None:
        raise Refusal(
            "invalid_value",
            f"Invalid '{path}'. Expected a base64-encoded data URL with an image MIME type "
            "(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU=').",
            path,
        )


def _id(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
    text(value, path)
    if len(value) > _LONGEST_ID:
        raise Refusal(
            "string_above_max_length",
            f"Invalid '{path}': string too long. Expected a string with maximum length "
            f"{_LONGEST_ID}, but got a string with length {len(value)} instead.",
            path,
        )


def _content(**variants: Check) -> Check:
    parts = list_of(by_type("type", **variants))

    def check(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
        parts(value, path)
        if not value:
            raise Refusal(
                "empty_array",
                f"Invalid '{path}': empty array. Expected an array with minimum length 1, "
                "but got an empty array instead.",
                path,
            )

    return check


_TEXT = struct({"type": text, "text": text}, "text")
_BASE: Final[Mapping[str, Check]] = {
    "id": _id, "object": text, "type": text, "status": text, "phase": anything,
}  # fmt: skip
_SAID: Final[Mapping[str, Check]] = {**_BASE, "role": text}


def _said(**variants: Check) -> Check:
    return struct({**_SAID, "content": _content(**variants)}, "content")


ITEM: Final = by_type(
    message=by_type(
        "role",
        user=_said(
            input_text=_TEXT,
            input_audio=struct({"type": text, "audio": text, "transcript": nullable(text)}),
            input_image=struct(
                {"type": text, "image_url": _picture, "detail": one_of("auto", "low", "high")},
                "image_url",
            ),
        ),
        system=_said(input_text=_TEXT),
        assistant=_said(output_text=_TEXT),
    ),
    function_call=struct(
        {**_BASE, "call_id": text, "name": text, "arguments": text}, "name", "arguments"
    ),
    function_call_output=struct({**_BASE, "call_id": text, "output": text}, "call_id", "output"),
    item_reference=struct({"type": text, "id": text}, "id"),
)


def _metadata(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
    mapping(value, path)
    if len(value) > _MOST_METADATA:
        message = f"Invalid '{path}': too many properties. Expected at most {_MOST_METADATA}."
        raise Refusal("object_above_max_properties", message, path)
    for key, element in value.items():
        text(element, f"{path}.{key}")


RESPONSE: Final = struct(
    {
        "conversation": one_of("auto", "none"),
        "input": list_of(ITEM),
        "instructions": text,
        "tools": TOOLS,
        "tool_choice": TOOL_CHOICE,
        "output_modalities": MODALITIES,
        "max_output_tokens": MAX_TOKENS,
        "metadata": nullable(_metadata),
        "audio": struct({"output": OUTPUT}),
        "parallel_tool_calls": anything,
        "reasoning": nullable(REASONING),
        "prompt": nullable(mapping),
    }
)


def _session(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
    mapping(value, path)
    checked(value)


_TARGET: Final[Mapping[str, Check]] = {"type": text, "event_id": nullable(text), "item_id": text}


def _event(*required: str, **fields: Check) -> Check:
    return struct({"type": text, "event_id": nullable(text), **fields}, *required)


EVENTS: Final[Mapping[str, Check]] = {
    "session.update": _event("session", session=_session),
    "input_audio_buffer.append": _event("audio", audio=text),
    "input_audio_buffer.commit": _event(),
    "input_audio_buffer.clear": _event(),
    "conversation.item.create": _event("item", item=ITEM, previous_item_id=nullable(text)),
    "conversation.item.truncate": struct(
        {
            **_TARGET,
            "content_index": number(0, 0, whole=True),
            "audio_end_ms": number(0, 1 << 31, whole=True),
        },
        "item_id",
        "content_index",
        "audio_end_ms",
    ),
    "conversation.item.delete": struct(_TARGET, "item_id"),
    "conversation.item.retrieve": struct(_TARGET, "item_id"),
    "response.create": _event(response=nullable(RESPONSE)),
    "response.cancel": _event(response_id=nullable(text)),
    "output_audio_buffer.clear": _event(),
}
_KIND = one_of(*EVENTS)


def parsed(data: str | bytes) -> Json:
    """The JSON object of a frame.

    Raises:
        Refusal: it is none.
    """
    try:
        event = json.loads(data)
    except ValueError as error:
        raise Refusal("invalid_json", "The event is not valid JSON.") from error
    if not isinstance(event, dict):
        raise Refusal("invalid_event", "The event is not a JSON object.")
    return event


def validated(event: Json, *, strict: bool = True) -> Json:
    """A client event that may be acted on.

    Raises:
        Refusal: the whole event is refused. When not strict, old session names are translated and
            unknown keys dropped.
    """
    kind = event.get("type")
    if kind is None:
        raise Refusal("invalid_event", "The 'type' field is missing.", "type")
    _KIND(kind, "type")
    if strict:
        EVENTS[kind](event, "")
        return event
    if kind == "session.update" and isinstance(event.get("session"), dict):
        event = {**event, "session": checked(event["session"], strict=False)}
    return pruned(event, EVENTS[kind], "")


def picture_of(url: str) -> bytes | None:
    """The bytes of a PNG or JPEG data URL; None for everything else."""
    head, comma, data = url.partition(",")
    if not comma or head not in {"data:image/png;base64", "data:image/jpeg;base64"}:
        return None
    try:
        return b64decode(data, validate=True)
    except (Base64Error, ValueError):
        return None
