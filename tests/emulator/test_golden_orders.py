"""The orders of events are those of recorded traffic, where a developer has it."""

import json
from pathlib import Path

import pytest

from appliance.emulator.wire import Json
from tests.emulator.desk import Desk, types

WEATHER: Json = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
# These come when they come: words of the user, the bill, sound, what playout does.
FLOATING = ("transcription", "rate_limits", "response.output_audio.delta", "output_audio_buffer")


def settled(events: list[Json]) -> list[str]:
    """Types in order, without what floats, deltas folded."""
    return types(e for e in events if not any(part in e["type"] for part in FLOATING))


def recorded(folder: Path, name: str) -> list[Json]:
    """What the service said in this recording, after the session was set up."""
    events = []
    for line in (folder / "recorded" / f"{name}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row.get("direction") == "received":
            data = row["data"]
            events.append(json.loads(data) if isinstance(data, str) else data)
    kinds = [event["type"] for event in events]
    return events[kinds.index("session.updated") + 1 :]


@pytest.mark.parametrize(
    "name",
    [
        "openai_ws__text_in_audio_out_turn",
        "openai_ws_sideband__webrtc_sideband_audio_turn",
    ],
)
def test_text_turn(golden_folder: Path, name: str) -> None:
    assert settled(Desk().say("hello")) == settled(recorded(golden_folder, name))


def test_voice_turn(golden_folder: Path) -> None:
    theirs = recorded(golden_folder, "openai_ws__audio_in_server_vad_turn")
    words = {"transcription": {"model": "gpt-realtime-whisper"}}
    assert settled(Desk(audio={"input": words}).hear("hello")) == settled(theirs)


def test_three_voice_turns(golden_folder: Path) -> None:
    name = "openai_ws__input_audio_retention_segments_three_server_vad_turns"
    desk = Desk()
    for turn in range(3):
        desk.hear("tell me a joke", turn * 9000, turn * 9000 + 2000)
    assert settled(desk.events) == settled(recorded(golden_folder, name))


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("parity_ws__text_tool_round_parity-openai-previous", "What is the weather in London?"),
        ("parity_ws__text_tool_round_parity-openai-current", "Add 2 and 5"),
    ],
)
def test_tool_round(golden_folder: Path, name: str, wish: str) -> None:
    """The current model says something before it calls, the previous one does not."""
    adder: Json = {**WEATHER, "name": "delayed_add"}
    desk = Desk(tools=[WEATHER, adder], output_modalities=["text"])
    desk.say(wish)
    (call,) = desk.calls()
    desk.output(call["call_id"], "It is foggy and 12 degrees in London.")
    desk.send("response.create")
    assert settled(desk.events) == settled(recorded(golden_folder, name))


def test_seeded_history(golden_folder: Path) -> None:
    theirs = recorded(golden_folder, "parity_ws__history_seeding_parity-openai-current")
    desk = Desk(output_modalities=["text"])
    for role, kind, text in (
        ("user", "input_text", "My name is Alice."),
        ("assistant", "output_text", "Nice to meet you, Alice."),
        ("user", "input_text", "What is my name?"),
    ):
        content = [{"type": kind, "text": text}]
        item = {"type": "message", "role": role, "content": content}
        desk.send("conversation.item.create", item=item)
    desk.send("response.create")
    assert settled(desk.events) == settled(theirs)
