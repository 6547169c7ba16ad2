"""The two ways events reach the service: the sideband if it is open, else the data channel."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.realtime.client_events import ClientEvent, encode

HELD_LIMIT = 32  # messages of ours that wait while no line takes them

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """One way.

    `limit`: bytes of the longest message it takes, once open. `send` returns False if it cannot
    take the message.
    """

    is_open: Callable[[], bool]
    limit: Callable[[], int]
    send: Callable[[str], bool]


class Lines:
    """Keeps the order of our events, over whichever line is there."""

    def __init__(self, *lines: Line, lost: Callable[[], None]) -> None:
        """`lines`: the best first. `lost`: is told of each message that will never leave."""
        self._lines = lines
        self._lost = lost
        self._held: deque[str] = deque()
        self._news = asyncio.Event()

    @property
    def any_open(self) -> bool:
        """Whether anything reaches the service."""
        return any(line.is_open() for line in self._lines)

    @property
    def stuck(self) -> bool:
        """Whether the next message waits for a line that takes longer ones than those open."""
        return bool(self._held) and self.any_open

    @property
    def room(self) -> int:
        """Bytes of the longest message that can leave now; while nothing can, as if all could."""
        lines = [line for line in self._lines if line.is_open()] or self._lines
        return max(line.limit() for line in lines)

    async def room_for(self, size: int) -> None:
        """Return when a message of `size` bytes can leave; maybe never. Cancelling is safe."""
        while self.room < size:
            self._news.clear()
            await self._news.wait()

    def send(self, events: Iterable[ClientEvent]) -> None:
        """Send the events now, or hold the last HELD_LIMIT of them until a line takes them."""
        for event in events:
            log.debug("> %s", type(event).__name__)
            self._held.append(encode(event))
            self.flush()
            if len(self._held) > HELD_LIMIT:
                self.drop_first()

    def hold_again(self, unsent: Iterable[str]) -> None:
        """Take back, in front of all others, what a line may not have delivered. Then flush."""
        self._held.extendleft(reversed([one for one in unsent if one not in self._held]))
        self.flush()
        while len(self._held) > HELD_LIMIT:
            self.drop_first()

    def flush(self) -> None:
        """Send what is held, as far as a line is open. Called whenever one opens or closes."""
        self._news.set()
        while self._held and any(
            line.is_open() and line.send(self._held[0]) for line in self._lines
        ):
            self._held.popleft()

    def drop_first(self) -> None:
        """Give up the message that waits longest, and go on with those behind it."""
        message = self._held.popleft()
        log.warning("a message of %d bytes did not reach the service", len(message))
        self._lost()
        self.flush()
