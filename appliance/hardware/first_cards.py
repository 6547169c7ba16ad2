"""The cards that a call began with: no other takes their place unless they stay away."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.alsa import Direction, half_plugged
from appliance.hardware.cards import NOUN, Card, Choice, choose

STAND_IN = 10.0  # s; a plug that slipped out is back by then


@dataclass(frozen=True, slots=True)
class _Missed:
    """A card that cannot be had, `since` when of the clock; `there`: but the kernel has it."""

    since: float
    there: bool


class FirstCards:
    """Chooses for each opening of one call. One thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: in seconds."""
        self._clock = clock
        self._first: dict[Direction, Card] = {}
        self._missed: dict[Direction, _Missed] = {}
        self._awaited: list[Card] = []
        self._news: list[str] = []

    def choose(self, cards: Sequence[Card], config: AudioConfig) -> tuple[Choice, Choice]:
        """Return microphone and speaker: the first time as `cards.choose`, then the same again.

        A card that the configuration does not name is replaced by the best of the others once it
        was gone, or in use, for STAND_IN; a named one never is. Raises DeviceError.
        """
        self._awaited.clear()
        self._news.clear()
        for direction, first in self._first.items():  # both are missed from the same moment
            self._miss(cards, first, direction)
        microphone = self._choose(cards, config.input, "input")
        return microphone, self._choose(cards, config.output, "output")

    def back(self, root: Path = Path("/")) -> bool:
        """Whether a card has come that another stands in for; choose again, and it is taken.

        Asks the kernel, not PortAudio, whose list is frozen while a stream is open. What is no
        card itself, such as a sound server, is not known to it. `root`: where /proc and /dev lie.
        """
        return any(_present(card, root) for card in self._awaited) and not half_plugged(root)

    def news(self) -> list[str]:
        """Return, once, what stands in for what since the last choice."""
        news, self._news = self._news, []
        return news

    def _miss(self, cards: Sequence[Card], first: Card, direction: Direction) -> None:
        known, before = [card for card in cards if _same(card, first)], self._missed.get(direction)
        if any(card.channels(direction) for card in known):
            self._missed.pop(direction, None)
        elif before is None or before.there != bool(known):
            self._missed[direction] = _Missed(self._clock(), bool(known))

    def _choose(self, cards: Sequence[Card], wanted: str, direction: Direction) -> Choice:
        first = self._first.get(direction)
        if first is None:
            choice = choose(cards, wanted, direction)
            self._first[direction] = choice.card
            return choice
        missed = self._missed.get(direction)
        if missed is None:
            again = next(card for card in cards if _same(card, first) and card.channels(direction))
            return Choice(again, "the call began with it")
        if wanted or self._clock() - missed.since < STAND_IN:
            if missed.there:
                raise DeviceError(f"{first.name} is in use.", "End whatever uses it.")
            raise DeviceError(f"{first.name} is gone.", "Plug it in again.")
        choice = choose(cards, "", direction)
        if not missed.there:  # else it would be tried again and again
            self._awaited.append(first)
        self._news.append(f"{first.name} stays away: the {NOUN[direction]} is {choice.card.name}.")
        return choice


def _same(card: Card, other: Card) -> bool:
    if card.alsa is None or other.alsa is None:
        return card.name == other.name
    return (card.alsa.id, card.device) == (other.alsa.id, other.device)


def _present(card: Card, root: Path) -> bool:
    """Whether the kernel has it whole: its id links to its folder (Linux: sound/core/info.c)."""
    return card.alsa is not None and (root / "proc/asound" / card.alsa.id).exists()
