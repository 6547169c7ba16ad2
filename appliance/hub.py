"""Fan-out of everything worth seeing: one writer, many readers, none of which can block it."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from appliance.core.events import CallDown, CallUp, Dial, Event, PhotoTaken, TakePhoto, ToggleCall
from appliance.core.model import Model
from appliance.realtime.conversation import Entry

READER_LIMIT = 256  # messages; at the levels' 10 a second a reader may fall 25 s behind


@dataclass(frozen=True, slots=True)
class Levels:
    """Loudness of the last 100 ms in dBFS: what the person said, what the speaker played."""

    near_dbfs: float
    far_dbfs: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Something happened at `at` (loop clock, s). `name` is one of the documented marks."""

    name: str
    at: float
    call_no: int = 0
    fields: Mapping[str, str | int | float | bool] = field(default_factory=dict)


Message: TypeAlias = Model | Entry | Levels | Mark


@dataclass(frozen=True, slots=True)
class Gap:
    """The reader was too slow: `lost` messages, older than all that follow, are gone. Refetch."""

    lost: int


class Reader:
    """One reader's end: `async for message in reader`. For one task, on the loop's thread."""

    def __init__(self, limit: int) -> None:
        """`limit`: messages kept for a slow reader."""
        self._limit = limit
        self._queue: deque[Message] = deque()
        self._lost = 0
        self._closed = False
        self._news = asyncio.Event()

    def __aiter__(self) -> "Reader":
        return self

    async def __anext__(self) -> Message | Gap:
        """Wait for the next message, for ever if need be. Ends with the hub. Cancelling is safe."""
        while not (self._lost or self._queue):
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        if self._lost:
            gap, self._lost = Gap(self._lost), 0
            return gap
        return self._queue.popleft()

    def _offer(self, message: Message) -> None:
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self._lost += 1
        self._queue.append(message)
        self._news.set()

    def _close(self) -> None:
        self._closed = True
        self._news.set()


class Hub:
    """Passes messages on to every reader. Loop thread only."""

    def __init__(self) -> None:
        """Start without readers, on the initial model."""
        self._model = Model()
        self._readers: set[Reader] = set()
        self._closed = False

    @property
    def model(self) -> Model:
        """The latest model."""
        return self._model

    def publish(self, message: Message) -> None:
        """Hand a message to every reader. Never blocks, never raises."""
        if isinstance(message, Model):
            self._model = message
        for reader in self._readers:
            reader._offer(message)  # noqa: SLF001 - the two halves of one queue

    @contextmanager
    def reader(self, limit: int = READER_LIMIT) -> Iterator[Reader]:
        """Read along from now on, as long as the context lasts. What was before: `model`."""
        reader = Reader(limit)
        if self._closed:
            reader._close()  # noqa: SLF001 - the two halves of one queue
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """End every reader once it has read what it holds, and those still to come."""
        self._closed = True
        for reader in self._readers:
            reader._close()  # noqa: SLF001 - the two halves of one queue


def mark_of(event: Event, before: Model, after: Model, at: float) -> Mark | None:
    """Return the mark on the timeline of an event that led from `before` to `after`, if any.

    The mark of a press that starts a call bears the number of that call.
    """
    match event:
        case Dial() | ToggleCall():
            return Mark("press", at, after.calls_made, {"what": "call"})
        case TakePhoto():
            return Mark("press", at, after.calls_made, {"what": "photo"})
        case PhotoTaken():
            return Mark("photo_captured", at, after.calls_made)
        case CallUp(call_no) if before != after:
            return Mark("call_up", at, call_no)
        case CallDown(call_no, problem):
            fields = {} if problem is None else {"problem": problem.kind}
            return Mark("call_ended", at, call_no, fields)
        case _:
            return None
