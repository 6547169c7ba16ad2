"""The demo, as a person starts it: every step happens, and the speaker really said it."""

import asyncio
import json
import re
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.demo.visit import Visit
from appliance.emulator.ears import SoundMemory, SpeechStarted, SpeechStopped, Thinner, TurnDetector
from appliance.emulator.recognizer import Recognizer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DEMO_TIMEOUT = 200.0  # s; it takes about 50
PIECE = 48_000 * 2 // 10  # bytes of 100 ms
STEPS = len(Visit.script(Visit(None, None)))  # type: ignore[arg-type]  # only counted


class Recording:
    """What a demo left behind."""

    def __init__(self, folder: Path, code: int, output: str) -> None:
        self.folder = folder
        self.code = code
        self.output = output

    @property
    def transcript(self) -> str:
        return self.folder.joinpath("transcript.txt").read_text(encoding="utf-8")

    @property
    def marks(self) -> list[str]:
        text = self.folder.joinpath("timeline.jsonl").read_text(encoding="utf-8")
        return [json.loads(line)["name"] for line in text.splitlines()]

    def sound(self) -> bytes:
        with wave.open(str(self.folder / "speaker.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
            return bytes(file.readframes(file.getnframes()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Recording]:
    """One run of the demo for all tests: it is a minute long."""
    folder = tmp_path_factory.mktemp("visit") / "kept"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance", "demo", "--record", str(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(DEMO_TIMEOUT):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    yield Recording(folder, process.returncode, output.decode())


def test_demo_succeeds_and_reports_every_step(demo: Recording) -> None:
    assert demo.code == 0, demo.output
    assert demo.output.count(" ok after ") == STEPS
    assert "The visit" in demo.output


def test_transcript_has_both_sides_and_the_tools(demo: Recording) -> None:
    for line in ("tool: current_time", "tool: delayed_add", "seven", "[photo]", "HELLO WORLD"):
        assert line in demo.transcript
    assert re.search(
        "^you: .*(two|to|2) and (five|5)", demo.transcript, re.MULTILINE | re.IGNORECASE
    )
    assert "(interrupted)" in demo.transcript


def test_timeline_tells_the_story_in_order(demo: Recording) -> None:
    story = ["press", "offer_posted", "call_up", "tool_output_sent", "photo_sent", "barge_in"]
    places = [demo.marks.index(name) for name in story]
    assert places == sorted(places)
    assert demo.marks[-1] == "call_ended"


async def test_speaker_said_the_answers(demo: Recording) -> None:
    said = (await recognized(demo.sound())).casefold()
    for words in (
        ("offline", "help"),
        ("seven", "is 7"),
        ("picture", "colour", "color"),
        ("hello", "upper"),
    ):
        assert any(word in said for word in words), said


def test_no_key_was_needed_and_none_is_kept(demo: Recording) -> None:
    for file in demo.folder.glob("*.[jtl]*"):
        assert "sk-" not in file.read_text(encoding="utf-8")


async def recognized(sound: bytes) -> str:
    """Return what the offline recogniser hears, turn by turn."""
    thinner, turns, memory = Thinner(), TurnDetector(), SoundMemory(limit_ms=300_000)
    texts, began = [], 0
    recognizer = Recognizer()
    recognizer.open()
    try:
        padded = sound + bytes(10 * PIECE)  # the last word may end with the recording
        for at in range(0, len(padded), PIECE):
            thin = thinner.feed(padded[at : at + PIECE])
            memory.feed(thin)
            for event in turns.feed(thin):
                match event:
                    case SpeechStarted(audio_start_ms):
                        began = audio_start_ms
                    case SpeechStopped(audio_end_ms):
                        texts.append(
                            await recognizer.recognize(memory.between(began, audio_end_ms))
                        )
    finally:
        recognizer.close()
    return " ".join(texts)
