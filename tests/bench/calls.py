"""The parts about a call's beginning and its interruptions, beside stock aiortc and Chromium."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeAlias

from appliance.media.pcm import RATE, wav_header
from tests.bench import weigh
from tests.bench.blocks import (
    Played,
    Silence,
    Watch,
    first_tone,
    high,
    silences,
    tone_gone,
    watching,
)
from tests.bench.chromium import executable
from tests.bench.ear import read
from tests.bench.line import Plan
from tests.bench.processes import Log, bare_service, report
from tests.bench.rows import Row
from tests.processes import Daemon, daemon

CALLS = 10
INTERRUPTIONS = 60
PRESSES = 20
TONE_S = (0.60, 0.70)  # shortest and longest time of the tone before an interruption
PAUSE_S = 0.50  # after it
STAY_S = INTERRUPTIONS * (TONE_S[1] + PAUSE_S) + 2.0  # how long the others stay in that call
FIRST_S = 1.5  # the same, in a call whose first sound is waited for

STOCK, CHROMIUM = "stock aiortc", "Chromium"
MODULES: Mapping[str, str] = {STOCK: "stock", CHROMIUM: "chromium"}
Meeting: TypeAlias = Callable[[], Awaitable[None]]  # what happens in a call that is up


@dataclass(frozen=True, slots=True)
class Call:
    """Moments at which the offer arrived at the service and the data channel opened; MB."""

    offered: float
    opened: float
    played: Played
    resident: float

    @property
    def channel(self) -> float:
        """From the offer to the open data channel, ms."""
        return 1000 * (self.opened - self.offered)

    @property
    def first(self) -> float:
        """From the offer to the first sound of the service at the speaker, ms."""
        return 1000 * first_tone(self.played, self.offered)


async def dial(appliance: Daemon, log: Log) -> tuple[float, float]:
    """Press; return when the offer arrived and when the data channel opened. The call is up."""
    await appliance.control.call(wait=False)
    offered = float((await log.next("offer"))["at"])
    opened = float((await log.next("channel"))["at"])
    await appliance.control.call()
    return offered, opened


async def call() -> list[Row]:
    """How fast a call comes up and sounds, beside a stock aiortc call, and its memory."""
    posts: list[float] = []
    calls: dict[str, list[Call]] = {"ours": [], **{who: [] for who in _others()}}
    async with _meeting_place() as place:
        for _ in range(CALLS):
            pressed = time.monotonic()
            calls["ours"].append(await place.ours(_stay))
            posts.append(1000 * (calls["ours"][-1].offered - pressed))
            for who in _others():
                calls[who].append(await place.other(who, FIRST_S, _nothing))
    channel = {who: median(call.channel for call in made) for who, made in calls.items()}
    first = {who: median(call.first for call in made) for who, made in calls.items()}
    memory = {who: max(call.resident for call in calls[who]) for who in ("ours", STOCK)}
    quick = min(channel[STOCK] + 10, channel.get(CHROMIUM, float("inf")))
    soon = min(value for who, value in first.items() if who != "ours")
    return [
        Row("call.post", "press to offer posted, median", "ms", median(posts), 30),
        _row("call.channel", "offer posted to data channel open, median", channel, quick),
        _row("call.first", "offer posted to first sound at the speaker, median", first, soon),
        Row(
            "call.memory",
            "resident in a call, most",
            "MB",
            memory.pop("ours"),
            90,
            memory,
        ),
    ]


async def interrupt() -> list[Row]:
    """How soon the speaker is silent when the service, or a press, says that it was interrupted."""
    heard: dict[str, list[Silence]] = {}
    async with _meeting_place() as place:
        for who in ("ours", *_others()):
            moments: list[float] = []

            async def cut_in(moments: list[float] = moments) -> None:
                await _interrupted(place.log, moments)

            if who == "ours":
                made = await place.ours(cut_in)
            else:
                made = await place.other(who, STAY_S, cut_in)
            heard[who] = silences(made.played, moments)
        pressed = [1000 * await place.pressed() for _ in range(PRESSES)]
    late = {who: [1000 * each.after for each in found] for who, found in heard.items()}
    broken = {who: float(sum(each.broken for each in found)) for who, found in heard.items()}
    what = f"interruption sent to silence at the speaker, {INTERRUPTIONS} times"
    again = "silences after an interruption in which something was heard again"
    return [
        _row("interrupt.median", f"{what}, median", {who: median(late[who]) for who in late}),
        _row(
            "interrupt.p99", f"{what}, 99th percentile", {who: high(late[who]) for who in late}, 40
        ),
        _row("interrupt.broken", again, broken, 0, unit="times"),
        *_of_ours("speech", "speech_started", await _speech_started()),
        *_of_ours("press", "press to hang up", pressed),
    ]


async def _speech_started() -> list[float]:
    """Return how soon the speaker was silent, ms, where `speech_started` is to stop it."""
    moments: list[float] = []
    async with _meeting_place(["call.barge_in=speech_started"]) as place:
        made = await place.ours(lambda: _interrupted(place.log, moments, "hear", "speaking"))
    return [1000 * each.after for each in silences(made.played, moments)]


async def _interrupted(
    log: Log, moments: list[float], how: str = "interrupt", told: str = "interrupted"
) -> None:
    """Interrupt the tone again and again, at no particular moment of a packet or a block.

    `how`: what the service is to do. `told`: what it writes down then.
    """
    rng = random.Random(1)  # noqa: S311 - the same moments each time
    for _ in range(INTERRUPTIONS):
        log.command("talk")
        await asyncio.sleep(rng.uniform(*TONE_S))
        log.command(how)
        moments.append(float((await log.next(told))["at"]))
        await asyncio.sleep(PAUSE_S)


class _MeetingPlace:
    """A service that sends a tone, and all who call it."""

    def __init__(self, url: str, log: Log, appliance: Daemon, watch: Watch, folder: Path) -> None:
        self.log = log
        self._url = url
        self._appliance = appliance
        self._watch = watch
        self._far = folder / "far.wav"
        self._near = folder / "near.wav"
        self._silence = folder / "silence.wav"
        second = bytes(2 * RATE)
        self._silence.write_bytes(wav_header(len(second)) + second)

    async def ours(self, meeting: Meeting) -> Call:
        offered, opened = await dial(self._appliance, self.log)
        await meeting()
        resident = weigh.resident(self._appliance.pid)
        await self._appliance.control.hang_up()
        sound = await asyncio.to_thread(read, self._appliance.speaker)
        return Call(offered, opened, Played(sound, self._watch.out), resident)

    async def pressed(self) -> float:
        """Hang up while the tone sounds; return how soon it was gone, s."""
        await dial(self._appliance, self.log)
        await _stay()
        moment = time.monotonic()
        await self._appliance.control.hang_up()
        sound = await asyncio.to_thread(read, self._appliance.speaker)
        return tone_gone(Played(sound, self._watch.out), moment)

    async def other(self, who: str, seconds: float, meeting: Meeting) -> Call:
        files = {
            STOCK: (self._silence, self._far),
            CHROMIUM: (self._silence, self._near, self._far),
        }
        words = [f"tests.bench.{MODULES[who]}", self._url, *map(str, files[who]), str(seconds)]
        async with asyncio.TaskGroup() as tasks:
            calling = tasks.create_task(report(sys.executable, "-m", *words), name=who)
            offered = float((await self.log.next("offer"))["at"])
            opened = float((await self.log.next("channel"))["at"])
            await meeting()
        told = calling.result()
        sound = await asyncio.to_thread(read, self._far)
        return Call(offered, opened, Played(sound, told["out"]), float(told["resident"]))


@asynccontextmanager
async def _meeting_place(settings: Sequence[str] = ()) -> AsyncIterator[_MeetingPlace]:
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        async with (
            bare_service() as (url, log),
            daemon(url, settings) as appliance,
            watching(appliance.speaker) as watch,
        ):
            log.command("line", plan=asdict(Plan(carries="tone")))
            yield _MeetingPlace(url, log, appliance, watch, Path(name))


def _others() -> list[str]:
    return [STOCK] if executable() is None else [STOCK, CHROMIUM]


async def _stay() -> None:
    await asyncio.sleep(FIRST_S)


async def _nothing() -> None:
    """They leave by themselves."""


def _of_ours(ident: str, what: str, late: Sequence[float]) -> list[Row]:
    measure = f"{what} to silence at the speaker, {len(late)} times"
    return [
        Row(f"interrupt.{ident}", f"{measure}, median", "ms", median(late)),
        Row(f"interrupt.{ident}_p99", f"{measure}, 99th percentile", "ms", high(late), 40),
    ]


def _row(
    ident: str,
    measure: str,
    found: Mapping[str, float],
    goal: float | None = None,
    unit: str = "ms",
) -> Row:
    others = {who: value for who, value in found.items() if who != "ours"}
    return Row(ident, measure, unit, found["ours"], goal, others)
