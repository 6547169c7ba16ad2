"""The parts about sound: what bad lines leave of it, and how late it is."""

import asyncio
import sys
import wave
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from appliance.emulator.voice import user_utterance
from appliance.media.opus import FRAME_BYTES, OpusDecoder, OpusEncoder, find_opus
from tests.bench.ear import RATE, Heard, Sound, compare, read
from tests.bench.line import Plan
from tests.bench.processes import Log, bare_service, report
from tests.bench.rows import Row
from tests.processes import daemon

TEXT = (
    "The old man watched the river from the window of his small house, while the dog slept. "
    "Please bring six spoons of fresh snow peas, five thick slabs of blue cheese, and a snack. "
    "A plastic snake and a big toy frog are waiting for the children in the red bag. "
)
SECONDS = 20.0  # of each call; the text takes a little less

LOSSES: Mapping[str, tuple[Plan, float]] = {
    "clean": (Plan(carries=""), 0.004),
    "1 %": (Plan(carries="", loss=0.01), 0.004),
    "5 %": (Plan(carries="", loss=0.05), 0.004),
    "10 %": (Plan(carries="", loss=0.10), 0.004),
    "20 %": (Plan(carries="", loss=0.20), 0.010),
    "bursts, 15 %": (Plan(carries="", bad=0.06, good=0.35), 0.040),
}
LOOPS: Mapping[str, tuple[Plan, float]] = {
    "clean": (Plan(carries="echo"), 0.050),
    "after one lost packet": (Plan(carries="echo", lose=(60,)), 0.050),
    "40 ms of jitter": (Plan(carries="echo", jitter=0.040), 0.080),
    "3 % lost, 30 ms of jitter": (Plan(carries="echo", loss=0.03, jitter=0.030), 0.070),
}
FREEZE = Plan(carries="echo", freeze=(500, 20))  # 400 ms, ten seconds into the call


async def audio() -> list[Row]:
    """What is missing of speech that came over bad lines, beside a stock aiortc client."""
    rows = []
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        folder = Path(name)
        speech = await asyncio.to_thread(_speech, folder / "speech.wav")
        said = read(await asyncio.to_thread(_coded, speech, folder / "said.wav"))
        async with bare_service() as (url, log):
            for title, (plan, goal) in LOSSES.items():
                carrying = replace(plan, carries=str(speech))
                ours, stock = await _heard(url, log, carrying, folder, said)
                rows.append(_missing(title, 100 * ours.missing, 100 * stock.missing, 100 * goal))
                rows.append(
                    Row(
                        f"audio.hole.{_id(title)}",
                        f"longest hole, {title}",
                        "ms",
                        1000 * ours.hole,
                        None,
                        {"stock aiortc": 1000 * stock.hole},
                    )
                )
    return rows


async def loop() -> list[Row]:
    """How late the microphone's sound comes back from an echoing service, beside stock aiortc."""
    rows = []
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        folder = Path(name)
        speech = await asyncio.to_thread(_speech, folder / "speech.wav")
        said = read(speech)
        async with bare_service() as (url, log):
            for title, (plan, goal) in LOOPS.items():
                ours, stock = await _heard(url, log, plan, folder, said)
                rows.append(
                    Row(
                        f"loop.{_id(title)}",
                        f"loop delay, {title}, median",
                        "ms",
                        1000 * ours.delay,
                        1000 * goal,
                        {"stock aiortc": 1000 * stock.delay},
                    )
                )
            ours, stock = await _heard(url, log, FREEZE, folder, said)
            rows.append(
                Row(
                    "loop.freeze",
                    "loop delay more than before, 2 to 6 s after 400 ms of standstill",
                    "ms",
                    _more_after_the_freeze(ours),
                    20,
                    {"stock aiortc": _more_after_the_freeze(stock)},
                )
            )
    return rows


def _speech(path: Path) -> Path:
    """Write speech without long pauses, after a second and a half in which the call comes up."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(3 * RATE) + user_utterance(TEXT))
    return path


def _coded(speech: Path, path: Path) -> Path:
    """Write what Opus alone makes of it: the best that anybody can hear."""
    encoder, decoder = OpusEncoder(), OpusDecoder(find_opus())
    with wave.open(str(speech)) as file, wave.open(str(path), "wb") as coded:
        coded.setnchannels(1)
        coded.setsampwidth(2)
        coded.setframerate(RATE)
        while part := file.readframes(FRAME_BYTES // 2):
            coded.writeframes(decoder.decode(encoder.encode(part.ljust(FRAME_BYTES, b"\0"))))
    return path


async def _heard(url: str, log: Log, plan: Plan, folder: Path, said: Sound) -> tuple[Heard, Heard]:
    """Call over this line with ours, then with stock aiortc; return what each heard."""
    log.command("line", plan=asdict(plan))
    microphone, speaker = folder / "speech.wav", folder / "stock.wav"
    async with daemon(url, [f"audio.input_file={microphone}"]) as appliance:
        await appliance.control.call()
        await asyncio.sleep(SECONDS)
        await appliance.control.hang_up()
        ours = await asyncio.to_thread(lambda: compare(said, read(appliance.speaker)))
    words = (sys.executable, "-m", "tests.bench.stock", url, str(microphone), str(speaker))
    await report(*words, str(SECONDS))
    return ours, await asyncio.to_thread(lambda: compare(said, read(speaker)))


def _missing(title: str, ours: float, stock: float, goal: float) -> Row:
    measure = f"speech missing and not concealed, {title}"
    return Row(f"audio.missing.{_id(title)}", measure, "%", ours, goal, {"stock aiortc": stock})


def _more_after_the_freeze(heard: Heard) -> float:
    """Return by how many ms the delay is longer after the freeze than it was before it."""
    before, after = heard.delays[3:8], heard.delays[13:17]  # windows of a second
    return 1000 * (median(after) - median(before)) if after else float("inf")


def _id(title: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in title).split())
