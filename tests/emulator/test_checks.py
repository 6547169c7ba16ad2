"""Client events: what is accepted, what is refused, and with which words."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.emulator.checks import EVENTS, parsed, picture_of, validated
from appliance.emulator.wire import Refusal

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()


def message(role: str, *content: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "message", "role": role, "content": list(content)}
    return {"type": "conversation.item.create", "item": item}


GOOD: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"type": "realtime", "instructions": "Hi."}},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "input_audio_buffer.commit", "event_id": "e_1"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    message("user", {"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PNG}),
    message("system", {"type": "input_text", "text": "context"}),
    message("assistant", {"type": "output_text", "text": "earlier"}),
    {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {"type": "function_call_output", "call_id": "call_1", "output": ""},
    },
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {"type": "conversation.item.retrieve", "item_id": "item_1"},
    {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": 1500,
    },
    {"type": "response.create"},
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "metadata": {"a": "b"},
            "input": [{"type": "item_reference", "id": "item_1"}],
            "max_output_tokens": 100,
        },
    },
    {"type": "response.cancel", "response_id": "resp_1"},
]  # fmt: skip


@pytest.mark.parametrize("event", GOOD, ids=range(len(GOOD)))
def test_good_event_is_accepted_as_it_is(event: dict[str, Any]) -> None:
    assert validated(event) == event


def test_every_kind_of_client_event_is_tried() -> None:
    assert {event["type"] for event in GOOD} == set(EVENTS)


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "invalid_event", "type"),
        ({"type": "session.close"}, "invalid_value", "type"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "response.create", "extra": 1}, "unknown_parameter", "extra"),
        (
            {"type": "response.create", "response": {"modalities": ["text"]}},
            "unknown_parameter",
            "response.modalities",
        ),
        (message("user"), "empty_array", "item.content"),
        (
            message("user", {"type": "text", "text": "a"}),
            "invalid_value",
            "item.content[0].type",
        ),
        (
            message("assistant", {"type": "output_audio", "transcript": "a"}),
            "invalid_value",
            "item.content[0].type",
        ),
        (
            message("user", {"type": "input_image", "image_url": "https://x.invalid/a.png"}),
            "invalid_value",
            "item.content[0].image_url",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "c", "output": {"ok": True}},
            },
            "invalid_type",
            "item.output",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {**message("user", {"type": "input_text", "text": "a"})["item"],
                         "id": "i" * 33},
            },
            "string_above_max_length",
            "item.id",
        ),
    ],
)  # fmt: skip
def test_bad_event_is_refused_with_code_and_path(
    event: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(Refusal) as caught:
        validated(event)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize("data", ["", "[]", "7", b"\xff\xfe", '{"type":'])
def test_what_is_no_json_object_is_refused(data: str | bytes) -> None:
    with pytest.raises(Refusal):
        parsed(data)


def test_lenient_takes_old_session_names_and_drops_the_rest() -> None:
    event = {"type": "session.update", "session": {"voice": "alloy", "temperature": 1}, "x": 1}
    accepted = validated(event, strict=False)
    assert "x" not in accepted
    assert accepted["session"]["audio"]["output"] == {"voice": "alloy"}
    assert "temperature" not in accepted["session"]


def test_picture_needs_to_be_base64() -> None:
    assert picture_of(PNG) == b"\x89PNG"
    assert picture_of("data:image/png;base64,@@@") is None


def test_recorded_client_events_are_accepted(golden_folder: Path) -> None:
    seen = 0
    for file in sorted((golden_folder / "recorded").glob("*openai*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row.get("direction") == "sent":
                data = row["data"]
                validated(json.loads(data) if isinstance(data, str) else data)
                seen += 1
    assert seen > 100
