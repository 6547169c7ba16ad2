"""Spoken turns of a call: what is said when, what the appliance told of them, who was heard."""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from appliance.console.views import EventView, LineView, MarkView
from tests.processes import Daemon

SPOKEN_S: Final = 12.0  # until an answer has been spoken
COUNTING_S: Final = 1.5  # of the long answer before a person cuts in

_ANSWER_S: Final = 9.0  # from the end of a sentence until its answer is there
_SENTENCE_S: Final = (-0.05, 0.7)  # from a sentence's begin and end: so long it is heard


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person says, and what an answer to it has in it. `cuts_in`: into the answer before."""

    words: str
    answer: str
    cuts_in: bool = False


class Person(Protocol):
    """Somebody who talks with the machine."""

    async def say(self, words: str) -> None:
        """Say it; returns when it is said."""

    async def listen(self, seconds: float) -> None:
        """Return when the machine, which speaks, has spoken for so long."""


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
    before, after = _SENTENCE_S
    return sum(
        not any(begin + before <= mark.at <= end + after for begin, end in sentences)
        for mark in marks
        if mark.name == "speech_started"
    )


async def spoken(turn: Turn, then: Turn | None, story: Story, person: Person) -> bool:
    """Say it and wait until it is time for what is said then.

    Return whether the right answer came and, unless the person cuts in, was spoken to its end.
    """
    since = len(story.lines)
    await person.say(turn.words)
    answered = await story.until(lambda: bool(story.answers(since, turn.answer)), _ANSWER_S)
    if then is not None and then.cuts_in:
        await story.until(lambda: story.speaking, SPOKEN_S)
        await person.listen(COUNTING_S)
        return answered
    if answered:  # its words are there before its sound, of which there may be two parts
        told = len(story.marks)
        await story.until(lambda: story.marked("playback_stopped", told), SPOKEN_S)
    else:
        await story.until(lambda: not story.speaking, SPOKEN_S)
    return any(not line.interrupted for line in story.answers(since, turn.answer))
