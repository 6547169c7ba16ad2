"""The two ways events reach the service: the sideband if it is open, else the data channel."""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.call.sideband import HELD_LIMIT
from appliance.realtime.client_events import ClientEvent, encode

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """One way. `send` returns False if it cannot take the message."""

    is_open: Callable[[], bool]
    send: Callable[[str], bool]


class Lines:
    """Keeps the order of our events, over whichever line is there."""

    def __init__(self, *lines: Line) -> None:
        """`lines`: the best first."""
        self._lines = lines
        self._held: deque[str] = deque(maxlen=HELD_LIMIT)

    @property
    def any_open(self) -> bool:
        """Whether anything reaches the service."""
        return any(line.is_open() for line in self._lines)

    def send(self, events: Iterable[ClientEvent]) -> None:
        """Send the events now, or hold the last HELD_LIMIT of them until a line is open."""
        for event in events:
            log.debug("> %s", type(event).__name__)
            self._held.append(encode(event))
        self.flush()

    def hold_again(self, unsent: Iterable[str]) -> None:
        """Take back, in front of all others, what a line could not deliver. Then flush."""
        for message in reversed(list(unsent)):
            if len(self._held) < HELD_LIMIT:
                self._held.appendleft(message)
        self.flush()

    def flush(self) -> None:
        """Send what is held, as far as a line is open. Called whenever one opens."""
        while self._held and self.any_open:
            message = self._held.popleft()
            if not any(line.is_open() and line.send(message) for line in self._lines):
                log.warning("a message of %d bytes is too long for the data channel", len(message))
