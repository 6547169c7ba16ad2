"""The session object: exact refusals, defaults, merging, old names."""

from typing import Any

import pytest

from appliance.emulator.session import checked, default_session, merged, modernized
from appliance.emulator.wire import Refusal

GA: dict[str, Any] = {"type": "realtime", "model": "gpt-realtime-2.1"}


def refusal(session: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as caught:
        checked(session)
    return caught.value.code, caught.value.param


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({**GA, "modalities": ["audio"]}, "unknown_parameter", "session.modalities"),
        ({**GA, "voice": "marin"}, "unknown_parameter", "session.voice"),
        ({**GA, "temperature": 0.8}, "unknown_parameter", "session.temperature"),
        (
            {**GA, "input_audio_transcription": {"model": "whisper-1"}},
            "unknown_parameter",
            "session.input_audio_transcription",
        ),
        (
            {**GA, "audio": {"input": {"vad": {"type": "server_vad"}}}},
            "unknown_parameter",
            "session.audio.input.vad",
        ),
        (
            {**GA, "tools": [{"type": "function", "name": "a", "strict": True}]},
            "unknown_parameter",
            "session.tools[0].strict",
        ),
        ({**GA, "tools": [{"name": "a"}]}, "missing_required_parameter", "session.tools[0].type"),
        (
            {**GA, "audio": {"output": {"format": {"type": "audio/pcm"}}}},
            "missing_required_parameter",
            "session.audio.output.format.rate",
        ),
        (
            {**GA, "output_modalities": ["audio", "text"]},
            "invalid_value",
            "session.output_modalities",
        ),
        (
            {**GA, "audio": {"output": {"voice": "robot"}}},
            "invalid_value",
            "session.audio.output.voice",
        ),
        (
            {
                **GA,
                "audio": {"input": {"turn_detection": {"type": "semantic_vad", "threshold": 1}}},
            },
            "unknown_parameter",
            "session.audio.input.turn_detection.threshold",
        ),
        ({**GA, "instructions": 3}, "invalid_type", "session.instructions"),
        ({**GA, "type": "transcription"}, "invalid_value", "session.type"),
        (
            {**GA, "max_output_tokens": 5000},
            "integer_above_max_value",
            "session.max_output_tokens",
        ),
    ],
)
def test_wrong_session_is_refused_with_code_and_path(
    session: dict[str, Any], code: str, param: str
) -> None:
    assert refusal(session) == (code, param)


def test_refusal_speaks_the_words_of_the_service() -> None:
    with pytest.raises(Refusal) as caught:
        checked({**GA, "modalities": ["audio"]})
    assert caught.value.body() == {
        "type": "invalid_request_error",
        "code": "unknown_parameter",
        "message": "Unknown parameter: 'session.modalities'.",
        "param": "session.modalities",
    }


def test_full_session_is_accepted_and_kept() -> None:
    session = {
        **GA,
        "instructions": "Be brief.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "noise_reduction": {"type": "far_field"},
                "transcription": {"model": "gpt-realtime-whisper", "language": "en"},
                "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
            },
            "output": {"voice": "cedar", "speed": 1.1},
        },
        "tools": [{"type": "function", "name": "a", "description": "b", "parameters": {}}],
        "tool_choice": {"type": "function", "name": "a"},
        "parallel_tool_calls": True,
        "reasoning": {"effort": "low"},
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": None,
        "include": ["item.input_audio_transcription.logprobs"],
    }
    full = merged(default_session("sess_1", "gpt-realtime-2.1", 9), checked(session))
    assert full["audio"]["output"]["voice"] == "cedar"
    assert full["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert full["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": True,
    }
    assert full["audio"]["input"]["transcription"]["prompt"] is None
    assert full["tools"][0]["name"] == "a"


def test_update_changes_only_what_it_names() -> None:
    current = merged(
        default_session("sess_1", "gpt-realtime-2.1", 9),
        checked({**GA, "instructions": "Be brief.", "tools": [{"type": "function", "name": "a"}]}),
    )
    update = {"type": "server_vad", "silence_duration_ms": 200}
    new = merged(
        current, checked({"type": "realtime", "audio": {"input": {"turn_detection": update}}})
    )
    assert new["instructions"] == "Be brief."
    assert new["tools"] == current["tools"]
    assert new["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 200
    assert new["audio"]["input"]["turn_detection"]["threshold"] == 0.5


@pytest.mark.parametrize(("key", "value"), [("instructions", ""), ("tools", []), ("tracing", None)])
def test_empty_values_clear(key: str, value: object) -> None:
    current = {**default_session("s", "gpt-realtime", 9), key: "something"}
    assert merged(current, checked({"type": "realtime", key: value}))[key] == value


def test_turn_detection_can_be_switched_off_and_on() -> None:
    current = default_session("s", "gpt-realtime", 9)
    off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    quiet = merged(current, checked(off))
    assert quiet["audio"]["input"]["turn_detection"] is None
    on = {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
    again = merged(quiet, checked(on))
    assert again["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500


def test_model_cannot_change() -> None:
    with pytest.raises(Refusal):
        merged(default_session("s", "gpt-realtime", 9), checked(GA))


def test_merging_leaves_its_arguments_alone() -> None:
    current = default_session("s", "gpt-realtime", 9)
    update = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    merged(current, update)
    assert current == default_session("s", "gpt-realtime", 9)
    assert update == {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}


def test_old_names_are_translated_for_the_lenient() -> None:
    old = {
        "model": "gpt-realtime",
        "modalities": ["audio", "text"],
        "voice": "alloy",
        "temperature": 0.8,
        "input_audio_transcription": {"model": "whisper-1"},
        "audio": {"input": {"vad": {"type": "server_vad"}}},
    }
    assert checked(old, strict=False) == {
        "type": "realtime",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "transcription": {"model": "whisper-1"},
                "turn_detection": {"type": "server_vad"},
            },
            "output": {"voice": "alloy"},
        },
    }


def test_new_names_win_over_old_ones() -> None:
    new = modernized({"voice": "alloy", "audio": {"output": {"voice": "cedar"}}})
    assert new["audio"]["output"]["voice"] == "cedar"


def test_lenient_is_not_blind() -> None:
    with pytest.raises(Refusal):
        checked({**GA, "audio": {"output": {"voice": "robot"}}}, strict=False)
