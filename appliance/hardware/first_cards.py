"""The cards that a call began with: no other takes their place unless they stay away."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.alsa import Direction, half_plugged
from appliance.hardware.cards import NOUN, Card, Choice, choose

STAND_IN = 10.0  # s; a plug that slipped out is back by then
TRY_AGAIN = 30.0  # s between two tries for a card that is there: each is a short gap in the sound


@dataclass(frozen=True, slots=True)
class _Missed:
    """A card that cannot be had, `since` when of the clock; `there`: but the kernel has it.

    While others stand in, it is not tried before `due`.
    """

    since: float
    there: bool
    due: float = -math.inf


class FirstCards:
    """Chooses for each opening of one call. One thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: in seconds."""
        self._clock = clock
        self._first: dict[Direction, Card] = {}
        self._missed: dict[Direction, _Missed] = {}
        self._tried: dict[Direction, _Missed] = {}  # chosen, and not known to be opened
        self._awaited: list[tuple[Card, float]] = []  # with when they are due
        self._news: list[str] = []

    def choose(self, cards: Sequence[Card], config: AudioConfig) -> tuple[Choice, Choice]:
        """Return microphone and speaker: the first time as `cards.choose`, then the same again.

        A card that the configuration does not name is replaced by the best of the others once it
        was gone, in use, or could not be opened, for STAND_IN; a named one never is. Raises
        DeviceError.
        """
        self._tried.clear()
        self._awaited.clear()
        self._news.clear()
        for direction, first in self._first.items():  # both are missed from the same moment
            self._miss(cards, first, direction)
        microphone = self._choose(cards, config.input, "input")
        return microphone, self._choose(cards, config.output, "output")

    def failed(self) -> bool:
        """Note that the last choice cannot be opened; return whether others may stand in now.

        Of two cards it is not known which one failed: both may be replaced.
        """
        now, may = self._clock(), False
        for direction, missed in self._tried.items():
            self._missed[direction] = missed
            if now - missed.since >= STAND_IN:
                self._missed[direction] = replace(missed, due=now + TRY_AGAIN)
                may = True
        self._tried.clear()
        return may

    def back(self, root: Path = Path("/")) -> bool:
        """Whether a card has come that another stands in for; choose again, and it is tried.

        One that was there and could not be had is due again after TRY_AGAIN. Asks the kernel, not
        PortAudio, whose list is frozen while a stream is open. What is no card itself, such as a
        sound server, is not known to it. `root`: where /proc and /dev lie.
        """
        now = self._clock()
        come = any(now >= due and _present(card, root) for card, due in self._awaited)
        return come and not half_plugged(root)

    def news(self) -> list[str]:
        """Return, once, what stands in for what since the last choice."""
        news, self._news = self._news, []
        return news

    def _miss(self, cards: Sequence[Card], first: Card, direction: Direction) -> None:
        known = [card for card in cards if _same(card, first)]
        before, now = self._missed.pop(direction, None), self._clock()
        missed = before or _Missed(now, bool(known))
        if any(card.channels(direction) for card in known) and now >= missed.due:
            self._tried[direction] = missed
        elif missed.there != bool(known) and now - missed.since < STAND_IN:
            self._missed[direction] = _Missed(now, bool(known))
        else:  # for what stood in already, it goes on doing so
            self._missed[direction] = replace(missed, there=bool(known))

    def _choose(self, cards: Sequence[Card], wanted: str, direction: Direction) -> Choice:
        first = self._first.get(direction)
        if first is None:
            choice = choose(cards, wanted, direction)
            self._first[direction] = choice.card
            return choice
        missed = self._missed.get(direction)
        if missed is None:
            if wanted:  # nothing stands in for it, so nobody counts its failures
                self._tried.pop(direction, None)
            again = next(card for card in cards if _same(card, first) and card.channels(direction))
            return Choice(again, "the call began with it")
        if wanted or self._clock() - missed.since < STAND_IN:
            if missed.there:
                raise DeviceError(f"{first.name} is in use.", "End whatever uses it.")
            raise DeviceError(f"{first.name} is gone.", "Plug it in again.")
        return self._stand_in(cards, first, missed, direction)

    def _stand_in(
        self, cards: Sequence[Card], first: Card, missed: _Missed, direction: Direction
    ) -> Choice:
        """Return the best of the others; `first` again where there is no other."""
        now = self._clock()
        others = [c for c in cards if not (_same(c, first) and c.channels(direction))]
        try:
            choice = choose(others, "", direction)
        except DeviceError:
            choice = choose(cards, "", direction)
            self._tried[direction] = self._missed.pop(direction)
            return choice
        if missed.there and now >= missed.due:
            missed = self._missed[direction] = replace(missed, due=now + TRY_AGAIN)
        self._awaited.append((first, missed.due))
        self._news.append(f"{first.name} stays away: the {NOUN[direction]} is {choice.card.name}.")
        return choice


def _same(card: Card, other: Card) -> bool:
    if card.alsa is None or other.alsa is None:
        return card.name == other.name
    return (card.alsa.id, card.device) == (other.alsa.id, other.device)


def _present(card: Card, root: Path) -> bool:
    """Whether the kernel has it whole: its id links to its folder (Linux: sound/core/info.c)."""
    return card.alsa is not None and (root / "proc/asound" / card.alsa.id).exists()
