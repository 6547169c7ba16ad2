"""Remembers everything the appliance shows, and lets a step wait for what it needs to see."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from appliance.hub import Levels, Mark, Reader
from appliance.realtime.conversation import Entry
from appliance.terminal import View

T = TypeVar("T")

LEVELS_EVERY = 0.1  # s between two levels (media/engine)


class NotSeenError(Exception):
    """A step waited for something that did not come."""


class Witness:
    """Follows one hub reader and passes every message on to the view. Loop thread only."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._seen: list[object] = []
        self._more = asyncio.Condition()

    async def watch(self, reader: Reader) -> None:
        """Take in messages for ever."""
        async for message in reader:
            self._view.message(message)
            async with self._more:
                self._seen.append(message)
                self._more.notify_all()

    def now(self) -> int:
        """Return the place in the story up to here: `until` looks after it."""
        return len(self._seen)

    def marks(self) -> list[Mark]:
        """Return every mark so far."""
        return [message for message in self._seen if isinstance(message, Mark)]

    def transcript(self) -> list[Entry]:
        """Return the last state of every entry, in order."""
        latest = {message.item_id: message for message in self._seen if isinstance(message, Entry)}
        return sorted(latest.values(), key=lambda entry: entry.position)

    def loudest(self, since: int) -> float:
        """Return the loudest 100 ms the speaker played since `since`, dBFS."""
        levels = (message for message in self._seen[since:] if isinstance(message, Levels))
        return max((message.far_dbfs for message in levels), default=-120.0)

    async def until(
        self, what: str, find: Callable[[object], T | None], *, since: int, limit: float
    ) -> tuple[T, int]:
        """Return the first thing `find` finds in the messages after `since`, and the next place.

        Raises NotSeenError with `what` in words after `limit` seconds.
        """
        place = since
        try:
            async with asyncio.timeout(limit), self._more:
                while True:
                    while place < len(self._seen):
                        found = find(self._seen[place])
                        place += 1
                        if found is not None:
                            return found, place
                    await self._more.wait()
        except TimeoutError as error:
            raise NotSeenError(f"{what} did not come within {limit:.0f} s") from error

    async def mark(self, name: str, *, since: int, limit: float) -> tuple[Mark, int]:
        """Return the next mark called `name`, and the place after it."""

        def find(message: object) -> Mark | None:
            return message if isinstance(message, Mark) and message.name == name else None

        return await self.until(f"the mark {name}", find, since=since, limit=limit)

    async def loud(self, seconds: float, *, since: int, limit: float, dbfs: float) -> int:
        """Return the place where the speaker has been louder than `dbfs` for `seconds` in all."""
        heard = 0.0

        def find(message: object) -> bool | None:
            nonlocal heard
            if isinstance(message, Levels) and message.far_dbfs >= dbfs:
                heard += LEVELS_EVERY
            return True if heard >= seconds else None

        _, place = await self.until("the voice", find, since=since, limit=limit)
        return place

    async def line(self, role: str, words: str, *, since: int, limit: float) -> tuple[Entry, int]:
        """Return the next finished line of `role` with one of `words` in it, and the place after.

        `words` are split at `|`; an empty one is in every line.
        """

        def find(message: object) -> Entry | None:
            if not (isinstance(message, Entry) and message.final and message.role == role):
                return None
            text = message.text.casefold()
            return message if any(word in text for word in words.split("|")) else None

        return await self.until(f"a line of {role} with {words!r}", find, since=since, limit=limit)
