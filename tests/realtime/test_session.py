import json
from typing import Any

import pytest

from appliance.config import ServiceConfig, SessionConfig, TurnDetectionConfig
from appliance.realtime.client_events import encode
from appliance.realtime.session import ToolSpec, session_object, session_update

TOOL = ToolSpec("kettle_on", "Switch the kettle on.", b'{"type":"object","required":["minutes"]}')


def made(session: SessionConfig | None = None, *tools: ToolSpec) -> dict[str, Any]:
    wanted = session_object(ServiceConfig(model="m-1"), session or SessionConfig(), tools)
    decoded: dict[str, Any] = json.loads(wanted)
    return decoded


def updated(session: SessionConfig, *, spoken: bool = False) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(
        encode(session_update(session, [TOOL], event_id="e_1", spoken=spoken))
    )
    return event


def test_session_has_the_shape_of_the_service() -> None:
    config = SessionConfig(instructions="Tick.", voice="cedar", speed=1.2)
    assert made(config, TOOL) == {
        "type": "realtime",
        "model": "m-1",
        "instructions": "Tick.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "noise_reduction": {"type": "far_field"},
                "transcription": {"model": "gpt-realtime-whisper"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"voice": "cedar", "speed": 1.2},
        },
        "tools": [
            {
                "type": "function",
                "name": "kettle_on",
                "description": "Switch the kettle on.",
                "parameters": {"type": "object", "required": ["minutes"]},
            }
        ],
        "tool_choice": "auto",
        "truncation": "auto",
    }


def test_semantic_detection_has_no_threshold() -> None:
    detection = TurnDetectionConfig(
        type="semantic_vad", eagerness="low", interrupt_response=False, threshold=0.9
    )
    session = made(SessionConfig(turn_detection=detection))
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": False,
    }


def test_what_is_switched_off_is_null() -> None:
    heard = made(SessionConfig(noise_reduction="none", transcription_model=""))["audio"]["input"]
    assert heard["noise_reduction"] is None
    assert heard["transcription"] is None


def test_language_goes_to_the_transcriber() -> None:
    heard = made(SessionConfig(language="de"))["audio"]["input"]
    assert heard["transcription"] == {"model": "gpt-realtime-whisper", "language": "de"}


def test_update_repeats_all_but_the_model() -> None:
    event = updated(SessionConfig())
    assert event["type"] == "session.update"
    assert event["event_id"] == "e_1"
    expected = made(SessionConfig(), TOOL)
    del expected["model"]
    assert event["session"] == expected


def test_update_after_speech_leaves_the_voice_alone() -> None:
    session = updated(SessionConfig(), spoken=True)["session"]
    assert "output" not in session["audio"]
    assert session["type"] == "realtime"
    assert session["tools"]


@pytest.mark.parametrize("key", ["modalities", "temperature", "voice", "turn_detection", "format"])
def test_beta_key_is_never_sent(key: str) -> None:
    session = made()
    assert key not in session
    assert key not in session["audio"]["input"] or key == "turn_detection"
    assert key not in session["audio"]["output"] or key == "voice"
