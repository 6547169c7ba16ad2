"""The part about what a call weighs, in an echo and without; beside Chromium."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Self

from tests.bench import weigh
from tests.bench.chromium import executable
from tests.bench.line import Plan
from tests.bench.processes import ROOT, bare_service, report
from tests.bench.rows import Row
from tests.bench.sound import CHROMIUM, LISTENING_S, QUESTIONS, SECONDS, speech_file
from tests.processes import daemon

OURS, HEADPHONES, WITHOUT = "ours", "ours without an echo", "ours without canceller"
# The module that is run, and audio.echo.
KINDS: Mapping[str, tuple[str, str]] = {
    OURS: ("tests.bench.echoing", "webrtc"),
    HEADPHONES: ("appliance", "webrtc"),
    WITHOUT: ("appliance", "none"),
}
CALLS = 3  # of each kind, in turn


@dataclass(frozen=True, slots=True)
class Load:
    """What a call took: CPU seconds in a minute; MB at its end, and at most since the start."""

    cpu: float
    resident: float
    peak: float

    @classmethod
    def of(cls, calls: Sequence[Self]) -> Self:
        """Return that of several calls: the CPU in the middle, the most memory."""
        return cls(
            median(call.cpu for call in calls),
            max(call.resident for call in calls),
            max(call.peak for call in calls),
        )


async def weight() -> list[Row]:
    """What a call in which both sides talk takes of the machine, with the echo canceller on."""
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        folder = Path(name)
        answers = await asyncio.to_thread(speech_file, folder / "answers.wav")
        speech = await asyncio.to_thread(speech_file, folder / "speech.wav", QUESTIONS, LISTENING_S)
        async with bare_service() as (url, log):
            log.command("line", plan=asdict(Plan(carries=str(answers))))
            calls: dict[str, list[Load]] = {}
            for _ in range(CALLS):
                for who, (module, echo) in KINDS.items():
                    settings = [f"audio.input_file={speech}", f"audio.echo={echo}"]
                    calls.setdefault(who, []).append(await _ours(url, module, settings))
                if executable() is not None:
                    calls.setdefault(CHROMIUM, []).append(await _chromium(url, speech, folder))
    return rows_of({who: Load.of(loads) for who, loads in calls.items()})


def rows_of(loads: Mapping[str, Load]) -> list[Row]:
    """Return the rows of these calls. Chromium's is one with headphones."""
    ours = loads[OURS]
    others = {who: load for who, load in loads.items() if who != OURS}
    resident = {who: load.resident for who, load in others.items()}
    peak = {who: load.peak for who, load in others.items()}
    cpu = {who: load.cpu for who, load in others.items()}
    half = loads[CHROMIUM].cpu / 2 if CHROMIUM in loads else None
    minute = "a minute of call, canceller on, in an echo"
    return [
        Row("weight.cpu", minute, "CPU-s", ours.cpu, half, cpu),
        Row(
            "weight.memory", "resident in a call, canceller on", "MB", ours.resident, 115, resident
        ),
        Row("weight.peak", "resident at most, canceller on", "MB", ours.peak, 115, peak),
    ]


async def _ours(url: str, module: str, settings: list[str]) -> Load:
    around = {"PYTHONPATH": str(ROOT)}
    async with daemon(url, settings, around, module=module) as appliance:
        await appliance.control.call()
        used = weigh.cpu(appliance.pid)
        await asyncio.sleep(SECONDS)
        load = Load(
            (weigh.cpu(appliance.pid) - used) * 60 / SECONDS,
            weigh.resident(appliance.pid),
            weigh.peak(appliance.pid),
        )
        await appliance.control.hang_up()
    return load


async def _chromium(url: str, speech: Path, folder: Path) -> Load:
    page = (sys.executable, "-m", "tests.bench.chromium", url, str(speech))
    files = (str(folder / "near.wav"), str(folder / "far.wav"))
    found = await report(*page, *files, str(SECONDS), "clean")
    return Load(found["call_cpu"] * 60 / SECONDS, found["resident"], found["peak"])
