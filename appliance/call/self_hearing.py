"""Notices that the appliance interrupts itself - pure."""

from collections import deque

TIMES = 3  # interruptions
WITHIN = 20.0  # s; a person who cuts in waits for an answer before the next time


class SelfHearing:
    """Counts how often the assistant is interrupted. Times in seconds."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=TIMES)

    def interrupted(self, now: float) -> bool:
        """Take in an interruption; return whether they follow one another like echoes."""
        self._at.append(now)
        return len(self._at) == TIMES and now - self._at[0] <= WITHIN
