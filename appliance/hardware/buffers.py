"""How large the sound card's buffers are: larger after a burst of xruns. Pure."""

from collections import deque

SIZES_MS = (10, 20, 40)  # one block each; the sound is late by about three of them
BURST = 3  # interruptions that a person hears as one bad moment
BURST_TIME = 10.0  # s in which they come
APART = 0.5  # s; xruns closer together are one stall of the machine
SETTLING = 2.0  # s; what a card misses while it starts says nothing about later
CALM = 1800.0  # s of use without a burst, after which the next call tries a smaller size


class Buffers:
    """The rule, kept over the calls of one card. `now` is any clock in seconds."""

    def __init__(self, smallest_ms: int) -> None:
        """`smallest_ms`: where to begin, and never to go below."""
        self._smallest = smallest_ms
        self.size_ms = smallest_ms
        """Length of a block, ms; good for the next opening."""
        self._events: deque[float] = deque(maxlen=BURST)
        self._opened = self._calm_since = self._calm = 0.0
        self._last_event = 0.0
        self._xruns = 0

    def opened(self, now: float, xruns: int = 0) -> None:
        """Begin with a card that has just been opened with `size_ms`; `xruns`: its count so far."""
        self._opened = self._calm_since = now
        self._events.clear()
        self._last_event = now - APART
        self._xruns = xruns

    def note(self, xruns: int, now: float) -> bool:
        """Take the count of xruns so far; return whether the card needs a larger size.

        `size_ms` is the larger one then: open the card again.
        """
        new, self._xruns = xruns > self._xruns, xruns
        if not new or now - self._opened < SETTLING:
            return False
        if now - self._last_event >= APART:
            self._events.append(now)
        self._last_event = now
        if len(self._events) < BURST or now - self._events[0] > BURST_TIME:
            return False
        self._events.clear()
        self._calm, self._calm_since = 0.0, now
        larger = [size for size in SIZES_MS if size > self.size_ms]
        if larger:
            self.size_ms = larger[0]
        return bool(larger)

    def closed(self, now: float) -> None:
        """End a use of the card; after long calm the next one is tried smaller."""
        self._calm += now - self._calm_since
        smaller = [size for size in SIZES_MS if self._smallest <= size < self.size_ms]
        if self._calm >= CALM and smaller:
            self.size_ms = smaller[-1]
            self._calm = 0.0
