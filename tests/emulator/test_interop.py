"""Official SDKs as clients of the emulator, as processes in an environment of their own."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiortc import RTCConfiguration, RTCPeerConnection

from appliance.emulator.options import Options
from appliance.emulator.server import Emulator, running
from tests.emulator.client import Json, call
from tests.emulator.desk import ADD, PHOTO, TIME, Desk
from tests.emulator.test_brain import PICTURE

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-interop/bin/python"
START = 90.0  # seconds; importing an SDK takes 5 CPU seconds, more on a busy machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with running(Options()) as emulator:
        yield emulator


async def ran(script: str, *arguments: str, text: str = "") -> str:
    """Standard output of a script that ended well."""
    assert PYTHON.exists(), f"{PYTHON} is missing: run `deploy/desktop test`, which makes it"
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        ROOT / "tests/interop" / script,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(START):
            out, err = await process.communicate(text.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, err.decode() + out.decode()
    return out.decode()


async def test_openai_python_completes_a_tool_round_as_sideband(emulator: Emulator) -> None:
    async with call(emulator.url) as client:
        told: Json = json.loads(await ran("sideband_tool_round.py", emulator.url, client.call_id))
        record = await client.record()
    assert json.loads(told["arguments"]) == {"a": 2, "b": 5}
    assert told["answer"] == "Two plus five is seven."
    assert "session.created" not in told["types"]
    outputs = [i["output"] for i in record["items"] if i["type"] == "function_call_output"]
    assert outputs == ['{"sum": 7}']


async def test_openai_python_uses_every_endpoint(emulator: Emulator) -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio")
    await pc.setLocalDescription(await pc.createOffer())
    told: Json = json.loads(await ran("rest.py", emulator.url, text=pc.localDescription.sdp))
    await pc.close()
    assert told["answer"].startswith("v=0\r\n")
    assert told["secret"].startswith("ek_")
    assert told["model"] == "gpt-realtime-2.1"
    assert "gpt-realtime-2.1" in told["models"]
    assert told["second_hangup"] == "call_id_not_found"


async def test_agents_sdk_completes_a_tool_round_as_sideband(emulator: Emulator) -> None:
    async with call(emulator.url) as client:
        told: Json = json.loads(await ran("agent.py", emulator.url, client.call_id))
    assert told["called"] == [{"a": 2, "b": 5}]
    assert told["answer"] == "Two plus five is seven."


async def test_agents_sdk_completes_a_tool_round_over_its_own_socket(emulator: Emulator) -> None:
    told: Json = json.loads(await ran("agent.py", emulator.url))
    assert told["called"] == [{"a": 2, "b": 5}]
    assert told["sound"] > 48_000  # a second of 24 kHz


def frames() -> list[Json]:
    """One of everything the emulator's mind says."""
    transcription = {"transcription": {"model": "gpt-realtime-whisper"}}
    desk = Desk(tools=[ADD, TIME, PHOTO], audio={"input": transcription})
    desk.obey(desk.brain.greeting())
    desk.send("session.update", session={"type": "realtime", "tracing": "auto"})
    desk.hear("tell me a joke")
    desk.say("what time is it and add two and five")
    for made in desk.calls():
        desk.output(made["call_id"], '{"sum": 7}')
    desk.send("response.create")
    item = {"type": "message", "role": "user", "content": [PICTURE]}
    added = desk.send("conversation.item.create", item=item)[0]["item"]["id"]
    desk.look("I see red.")
    desk.send("conversation.item.retrieve", item_id=added)
    desk.send("conversation.item.delete", item_id=added)
    desk.say("hello", output_modalities=["text"], metadata={"a": "b"}, max_output_tokens=9)
    response = desk.events[-2]["response"]["id"]
    desk.obey(desk.brain.playback_started(response))
    desk.obey(desk.brain.playback_stopped(response))
    desk.obey(desk.brain.playback_started(response))
    desk.send("output_audio_buffer.clear")
    desk.send("input_audio_buffer.clear")
    desk.send("response.cancel", event_id="mine")
    desk.obey(desk.brain.speech_started(9000, desk.moment))
    desk.obey(desk.brain.speech_stopped(9900))
    desk.obey(desk.brain.speech_started(9950, desk.moment))  # cancels the response
    last = list(desk.brain.conversation)[-1].id
    desk.obey(desk.brain.not_transcribed(last, "No ears."))
    desk.obey(desk.brain.expire(60))
    talking = Desk(speak=False)
    talking.say("count to twenty")
    talking.go_on(3)
    spoken = next(i for i in talking.brain.conversation if i.speech)
    talking.obey(talking.brain.sound(spoken.id, "AAAA"))
    talking.send("response.cancel")
    talking.send("conversation.item.truncate", item_id=spoken.id, content_index=0, audio_end_ms=500)
    return desk.events + talking.events


async def test_every_frame_passes_the_types_of_the_sdk() -> None:
    rows = frames()
    assert len({row["type"] for row in rows}) > 30
    await ran(
        "check_frames.py", text="\n".join(json.dumps({"from": "server", "frame": r}) for r in rows)
    )


def shape(value: object, path: str = "$") -> set[str]:
    """The paths of all keys."""
    if isinstance(value, dict):
        inner = (shape(v, f"{path}.{k}") for k, v in value.items())
        return {f"{path}.{k}" for k in value}.union(*inner)
    if isinstance(value, list):
        return set().union(*(shape(element, f"{path}[]") for element in value))
    return set()


# Keys of what a client may leave out, or of models and providers that are not ours.
MAY_MISS = ("reasoning", "logprobs", "parallel_tool_calls", "tools[].parameters.")


def test_no_key_of_the_recorded_frames_is_missing(golden_folder: Path) -> None:
    ours: dict[str, set[str]] = {}
    for row in frames():
        ours.setdefault(row["type"], set()).update(shape(row))
    missing: dict[str, set[str]] = {}
    for file in sorted((golden_folder / "recorded").glob("openai_ws*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row.get("direction") != "received":
                continue
            event = json.loads(row["data"]) if isinstance(row["data"], str) else row["data"]
            lacking = shape(event) - ours.get(event["type"], set())
            lacking = {key for key in lacking if not any(word in key for word in MAY_MISS)}
            if lacking:
                missing.setdefault(event["type"], set()).update(lacking)
    assert missing == {}
