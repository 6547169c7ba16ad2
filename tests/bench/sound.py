"""The parts about sound: what bad lines leave of it, and how late it is."""

import asyncio
import json
import shutil
import subprocess
import sys
import wave
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from appliance.emulator.voice import user_utterance
from appliance.media.opus import FRAME_BYTES, OpusDecoder, OpusEncoder, find_opus
from tests.bench.chromium import executable
from tests.bench.ear import RATE, Heard, Sound, compare, read
from tests.bench.line import Plan
from tests.bench.processes import ROOT, Log, bare_service, report
from tests.bench.rows import Row
from tests.processes import daemon

TEXT = (
    "The old man watched the river from the window of his small house, while the dog slept. "
    "Please bring six spoons of fresh snow peas, five thick slabs of blue cheese, and a snack. "
    "A plastic snake and a big toy frog are waiting for the children in the red bag. "
)
QUESTIONS = (  # of somebody else
    "I would like to know more about the second recipe, the one with the leeks. How long does it "
    "take, and can I leave out the cream? My daughter does not like onions either, so tell me "
    "what else would go with it. We are five people, and two of them eat no meat at all. "
    "Could you also remind me to buy bread, butter and a bottle of milk on the way home? "
)
COMING_UP_S = 1.5  # s in which a call comes up
LISTENING_S = 4.0  # s in which somebody listens first
SECONDS = 20.0  # of each call; the text takes a little less

OURS, STOCK, CHROMIUM = "ours", "stock aiortc", "Chromium"
NAMES = {"pesq": "PESQ-WB", "stoi": "STOI"}
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"

LOSSES: Mapping[str, tuple[Plan, float | None]] = {
    "clean": (Plan(carries=""), 0.004),
    "1 %": (Plan(carries="", loss=0.01), 0.004),
    "5 %": (Plan(carries="", loss=0.05), 0.004),
    "10 %": (Plan(carries="", loss=0.10), 0.004),
    "20 %": (Plan(carries="", loss=0.20), 0.010),
    "bursts, 15 %": (Plan(carries="", bad=0.06, good=0.35), 0.040),
    "40 ms of jitter": (Plan(carries="", jitter=0.040), None),
    "3 % lost, 30 ms of jitter": (Plan(carries="", loss=0.03, jitter=0.030), None),
    "1 %, no copies": (Plan(carries="", copies=False, loss=0.01), 0.004),
    "5 %, no copies": (Plan(carries="", copies=False, loss=0.05), 0.004),
    "10 %, no copies": (Plan(carries="", copies=False, loss=0.10), 0.004),
    "20 %, no copies": (Plan(carries="", copies=False, loss=0.20), 0.010),
    "bursts, 15 %, no copies": (Plan(carries="", copies=False, bad=0.06, good=0.35), 0.040),
}
LOOPS: Mapping[str, tuple[Plan, float]] = {
    "clean": (Plan(carries="echo"), 0.050),
    "after one lost packet": (Plan(carries="echo", lose=(60,)), 0.050),
    "40 ms of jitter": (Plan(carries="echo", jitter=0.040), 0.080),
    "3 % lost, 30 ms of jitter": (Plan(carries="echo", loss=0.03, jitter=0.030), 0.070),
}
FREEZE = Plan(carries="echo", freeze=(500, 20))  # 400 ms, ten seconds into the call


@dataclass(frozen=True, slots=True)
class Client:
    """What one client heard in a call, and where it is written down."""

    heard: Heard
    far: Path


async def audio() -> list[Row]:
    """What is left of speech that came over bad lines, beside stock aiortc and Chromium."""
    rows, pairs = [], []
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        folder = Path(name)
        speech = await asyncio.to_thread(speech_file, folder / "speech.wav")
        coded = await asyncio.to_thread(_coded, speech, folder / "said.wav")
        said = read(coded)
        async with bare_service() as (url, log):
            for title, (plan, goal) in LOSSES.items():
                carrying = replace(plan, carries=str(speech))
                clients = await _heard(url, log, carrying, folder / _id(title), said)
                pairs += [(title, who, client.far) for who, client in clients.items()]
                missing = {who: 100 * client.heard.missing for who, client in clients.items()}
                measure = f"speech missing and not concealed, {title}"
                limit = None if goal is None else 100 * goal
                rows.append(_row(f"audio.missing.{_id(title)}", measure, "%", missing, limit))
        scores = await asyncio.to_thread(scored, [(speech, far) for _, _, far in pairs])
    for title in LOSSES:
        for measure in ("pesq", "stoi"):
            found = {
                who: score[measure]
                for (of, who, _), score in zip(pairs, scores, strict=True)
                if of == title
            }
            row = _row(f"audio.{measure}.{_id(title)}", f"{NAMES[measure]}, {title}", "", found)
            rows.append(replace(row, at_least=found.get(CHROMIUM)))
    return rows


async def loop() -> list[Row]:
    """How late the microphone's sound comes back from an echoing service, beside the others."""
    rows = []
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        folder = Path(name)
        speech = await asyncio.to_thread(speech_file, folder / "speech.wav")
        said = read(speech)
        async with bare_service() as (url, log):
            for title, (plan, goal) in LOOPS.items():
                clients = await _heard(url, log, plan, folder / _id(title), said)
                delays = {who: 1000 * client.heard.delay for who, client in clients.items()}
                measure = f"loop delay, {title}, median"
                rows.append(_row(f"loop.{_id(title)}", measure, "ms", delays, 1000 * goal))
            clients = await _heard(url, log, FREEZE, folder / "freeze", said)
            more = {who: _more_after_the_freeze(client.heard) for who, client in clients.items()}
            measure = "loop delay more than before, 2 to 6 s after 400 ms of standstill"
            rows.append(_row("loop.freeze", measure, "ms", more, 20))
    return rows


def _row(
    ident: str, measure: str, unit: str, found: Mapping[str, float], goal: float | None = None
) -> Row:
    others = {who: value for who, value in found.items() if who != OURS}
    return Row(ident, measure, unit, found[OURS], goal, others)


def speech_file(path: Path, text: str = TEXT, after: float = COMING_UP_S) -> Path:
    """Write speech without long pauses, after so many seconds of silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * round(after * RATE)) + user_utterance(text))
    return path


def scored(pairs: Sequence[tuple[Path, Path]]) -> list[dict[str, float]]:
    """Return PESQ and STOI of each pair of WAVs: said, heard. Seconds for each."""
    words = [str(BENCH_PYTHON), str(Path(__file__).with_name("score.py"))]
    asked = json.dumps([[str(said), str(heard)] for said, heard in pairs])
    run = subprocess.run(words, input=asked, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise RuntimeError(f"the scores failed: {run.stderr.strip().rpartition(chr(10))[2]}")
    found: list[dict[str, float]] = json.loads(run.stdout)
    return found


def _coded(speech: Path, path: Path) -> Path:
    """Write what Opus alone makes of it: the best that anybody can hear."""
    encoder, decoder = OpusEncoder(full_band=True), OpusDecoder(find_opus())
    with wave.open(str(speech)) as file, wave.open(str(path), "wb") as coded:
        coded.setnchannels(1)
        coded.setsampwidth(2)
        coded.setframerate(RATE)
        while part := file.readframes(FRAME_BYTES // 2):
            coded.writeframes(decoder.decode(encoder.encode(part.ljust(FRAME_BYTES, b"\0"))))
    return path


async def _heard(url: str, log: Log, plan: Plan, folder: Path, said: Sound) -> dict[str, Client]:
    """Call over this line with each client in turn; return what each heard."""
    await asyncio.to_thread(folder.mkdir)
    log.command("line", plan=asdict(plan))
    microphone = folder.parent / "speech.wav"
    ours, stock, near, far = (folder / f"{name}.wav" for name in ("ours", "stock", "near", "far"))
    async with daemon(url, [f"audio.input_file={microphone}"]) as appliance:
        await appliance.control.call()
        await asyncio.sleep(SECONDS)
        await appliance.control.hang_up()
        await asyncio.to_thread(shutil.copy, appliance.speaker, ours)
    words = (sys.executable, "-m", "tests.bench.stock", url, str(microphone), str(stock))
    await report(*words, str(SECONDS))
    clients = {
        OURS: Client(await asyncio.to_thread(_compared, said, ours), ours),
        STOCK: Client(await asyncio.to_thread(_compared, said, stock), stock),
    }
    if executable() is not None:
        page = (sys.executable, "-m", "tests.bench.chromium", url, str(microphone))
        await report(*page, str(near), str(far), str(SECONDS))
        # Chromium plays its microphone's file when it likes: what comes back is held to that.
        like = read(near) if plan.carries == "echo" else said
        clients[CHROMIUM] = Client(await asyncio.to_thread(_compared, like, far), far)
    return clients


def _compared(said: Sound, path: Path) -> Heard:
    return compare(said, read(path))


def _more_after_the_freeze(heard: Heard) -> float:
    """Return by how many ms the delay is longer after the freeze than it was before it."""
    before, after = heard.delays[3:8], heard.delays[13:17]  # windows of a second
    return 1000 * (median(after) - median(before)) if after else float("inf")


def _id(title: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in title).split())
