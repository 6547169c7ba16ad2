"""Sends what the person says and shows, in order, small enough for the way there is."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import assert_never

from appliance.call.lines import Lines
from appliance.call.parts import Parts
from appliance.call.talk import Talk
from appliance.core.model import Outgoing, Photo, Problem, Text
from appliance.core.problems import problem_of
from appliance.errors import ApplianceError, UnreachableError

PATIENCE = 5.0  # s for the sideband to come back for a text too long for the data channel
ENVELOPE = 512  # bytes of an item's JSON around its words and picture; about 230 are used

TOO_LATE = Problem("closed", "The call ended before that was sent.", "Say or show it again.")


class Sender:
    """One call's queue of what the person wants told. On the loop's thread."""

    def __init__(
        self, talk: Talk, lines: Lines, parts: Parts, failed: Callable[[Problem], None]
    ) -> None:
        """`failed`: is told of everything that could not be sent."""
        self._talk = talk
        self._lines = lines
        self._parts = parts
        self._failed = failed
        self._waiting: deque[Outgoing] = deque()  # bounded by what a person does in a call
        self._news = asyncio.Event()
        self._closed = False

    def put(self, item: Outgoing) -> None:
        """Have it sent and answered, after what came before. Never blocks."""
        if self._closed:
            self._failed(TOO_LATE)
            return
        self._waiting.append(item)
        self._news.set()

    async def run(self) -> None:
        """Send what comes, for ever. A job of the call."""
        while True:
            while self._waiting:
                try:
                    await self._send(self._waiting[0])
                except ApplianceError as error:
                    self._failed(problem_of(error))
                self._waiting.popleft()
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Tell of everything that will not be sent any more."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft()
            self._failed(TOO_LATE)

    async def show(self, photo: Photo, *, reply: bool) -> None:
        """Show a photo of the album; `reply` False: without an answer, as a tool's output follows.

        Raises DeviceError if it is not in the album (any more), or cannot be made small enough.
        """
        prompt = self._parts.call.photo_prompt if reply else ""
        room = max(self._lines.room - _size(prompt), 0)
        jpeg = await self._parts.jpeg(photo.name, room // 4 * 3)  # base64
        self._talk.show(jpeg, prompt, reply=reply)

    async def _send(self, item: Outgoing) -> None:
        match item:
            case Text(text):
                await self._room_for(text)
                self._talk.say(text)
            case Photo():
                await self.show(item, reply=True)
            case _:
                assert_never(item)

    async def _room_for(self, text: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._lines.room_for(_size(text))
        except TimeoutError:
            raise UnreachableError(
                "The message is too long for the way to the service that is open.",
                "Try again in a moment, or in fewer words.",
            ) from None


def _size(text: str) -> int:
    """Return the bytes of an item with this text, at most."""
    return ENVELOPE + len(json.dumps(text, ensure_ascii=False).encode())
