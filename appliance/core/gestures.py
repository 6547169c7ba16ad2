"""Turns button edges and time into what the person wants."""

from dataclasses import dataclass
from enum import Enum


class Button(Enum):
    """The two buttons."""

    CALL = "call"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Edge:
    """A button went down or up at `at`, seconds of the loop's clock."""

    button: Button
    pressed: bool
    at: float
