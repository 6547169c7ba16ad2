"""The part about the whole loop: spoken turns in a simulated room, with and without canceller."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from fcntl import F_SETPIPE_SZ, fcntl
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from appliance.emulator.voice import user_utterance
from appliance.media.pcm import RATE
from tests.bench import room as rooms
from tests.bench.acoustics import ROOM
from tests.bench.processes import ROOT, emulator, measured_code
from tests.bench.room import Room
from tests.bench.rows import Row, kept, kept_state, unfinished
from tests.bench.talk import SPOKEN_S, Story, Turn, by_itself, spoken
from tests.processes import daemon

TURNS: Final = 100
PIPE_BYTES: Final = 1 << 20  # holds a sentence of ten seconds
WITHOUT: Final = "canceller off"


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


async def turns() -> AsyncIterator[list[Row]]:
    """A hundred spoken turns in a simulated room, and some with the canceller off."""
    ours, without = _counted_so_far()
    async with emulator() as url:
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
                understood = await spoken(turn, then, story, person)
                count.turns += 1
                count.missed += not understood and not turn.cuts_in
                count.drowned += not understood and turn.cuts_in
                if not understood:
                    print(f"    {turn.words} -> {story.last('user')} ({echo})", flush=True)
            await appliance.control.hang_up()
            following.cancel()
        count.own += by_itself(story.marks, person.sentences)


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

    async def listen(self, seconds: float) -> None:
        """Wait for so long: nothing is heard outside of the appliance."""
        await asyncio.sleep(seconds)
