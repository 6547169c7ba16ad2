"""The part about the whole loop: spoken turns in a simulated room, with and without canceller."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from fcntl import F_SETPIPE_SZ, fcntl
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from appliance.console.views import EventView, LineView, MarkView
from appliance.emulator.voice import user_utterance
from appliance.media.pcm import RATE
from tests.bench import room as rooms
from tests.bench.acoustics import ROOM
from tests.bench.processes import ROOT, measured_code
from tests.bench.room import Room
from tests.bench.rows import Row, kept, kept_state, unfinished
from tests.processes import PATIENCE, Daemon, daemon, stop

TURNS: Final = 100
PIPE_BYTES: Final = 1 << 20  # holds a sentence of ten seconds
ANSWER_S: Final = 9.0  # from the end of a sentence until its answer is there
SPOKEN_S: Final = 12.0  # until an answer has been spoken
COUNTING_S: Final = 1.5  # of the long answer before a person cuts in
SENTENCE_S: Final = (-0.05, 0.7)  # from a sentence's begin and end: so long it is heard
WITHOUT: Final = "canceller off"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person says, and what an answer to it has in it. `cuts_in`: into the answer before."""

    words: str
    answer: str
    cuts_in: bool = False


# A call. The emulator's recogniser understands each of these in this room whenever the machine is
# silent, through canceller and codec: what it does not understand here, the echo is to blame for.
SCRIPT: Final = (
    Turn("What time is it?", r"It is \d"),
    Turn("Tell me a joke.", r"button"),
    Turn("What is your name?", r"emulator"),
    Turn("Count from one to thirty.", r"^One\. Two\."),
    Turn("Be quiet.", r"All right", cuts_in=True),
    Turn("What is your name?", r"emulator"),
    Turn("Hello, good morning.", r"How can I help"),
    Turn("Count from one to thirty.", r"^One\. Two\."),
    Turn("What time is it?", r"It is \d", cuts_in=True),
    Turn("Thank you.", r"welcome"),
)
WITHOUT_SCRIPT: Final = SCRIPT[:2]  # in every other call: enough to see what becomes of them


@dataclass(slots=True)
class Count:
    """Turns that were spoken, and what went wrong in them.

    `missed`: not understood and answered though the machine was silent; `drowned`: though the
    person cut in;
    `own`: interruptions by itself.
    """

    turns: int = 0
    missed: int = 0
    drowned: int = 0
    own: int = 0


@dataclass(slots=True)
class Story:
    """What the appliance told, in order."""

    marks: list[MarkView] = field(default_factory=list)
    lines: list[LineView] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, appliance: Daemon) -> None:
        """Take in what is told, until the appliance ends."""
        async with aclosing(appliance.control.events()) as events:
            async for event in events:
                self.take(event)

    def take(self, event: EventView) -> None:
        """Take in one event."""
        if isinstance(event, MarkView):
            self.marks.append(event)
        elif isinstance(event, LineView):
            self.lines.append(event)
        self._news.set()

    async def until(self, holds: Callable[[], bool], limit: float) -> bool:
        """Wait until it holds; whether it did in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        return holds()

    def answers(self, since: int, words: str) -> list[LineView]:
        """Return the assistant's lines since then that match, as they are by now."""
        matching = {
            line.item_id
            for line in self.lines[since:]
            if line.role == "assistant" and re.search(words, line.text, re.IGNORECASE)
        }
        newest = {line.item_id: line for line in self.lines}
        return [line for ident, line in newest.items() if ident in matching]

    def marked(self, name: str, since: int) -> bool:
        """Whether this has happened since then."""
        return any(mark.name == name for mark in self.marks[since:])

    def last(self, role: str) -> str:
        """Return what somebody said last."""
        said = [line.text for line in self.lines if line.role == role]
        return said[-1] if said else ""

    @property
    def speaking(self) -> bool:
        """Whether the assistant's voice is being played."""
        names = [m.name for m in self.marks if m.name in {"playback_started", "playback_stopped"}]
        return names[-1:] == ["playback_started"]


def by_itself(marks: Sequence[MarkView], sentences: Sequence[tuple[float, float]]) -> int:
    """Return how often somebody was heard while no person spoke (begin and end of sentences, s)."""
    before, after = SENTENCE_S
    return sum(
        not any(begin + before <= mark.at <= end + after for begin, end in sentences)
        for mark in marks
        if mark.name == "speech_started"
    )


async def turns() -> AsyncIterator[list[Row]]:
    """A hundred spoken turns in a simulated room, and some with the canceller off."""
    ours, without = _counted_so_far()
    async with _emulator() as url:
        while ours.turns < TURNS:
            walls = ours.turns // len(SCRIPT)
            room = rooms.others(rooms.ROOMS["nominal"], walls + 1)[-1]
            if walls % 2 == 0:
                await _call(url, "none", room, WITHOUT_SCRIPT, without)
            await _call(url, "webrtc", room, SCRIPT, ours)
            print(f"  {ours.turns} of {TURNS} turns: {ours}; {WITHOUT}: {without}", flush=True)
            yield rows_of(ours, without)


def rows_of(ours: Count, without: Count) -> list[Row]:
    """Return what was counted so far."""

    def row(name: str, measure: str, goal: float | None = None, least: float | None = None) -> Row:
        value, other = (float(getattr(count, name)) for count in (ours, without))
        return Row(f"turns.{name}", measure, "", value, goal, {WITHOUT: other}, least)

    return [
        row("turns", "spoken turns in a simulated room", least=TURNS),
        row("missed", "of these, said to a silent machine, not understood and answered", 0),
        row("drowned", "of these, said into its answer, not understood and answered", 0),
        row("own", "interruptions by itself in these", 0),
    ]


def _counted_so_far() -> tuple[Count, Count]:
    """Return the counts of a run that was stopped, if it was of the same code."""
    ours, without = Count(), Count()
    if kept_state("turns") == unfinished(measured_code()):
        for row in kept("turns"):
            name = row["id"].removeprefix("turns.")
            setattr(ours, name, int(row["ours"]))
            setattr(without, name, int(row["against"][WITHOUT]))
    return ours, without


async def _call(url: str, echo: str, room: Room, script: Sequence[Turn], count: Count) -> None:
    """Call and speak through the script."""
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        pipe = Path(name) / "person"
        os.mkfifo(pipe)
        settings = [
            f"audio.input_file={pipe}",
            f"audio.echo={echo}",
            'tools.disabled=["end_call"]',  # the call ends when we say so, whatever is understood
        ]
        around = {ROOM: json.dumps(asdict(room)), "PYTHONPATH": str(ROOT)}
        story, person = Story(), Person(pipe, room)
        async with (
            daemon(url, settings, around, module="tests.bench.roomed") as appliance,
            asyncio.TaskGroup() as tasks,
        ):
            following = tasks.create_task(story.follow(appliance), name="story")
            await appliance.control.call()
            await story.until(lambda: story.marked("playback_stopped", 0), SPOKEN_S)
            for turn, then in zip_longest(script, script[1:]):
                understood = await _spoken(turn, then, story, person)
                count.turns += 1
                count.missed += not understood and not turn.cuts_in
                count.drowned += not understood and turn.cuts_in
                if not understood:
                    print(f"    {turn.words} -> {story.last('user')} ({echo})", flush=True)
            await appliance.control.hang_up()
            following.cancel()
        count.own += by_itself(story.marks, person.sentences)


async def _spoken(turn: Turn, then: Turn | None, story: Story, person: "Person") -> bool:
    """Say it and wait until it is time for what is said then.

    Return whether the right answer came and, unless the person cuts in, was spoken to its end.
    """
    since = len(story.lines)
    await person.say(turn.words)
    answered = await story.until(lambda: bool(story.answers(since, turn.answer)), ANSWER_S)
    if then is not None and then.cuts_in:
        await story.until(lambda: story.speaking, SPOKEN_S)
        await asyncio.sleep(COUNTING_S)
        return answered
    if answered:  # its words are there before its sound, of which there may be two parts
        told = len(story.marks)
        await story.until(lambda: story.marked("playback_stopped", told), SPOKEN_S)
    else:
        await story.until(lambda: not story.speaking, SPOKEN_S)
    return any(not line.interrupted for line in story.answers(since, turn.answer))


class Person:
    """Somebody in the room; `sentences`: when each one said began and ended."""

    def __init__(self, pipe: Path, room: Room) -> None:
        self._pipe = pipe
        self._room = room
        self.sentences: list[tuple[float, float]] = []

    async def say(self, words: str) -> None:
        """Say it; returns when it is said."""
        sound = np.frombuffer(user_utterance(words), "<i2").astype(float) / 32768
        there = rooms.spoken(self._room, sound)
        began = time.monotonic()
        pipe = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl(pipe, F_SETPIPE_SZ, PIPE_BYTES)
            os.write(pipe, there.tobytes())
            await asyncio.sleep(len(there) / RATE)
        finally:
            os.close(pipe)
        self.sentences.append((began, time.monotonic()))


@asynccontextmanager
async def _emulator() -> AsyncIterator[str]:
    """Run the emulator as a process; its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance.emulator", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
        yield line.decode().split()[-1]
    finally:
        await stop(process)
