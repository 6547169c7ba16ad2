"""The official SDK's types know every frame we wrote by hand and every frame we can send."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.config import ServiceConfig, SessionConfig, TurnDetectionConfig
from appliance.realtime.client_events import (
    ClientEvent,
    InputText,
    Message,
    OutputText,
    data_url,
    encode,
)
from appliance.realtime.sequencer import Sequencer
from appliance.realtime.session import ToolSpec, session_object, session_update
from tests.realtime.wire import created, done, samples

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-interop/bin/python"
CHECK = ROOT / "tests/interop/check_frames.py"
START = 60.0  # s; importing the SDK takes 5 CPU seconds, more on a busy machine

TOOLS = [ToolSpec("lamp", "Switch a lamp.", b'{"type":"object","properties":{}}')]
SESSIONS = [
    SessionConfig(),
    SessionConfig(noise_reduction="none", transcription_model=""),
    SessionConfig(
        language="en",
        noise_reduction="near_field",
        turn_detection=TurnDetectionConfig(type="semantic_vad"),
    ),
]

pytestmark = pytest.mark.timeout(90)


def checked(*rows: dict[str, Any]) -> list[str]:
    """Return what the SDK's types have against these frames."""
    assert PYTHON.exists(), f"{PYTHON} is missing: run `deploy/desktop test`, which makes it"
    text = "\n".join(json.dumps(row) for row in rows)
    ran = subprocess.run(  # noqa: S603 - our own script in our own environment
        [PYTHON, CHECK], input=text, capture_output=True, text=True, timeout=START, check=False
    )
    assert ran.returncode in {0, 1}, ran.stderr
    assert bool(ran.stdout) == bool(ran.returncode), ran.stderr
    return ran.stdout.splitlines()


def sendable() -> Iterator[ClientEvent]:
    """Yield one of everything the appliance sends."""
    for session in SESSIONS:
        yield session_update(session, TOOLS, event_id="e_1")
        yield session_update(session, TOOLS, event_id="e_2", spoken=True)
    sequencer = Sequencer("call7")
    history = [
        Message(role="user", content=(InputText("Earlier."),)),
        Message(role="assistant", content=(OutputText("Indeed."),)),
    ]
    yield from sequencer.seed(history)
    yield from sequencer.greet("Say hello.", 1.0)
    yield from sequencer.on_event(created("r1"), 1.1)
    yield from sequencer.show(data_url(b"\xff\xd8\xff"), "What is it?", 1.2)
    yield from sequencer.on_event(done("r1", status="cancelled"), 1.3)
    yield from sequencer.on_event(created("r2"), 1.4)
    yield from sequencer.tool_output("call_1", '{"ok": true}', 1.5)
    yield from sequencer.show(data_url(b"\xff\xd8\xff"), "", 1.6, reply=False)
    yield from sequencer.on_event(done("r2"), 1.7)
    yield from sequencer.say("Thank you.", 1.8)


def test_every_frame_passes_the_sdk() -> None:
    rows = [{"from": "server", "frame": frame} for frame in samples("server")]
    rows += [{"from": "client", "frame": frame} for frame in samples("client")]
    rows += [{"from": "client", "frame": json.loads(encode(event))} for event in sendable()]
    rows += [
        {"from": "session", "frame": json.loads(session_object(ServiceConfig(), session, TOOLS))}
        for session in SESSIONS
    ]
    kinds = {json.loads(encode(event))["type"] for event in sendable()}
    assert kinds == {
        "session.update",
        "conversation.item.create",
        "output_audio_buffer.clear",
        "response.cancel",
        "response.create",
    }
    assert checked(*rows) == []


def test_the_check_finds_what_is_wrong() -> None:
    session = {"type": "realtime", "audio": {"input": {"vad": {}}}}
    beta = {"type": "session.update", "session": {"modalities": ["audio"]}}
    found = checked(
        {"from": "session", "frame": session},
        {"from": "client", "frame": beta},
        {"from": "client", "frame": {"type": "response.create", "priority": 1}},
        {"from": "server", "frame": {"type": "response.text.delta"}},
    )
    assert [line.partition(",")[0] for line in found] == ["line 1", "line 2", "line 3", "line 4"]
    assert "unknown key $.audio.input.vad" in found[0]
    assert "unknown key $.priority" in found[2]
