"""Folds server events into the transcript and whose turn it is."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the transcript, as far as it is known; a later Entry of the item replaces it.

    `position` orders entries by the service's item order, not by arrival.
    """

    item_id: str
    position: int
    role: Literal["user", "assistant", "tool"]
    text: str
    final: bool = False
    interrupted: bool = False
    failed: bool = False
