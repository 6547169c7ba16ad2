"""What the LED shows: a view of the model, never commanded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    """A repeating light: (lit, seconds) steps; one step of 0 s means for ever.

    `name` is the word the documentation uses for it.
    """

    name: str
    steps: tuple[tuple[bool, float], ...]
