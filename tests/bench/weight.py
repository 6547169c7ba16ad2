"""The part about what a call weighs, in an echo and without; beside Chromium."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Self

from appliance.media.pcm import RATE
from tests.bench import weigh
from tests.bench.acoustics import ROOM
from tests.bench.chromium import executable
from tests.bench.ear import read
from tests.bench.line import Plan
from tests.bench.processes import ROOT, bare_service, report
from tests.bench.room import ROOMS, spoken
from tests.bench.rows import Row
from tests.bench.sound import CHROMIUM, LISTENING_S, QUESTIONS, SECONDS, speech_file
from tests.processes import daemon

HEADPHONES, WITHOUT = "ours without an echo", "ours without canceller"
CANCELLERS: Mapping[str, str] = {HEADPHONES: "webrtc", WITHOUT: "none"}  # audio.echo
CALLS = 2  # of each kind, in turn
PIPE_BYTES = 1 << 20  # more than is said in a piece
PIECE_S = 1.0


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
            in_room: dict[str, list[Load]] = {}
            for _ in range(CALLS):
                for who, echo in CANCELLERS.items():
                    calls.setdefault(who, []).append(await _ours(url, speech, echo))
                    in_room.setdefault(who, []).append(await _room(url, speech, echo))
                if executable() is not None:
                    calls.setdefault(CHROMIUM, []).append(await _chromium(url, speech, folder))
    return rows_of(_each(calls), _each(in_room))


def _each(calls: Mapping[str, Sequence[Load]]) -> dict[str, Load]:
    return {who: Load.of(loads) for who, loads in calls.items()}


def rows_of(loads: Mapping[str, Load], in_room: Mapping[str, Load]) -> list[Row]:
    """Return the rows of calls with headphones (Chromium's is one), and in a simulated room.

    The room is computed in our process, for both calls in it: what they differ by is what the
    canceller takes in an echo. It is added to the call that has neither room nor canceller.
    Raises ValueError if it is not more than nothing: then something else used the processor.
    """
    cancelling = in_room[HEADPHONES].cpu - in_room[WITHOUT].cpu
    if cancelling <= 0:
        raise ValueError(
            f"weight.cpu could not be measured: the canceller took {cancelling:.2f} CPU-s of a "
            "minute. Measure again while the computer does nothing else."
        )
    cpu = {who: load.cpu for who, load in loads.items()}
    resident = {who: load.resident for who, load in loads.items() if who != HEADPHONES}
    peak = {who: load.peak for who, load in loads.items() if who != HEADPHONES}
    half = loads[CHROMIUM].cpu / 2 if CHROMIUM in loads else None
    ours = loads[HEADPHONES]
    return [
        Row(
            "weight.cpu",
            "a minute of call, canceller on, in an echo",
            "CPU-s",
            cpu[WITHOUT] + cancelling,
            half,
            cpu,
        ),
        Row(
            "weight.memory", "resident in a call, canceller on", "MB", ours.resident, 115, resident
        ),
        Row("weight.peak", "resident at most, canceller on", "MB", ours.peak, 115, peak),
    ]


async def _ours(url: str, speech: Path, echo: str) -> Load:
    """Call with headphones."""
    return await _load(url, [f"audio.input_file={speech}", f"audio.echo={echo}"])


async def _room(url: str, speech: Path, echo: str) -> Load:
    """Call where the microphone hears the speaker, and a person who is there."""
    pipe = speech.with_name(f"person-{echo}")
    pipe.unlink(missing_ok=True)  # that of the call before
    os.mkfifo(pipe)
    room = ROOMS["nominal"]
    around = {ROOM: json.dumps(asdict(room)), "PYTHONPATH": str(ROOT)}
    said = spoken(room, await asyncio.to_thread(read, speech) / 32768).tobytes()
    settings = [f"audio.input_file={pipe}", f"audio.echo={echo}"]
    return await _load(url, settings, around, "tests.bench.roomed", (pipe, said))


async def _load(
    url: str,
    settings: list[str],
    environment: Mapping[str, str] | None = None,
    module: str = "appliance",
    person: tuple[Path, bytes] | None = None,
) -> Load:
    async with (
        daemon(url, settings, environment, module=module) as appliance,
        asyncio.TaskGroup() as tasks,
    ):
        await appliance.control.call()
        saying = tasks.create_task(_say(*person), name="person") if person else None
        used = weigh.cpu(appliance.pid)
        await asyncio.sleep(SECONDS)
        load = Load(
            (weigh.cpu(appliance.pid) - used) * 60 / SECONDS,
            weigh.resident(appliance.pid),
            weigh.peak(appliance.pid),
        )
        if saying is not None:
            saying.cancel()
        await appliance.control.hang_up()
    return load


async def _say(path: Path, said: bytes) -> None:
    """Say it into the pipe, piece by piece. Raises RuntimeError if nobody takes it out."""
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl(pipe, F_SETPIPE_SZ, PIPE_BYTES)
        size = 2 * round(PIECE_S * RATE)
        for at in range(0, len(said), size):
            piece = said[at : at + size]
            if _written(pipe, piece) < len(piece):  # samples would be cut in two
                raise RuntimeError("The room does not read what the person says.")
            await asyncio.sleep(PIECE_S)
    finally:
        os.close(pipe)


def _written(pipe: int, piece: bytes) -> int:
    try:
        return os.write(pipe, piece)
    except BlockingIOError:  # the pipe is full
        return 0


async def _chromium(url: str, speech: Path, folder: Path) -> Load:
    page = (sys.executable, "-m", "tests.bench.chromium", url, str(speech))
    files = (str(folder / "near.wav"), str(folder / "far.wav"))
    found = await report(*page, *files, str(SECONDS), "clean")
    return Load(found["call_cpu"] * 60 / SECONDS, found["resident"], found["peak"])
