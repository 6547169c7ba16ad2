"""The part about other products, as clients of the same service by WebSocket."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench import weigh
from tests.bench.calls import dial
from tests.bench.line import Plan
from tests.bench.processes import ROOT, Log, bare_service, report
from tests.bench.rows import Row
from tests.bench.session import SECONDS
from tests.bench.sound import OURS, speech_file
from tests.processes import daemon

RIVALS = ("openai_agents", "livekit_agents", "pipecat_ai")
RIVAL_PYTHON = ROOT / ".venv-rivals" / "bin" / "python"
MEASURES: Mapping[str, tuple[str, str, float]] = {  # of what is told: measure, unit, times
    "minute": ("a minute of session", "CPU-s", 1),
    "resident": ("resident in a session", "MB", 1),
    "peak": ("resident at most in a session", "MB", 1),
    "connect": ("dial to session", "ms", 1000),
}
IDS: Mapping[str, str] = {"minute": "cpu", "resident": "memory"}


async def rivals() -> list[Row]:
    """Other products as WebSocket clients of the same service; they have no WebRTC call."""
    told: dict[str, Mapping[str, float]] = {}
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        speech = await asyncio.to_thread(speech_file, Path(name, "speech.wav"))
        async with bare_service() as (url, log):
            for rival in RIVALS:
                script = Path("tests", "bench", "rivals", f"{rival}.py")
                words = (str(RIVAL_PYTHON), str(script), url, str(speech))
                told[rival] = await report(*words, env={"PYTHONPATH": str(ROOT)})
            log.command("line", plan=asdict(Plan(carries=str(speech))))
            told[OURS] = await _ours(url, log, speech)
    return rows_of(told)


def rows_of(told: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return the rows of what each client told of itself."""
    rows = []
    for name, (measure, unit, times) in MEASURES.items():
        found = {who: times * each[name] for who, each in told.items()}
        ours = found.pop(OURS)
        rows.append(Row(f"rivals.{IDS.get(name, name)}", measure, unit, ours, None, found))
    return rows


async def _ours(url: str, log: Log, speech: Path) -> Mapping[str, float]:
    """Call while both sides talk."""
    async with daemon(url, [f"audio.input_file={speech}"]) as appliance:
        began = time.monotonic()
        await dial(appliance, log)
        connect = time.monotonic() - began
        used = weigh.cpu(appliance.pid)
        await asyncio.sleep(SECONDS)
        found = {
            "minute": (weigh.cpu(appliance.pid) - used) * 60 / SECONDS,
            "resident": weigh.resident(appliance.pid),
            "peak": weigh.peak(appliance.pid),
            "connect": connect,
        }
        await appliance.control.hang_up()
    return found
