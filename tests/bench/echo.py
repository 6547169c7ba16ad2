"""The part about echo: simulated rooms, in which the machine talks and a person cuts in."""

import asyncio
import os
import wave
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import TypeVar

from appliance.media.pcm import RATE
from tests.bench import room as rooms
from tests.bench.candidates import CANCELLERS
from tests.bench.cut_in import PHRASES as CUT_IN_PHRASES
from tests.bench.cut_in import cut_in, word_count
from tests.bench.room import Room
from tests.bench.rows import Row
from tests.bench.scenes import (
    ALONE_S,
    ASSISTANT,
    COUNTED_S,
    HEARD_WITHIN,
    INTELLIGIBLE,
    Outcome,
    Samples,
    answers_alone,
    outcome,
    refused_after,
    talks_alone,
)
from tests.bench.sound import scored

T = TypeVar("T")

WALLS = 3  # rooms of each kind
CUTS_IN = WALLS * len(rooms.INTERRUPTIONS)  # in each kind of room
ALONE_SCENES = 9  # more of the live room, in which nobody cuts in: together half an hour
ANSWERING = ("nominal", "loud", "reverb")  # in which it answers shortly, and pauses
# Somebody turns the loudspeaker's own volume while only the machine talks.
TURNED = ("nominal", "loud", "reverb")
TURNS = tuple(((13.0, by), (19.0, -by), (66.0, by), (75.0, -by)) for by in (-6.0, 6.0))
TOO_FAR_APART = 3000.0  # ppm; such clocks are refused
REFUSED_WITHIN = 20.0  # s
ERLE_GOALS = {"distorted": 40.0, "drift 300 ppm": 40.0, "six xruns": 40.0, "delay jumps": 35.0}
ERLE_GOAL = 50.0
LATENCY_GOAL = 250.0  # ms
STOI_GOAL = 0.75
CUT_IN = ("nominal", "loud", "reverb")  # in which words said into the machine's are recognised
CUT_IN_WALLS = 2
SILENT = "machine silent"


async def echo() -> list[Row]:
    """What of the machine's own voice gets through, and what of a person's, in eleven rooms."""
    jobs = [
        (name, kind, room)
        for kind, one in rooms.ROOMS.items()
        for room in rooms.others(one, WALLS)
        for name in CANCELLERS
    ]
    outcomes = await _of_each(outcome, jobs)
    results: dict[tuple[str, str], list[Outcome]] = {}
    for (name, kind, _), found in zip(jobs, outcomes, strict=True):
        results.setdefault((kind, name), []).append(found)
    rows = [row for kind in rooms.ROOMS for row in _rows(kind, results)]
    for kind in INTELLIGIBLE:
        heard = {name: results[kind, name] for name in CANCELLERS}
        rows.append(await asyncio.to_thread(_intelligible, kind, heard))
    withheld = [each.open_erle or 0.0 for each in results["nominal", "ours"]]
    text = "ERLE, nominal, of what is heard and of what is withheld"
    rows.append(Row("echo.open", text, "dB", min(withheld), None))
    rows.append(await _misheard())
    return [*rows, await _own(results), await _answering(), await _turned(), await _refused()]


async def _of_each(job: Callable[..., T], arguments: Iterable[tuple[object, ...]]) -> list[T]:
    """Return the results of a job for each of its arguments, a process for each processor."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = [pool.submit(job, *each) for each in arguments]
        return [await asyncio.wrap_future(result) for result in results]


async def _own(results: Mapping[tuple[str, str], Sequence[Outcome]]) -> Row:
    """Return how often the machine interrupted itself in these rooms, and alone in a live one."""
    own = dict.fromkeys(CANCELLERS, 0.0)
    for (_, name), outcomes in results.items():
        own[name] += sum(each.own for each in outcomes)
    live = rooms.others(replace(rooms.ROOMS["reverb"], seed=57), ALONE_SCENES)
    alone = await _of_each(talks_alone, [(room,) for room in live])
    others = len(rooms.ROOMS) * WALLS * COUNTED_S / 60
    ours = others + ALONE_SCENES * ALONE_S / 60
    text = f"interruptions by itself in {ours:.0f} minutes of all rooms (others: {others:.0f})"
    return Row("echo.own", text, "times", own.pop("ours") + sum(alone), 0, own)


async def _answering() -> Row:
    """Return how often the machine interrupts itself with short answers, from the first one on."""
    walls = [room for kind in ANSWERING for room in rooms.others(rooms.ROOMS[kind], WALLS)]
    jobs = [(name, room) for name in CANCELLERS for room in walls]
    own = dict.fromkeys(CANCELLERS, 0.0)
    for (name, _), found in zip(jobs, await _of_each(answers_alone, jobs), strict=True):
        own[name] += found
    minutes = len(walls) * rooms.LENGTH / 60
    text = f"interruptions by itself in {minutes:.0f} minutes of short answers"
    return Row("echo.answers", text, "times", own.pop("ours"), 0, own)


async def _turned() -> Row:
    """Return how often the machine interrupts itself when somebody turns the loudspeaker."""
    jobs = [
        (name, kind, replace(rooms.ROOMS[kind], turns=turns))
        for name in CANCELLERS
        for kind in TURNED
        for turns in TURNS
    ]
    own = dict.fromkeys(CANCELLERS, 0.0)
    for (name, *_), found in zip(jobs, await _of_each(outcome, jobs), strict=True):
        own[name] += found.own
    times = len(TURNED) * sum(map(len, TURNS))
    text = f"interruptions by itself, the loudspeaker's own volume turned by 6 dB {times} times"
    return Row("echo.turned", text, "times", own.pop("ours"), None, own)


async def _refused() -> Row:
    """Return after what time clocks that are too far apart are refused."""
    room = replace(rooms.ROOMS["nominal"], drift=TOO_FAR_APART)
    (after,) = await _of_each(refused_after, [(room,)])
    text = f"clocks {TOO_FAR_APART:g} ppm apart to their refusal"
    return Row("echo.refused", text, "s", after, REFUSED_WITHIN)


async def _misheard() -> Row:
    """Return how many words of people who cut in are not understood."""
    walls = [room for kind in CUT_IN for room in rooms.others(rooms.ROOMS[kind], CUT_IN_WALLS)]
    jobs = [(name, room) for name in (*CANCELLERS, SILENT) for room in walls]
    wrong = dict.fromkeys((*CANCELLERS, SILENT), 0.0)
    for (name, _), found in zip(jobs, await _of_each(_wrong_words, jobs), strict=True):
        wrong[name] += found
    words = len(walls) * sum(map(word_count, CUT_IN_PHRASES))
    text = f"words said into the machine's, of {words}, not understood"
    return Row("echo.words", text, "", wrong.pop("ours"), None, wrong)


def _wrong_words(name: str, room: Room) -> int:
    canceller = CANCELLERS["ours" if name == SILENT else name]()
    heard = cut_in(canceller, room, "" if name == SILENT else ASSISTANT)
    return sum(understood.wrong for understood in heard)


def _rows(kind: str, results: Mapping[tuple[str, str], Sequence[Outcome]]) -> list[Row]:
    ident = "".join(c if c.isalnum() else "_" for c in kind)
    found = {name: results[kind, name] for name in CANCELLERS}

    def of(measure: Callable[[Sequence[Outcome]], float]) -> tuple[float, dict[str, float]]:
        ours, *rest = ((name, measure(found[name])) for name in CANCELLERS)
        return ours[1], dict(rest)

    goal = ERLE_GOALS.get(kind, ERLE_GOAL if kind == "nominal" else None)
    erle, erles = of(lambda outcomes: min(o.erle for o in outcomes))
    missed, misses = of(lambda outcomes: sum(x is None for o in outcomes for x in o.latencies))
    late, lates = of(_latency)
    return [
        Row(f"echo.erle.{ident}", f"ERLE, {kind}", "dB", erle, None, erles, at_least=goal),
        Row(
            f"echo.missed.{ident}",
            f"interruptions missed of {CUTS_IN}, {kind}",
            "",
            missed,
            0,
            misses,
        ),
        Row(
            f"echo.latency.{ident}",
            f"interruption to speech heard, {kind}, median",
            "ms",
            late,
            LATENCY_GOAL,
            lates,
        ),
    ]


def _intelligible(kind: str, found: Mapping[str, Sequence[Outcome]]) -> Row:
    """Return how well a person is understood while the machine talks, and is turned down."""
    pairs = [
        (name, pair) for name, outcomes in found.items() for o in outcomes for pair in o.phrases
    ]
    with TemporaryDirectory(prefix="voice-appliance-bench-") as folder:
        paths = [
            tuple(_written(Path(folder) / f"{n}-{m}.wav", sound) for m, sound in enumerate(pair))
            for n, (_, pair) in enumerate(pairs)
        ]
        scores = scored([(said, heard) for said, heard in paths])
    stoi: dict[str, list[float]] = {}
    for (name, _), score in zip(pairs, scores, strict=True):
        stoi.setdefault(name, []).append(score["stoi"])
    ours, *rest = ((name, fmean(values)) for name, values in stoi.items())
    text = f"STOI of the person while both speak, {kind}"
    return Row(f"echo.stoi.{kind}", text, "", ours[1], None, dict(rest), at_least=STOI_GOAL)


def _written(path: Path, sound: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.tobytes())
    return path


def _latency(outcomes: Sequence[Outcome]) -> float:
    """Return the median in ms; what was missed counts as heard at the end of its window."""
    return 1000 * median(x or HEARD_WITHIN for o in outcomes for x in o.latencies)
