"""Spoken turns from end to end: a voice, Opus, turn detection, recognition, an answer in sound."""

import asyncio
import base64
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from appliance.emulator.mouth import thinned
from appliance.emulator.options import Options
from appliance.emulator.recognizer import Recognizer
from appliance.emulator.server import Emulator, running
from appliance.emulator.voice import user_utterance
from tests.emulator.client import SESSION, Client, Wire, call, socket_wire
from tests.emulator.desk import ADD, one, types
from tests.emulator.hearing import thin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("no_leftover_tasks"),
]


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with running(Options()) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    engine = Recognizer()
    engine.open()
    return engine


async def ask(client: Client, text: str) -> tuple[str, str]:
    """Say it; returns what was heard and what was answered."""
    await client.speak(user_utterance(text, lead_ms=300, tail_ms=100))
    completed = await client.wire.until("conversation.item.input_audio_transcription.completed")
    answer = await client.wire.until("response.output_audio_transcript.done")
    await client.wire.until("output_audio_buffer.stopped")
    return completed["transcript"], answer["transcript"]


async def test_spoken_sum_is_understood_and_the_answer_is_heard(
    emulator: Emulator, recognizer: Recognizer
) -> None:
    async with call(emulator.url) as client:
        _, answer = await ask(client, "add two and five slowly")
        sound = bytes(client.heard)
    assert answer == "Two plus five is seven."
    words = recognizer.recognize_now(thin(sound)[-3 * 32_000 :]).lower()
    assert "seven" in words or "7" in words


async def test_voice_turn_has_the_recorded_order(emulator: Emulator) -> None:
    async with call(emulator.url) as client:
        await client.wire.until("session.created")
        await ask(client, "tell me a joke")
        names = types(
            e
            for e in client.wire.events
            if "transcription" not in e["type"] and not e["type"].endswith("transcript.delta")
        )
    assert names == [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "output_audio_buffer.started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
        "output_audio_buffer.stopped",
    ]


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("make hello world upper case", "HELLO WORLD"),
        ("what time is it", "clock"),
        ("goodbye", "Goodbye"),
        ("what is the state of the device", "state of the device"),
    ],
)
async def test_spoken_request_is_answered(emulator: Emulator, said: str, answered: str) -> None:
    async with call(emulator.url) as client:
        heard, answer = await ask(client, said)
        assert answered in answer, heard


async def test_spoken_request_calls_the_tool(emulator: Emulator) -> None:
    async with call(emulator.url, {**SESSION, "tools": [ADD]}) as client:
        await client.speak(user_utterance("add two and five slowly", lead_ms=300, tail_ms=100))
        done = await client.wire.until("response.function_call_arguments.done")
    assert done["name"] == "delayed_add"
    assert '"a": 2' in done["arguments"]


async def test_barge_in_stops_the_sound_and_cuts_the_words(emulator: Emulator) -> None:
    async with call(emulator.url) as client:
        client.wire.say("count from one to twenty")
        await client.wire.until("output_audio_buffer.started")
        await client.wire.until(
            "response.output_audio_transcript.delta", lambda e: "Five" in e["delta"]
        )
        mark = client.wire.mark
        await client.speak(user_utterance("stop stop stop", tail_ms=100))
        cleared = await client.wire.until("output_audio_buffer.cleared")
        done = await client.wire.until("response.done")
        quiet_from = len(client.heard)
        events = client.wire.events[mark:]
        names = [n for n in types(events) if not n.endswith(".delta")]
        await client.wire.until("input_audio_buffer.speech_stopped")
        gap = np.frombuffer(bytes(client.heard[quiet_from + 48_000 :]), "<i2")
    first = names.index("input_audio_buffer.speech_started")
    assert names[first : first + 4] == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
        "response.output_audio.done",
    ]
    assert done["response"]["status_details"]["reason"] == "turn_detected"
    assert cleared["response_id"] == done["response"]["id"]
    cut = done["response"]["output"][0]["content"][0]["transcript"]
    truncated = one(events, "conversation.item.truncated")["audio_end_ms"]
    assert "One" in cut
    assert "Twenty" not in cut
    assert truncated > 0
    assert int(np.abs(gap).max(initial=0)) < 400


async def test_typed_and_spoken_requests_take_the_same_path(emulator: Emulator) -> None:
    async with call(emulator.url) as client:
        _, spoken = await ask(client, "make hello world upper case")
        client.wire.say("make hello world upper case")
        done = await client.wire.until("response.output_audio_transcript.done")
    assert spoken == done["transcript"]


async def test_plain_websocket_hears_pcm(emulator: Emulator) -> None:
    async with aiohttp.ClientSession() as http, socket_wire(
        http, f"{emulator.url}/realtime?model=gpt-realtime-2.1"
    ) as wire:  # fmt: skip
        turn = {"transcription": {"model": "gpt-realtime-whisper"}}
        wire.send("session.update", session={"type": "realtime", "audio": {"input": turn}})
        await wire.until("session.updated")
        await append(wire, user_utterance("add two and five", lead_ms=300, tail_ms=1500))
        await wire.until("input_audio_buffer.committed")
        answer = await wire.until("response.output_audio_transcript.done")
    assert answer["transcript"] == "Two plus five is seven."


async def append(wire: Wire, pcm48k: bytes) -> None:
    """Send sound faster than it would be spoken, in pieces of 100 ms."""
    pcm = thinned(pcm48k)
    for start in range(0, len(pcm), 4800):
        piece = base64.b64encode(pcm[start : start + 4800]).decode()
        wire.send("input_audio_buffer.append", audio=piece)
        await asyncio.sleep(0)
