"""Which sound card is taken, and why: names that stay, ranks with reasons."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from appliance.errors import DeviceError
from appliance.hardware.alsa import Ability, AlsaCard, Direction, is_hdmi

NOUN: Mapping[Direction, str] = {"input": "microphone", "output": "speaker"}  # in their order

_HARDWARE = re.compile(r"\(hw:(\d+),(\d+)\)")  # how PortAudio ends the name of a real ALSA card
_SERVERS = ("pulse", "pipewire")  # a sound server offers itself under its own name
_MONITOR = ("monitor of ", ".monitor")  # what PulseAudio calls a microphone that hears a speaker
_INDEX = re.compile(r"(?:hw:|card ?)?\d{1,2}(?:,\d{1,2})?")
_TWIN = re.compile(r"_\d+$")  # the kernel numbers cards of the same id in the order they come up


class Rank(IntEnum):
    """How good a card is for one direction; the lowest is taken."""

    SERVER = 1
    USB_DUPLEX = 2
    USB = 3
    I2S = 4
    BUILT_IN = 5
    DEFAULT = 6
    HDMI = 7
    OTHER = 8
    NEVER = 9  # unless it is named


@dataclass(frozen=True, slots=True)
class Card:
    """A sound device as PortAudio lists it. `index` is good until PortAudio is terminated."""

    index: int
    name: str  # with the card's id in place of its number, which changes from boot to boot
    inputs: int  # channels; 0: no microphone
    outputs: int  # channels; 0: no speaker
    rate_hz: int
    default_input: bool = False
    default_output: bool = False
    alsa: AlsaCard | None = None
    device: int = 0  # of the ALSA card
    busy: frozenset[Direction] = frozenset()  # the kernel has them, PortAudio could not look

    @property
    def hardware(self) -> bool:
        """Whether it is a card itself, and not a sound server or an ALSA plugin."""
        return "(hw:" in self.name

    def channels(self, direction: Direction) -> int:
        """Return how many channels it has that way."""
        return self.inputs if direction == "input" else self.outputs

    def is_default(self, direction: Direction) -> bool:
        """Whether the system takes it when nothing is said."""
        return self.default_input if direction == "input" else self.default_output

    def ability(self, direction: Direction) -> Ability:
        """Return the rates and channels that the kernel tells; empty where it does not."""
        known = self.alsa.abilities if self.alsa is not None else {}
        return known.get((self.device, direction), Ability())


@dataclass(frozen=True, slots=True)
class Choice:
    """The card that is taken, and the reason in words."""

    card: Card
    reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A card for one direction, as `devices` shows it. Rates in Hz."""

    direction: Direction
    name: str
    alsa_id: str
    usb_path: str
    channels: int
    rates: tuple[int, ...]
    rank: int
    reason: str
    chosen: bool
    setting: str  # the line of the configuration that takes it; empty: nothing can


def choose(cards: Sequence[Card], wanted: str, direction: Direction) -> Choice:
    """Return the card for `direction`: the one that `wanted` names, else the best.

    `wanted`: an ALSA id, a USB path, a part of a name, or nothing. Raises DeviceError that names
    the cards there are.
    """
    noun = NOUN[direction]
    fitting = [card for card in cards if card.channels(direction)]
    fitting.sort(key=lambda card: judge(card, cards, direction)[0])
    busy = [card for card in cards if direction in card.busy]
    if wanted and _INDEX.fullmatch(wanted):
        raise DeviceError(
            f'audio.{direction} is "{wanted}", a number that changes from boot to boot.',
            _cure(fitting, direction),
        )
    if wanted and (choice := _named(fitting, wanted)):
        return choice
    taken = _named(busy, wanted) if wanted else None
    if taken is None and busy and not fitting:
        taken = Choice(busy[0], "the only one")
    if taken is not None:
        raise DeviceError(f"The {noun} {taken.card.name} is in use.", "End whatever uses it.")
    if not fitting:
        raise DeviceError(
            f"There is no {noun}.", f"Plug in a {noun}, or choose another sound card."
        )
    if wanted:
        raise DeviceError(f'There is no {noun} called "{wanted}".', _cure(fitting, direction))
    rank, reason = judge(fitting[0], cards, direction)
    if rank is Rank.NEVER:
        raise DeviceError(
            f"There is no {noun} but {fitting[0].name}: {reason}.",
            f"Plug in a {noun}, or set audio.{direction} to take this one.",
        )
    return Choice(fitting[0], reason)


def judge(card: Card, cards: Sequence[Card], direction: Direction) -> tuple[Rank, str]:
    """Return the rank of `card` among `cards`, and why it has it."""
    noun, kind = NOUN[direction], _kind(card)
    if direction in card.busy:
        return Rank.NEVER, "in use at the moment"
    if direction == "input" and any(mark in card.name.casefold() for mark in _MONITOR):
        return Rank.NEVER, "hears what a speaker plays, and no room"
    if kind == "virtual":
        return Rank.NEVER, "a card without sound"
    if card.is_default(direction):
        if any(server in other.name for other in cards for server in _SERVERS):
            return Rank.SERVER, "the sound server's default"
        if not card.hardware:
            return Rank.DEFAULT, "the system's default"
    if not card.hardware:
        return Rank.OTHER, "offered by the system's configuration"
    if kind == "usb":
        both = card.alsa.duplex if card.alsa is not None else bool(card.inputs and card.outputs)
        if both:
            return Rank.USB_DUPLEX, "a USB card with microphone and speaker"
        return Rank.USB, f"a USB {noun}"
    if kind == "i2s":
        return Rank.I2S, "an I2S card, such as a HAT"
    if kind == "hdmi":
        return Rank.HDMI, "the sound of a screen (HDMI)"
    return Rank.BUILT_IN, "built in"


def listed(cards: Sequence[Card], wanted: str, direction: Direction) -> list[Listed]:
    """Return the cards for `direction`, the best first, with the one that `wanted` takes."""
    try:
        chosen = choose(cards, wanted, direction).card
    except DeviceError:
        chosen = None
    rows = []
    for card in cards:
        if not card.channels(direction) and direction not in card.busy:
            continue
        rank, reason = judge(card, cards, direction)
        told = card.ability(direction)
        row = Listed(
            direction=direction,
            name=card.name,
            alsa_id=card.alsa.id if card.alsa else "",
            usb_path=card.alsa.usb_path if card.alsa else "",
            channels=max(told.channels, default=card.channels(direction)),
            rates=told.rates or (card.rate_hz,),
            rank=rank,
            reason=reason,
            chosen=card is chosen,
            setting=f'audio.{direction} = "{stable_id(card, cards)}"',
        )
        rows.append(row)
    return sorted(rows, key=lambda row: row.rank)


def stable_id(card: Card, cards: Sequence[Card]) -> str:
    """Return the shortest name for the configuration that stays right over restarts.

    The ALSA id, with the device where the card has several; or the USB path where two cards share
    an id and only the order in which they come up tells them apart.
    """
    alsa = card.alsa
    if alsa is None:
        return card.name
    if sum(other.alsa is alsa for other in cards) > 1:
        return f"hw:{alsa.id},{card.device}"
    stem = _TWIN.sub("", alsa.id)
    ids = {other.alsa.id for other in cards if other.alsa is not None}
    twins = [one for one in ids if _TWIN.sub("", one) == stem]
    return alsa.usb_path if len(twins) > 1 and alsa.usb_path else alsa.id


def stable_name(name: str, cards: Mapping[int, AlsaCard]) -> str:
    """Return PortAudio's name with the card's number replaced by its ALSA id."""

    def identified(match: re.Match[str]) -> str:
        card = cards.get(int(match[1]))
        return match[0] if card is None else f"(hw:{card.id},{match[2]})"

    return _HARDWARE.sub(identified, name)


def hardware_of(name: str) -> tuple[int, int] | None:
    """Return card and device number in PortAudio's name; None if it is no card itself."""
    match = _HARDWARE.search(name)
    return (int(match[1]), int(match[2])) if match else None


def vanished(card: Card, root: Path = Path("/")) -> bool:
    """Tell whether the kernel has lost a card since PortAudio listed it. `root`: where /proc lies.

    What is no card itself, such as a sound server, cannot vanish so.
    """
    listed = hardware_of(card.name)
    number = card.alsa.number if card.alsa is not None else listed[0] if listed else None
    return number is not None and not (root / f"proc/asound/card{number}").exists()


def _named(fitting: Sequence[Card], wanted: str) -> Choice | None:
    """Return the best of `fitting` that `wanted` names: as an id, as a USB path, or in part."""
    plain, _, device = wanted.removeprefix("hw:").casefold().partition(",")
    part = wanted.casefold()
    for card in fitting:
        right = device in {"", str(card.device)}
        if right and card.alsa is not None and card.alsa.id.casefold() == plain:
            return Choice(card, f'its ALSA id is "{card.alsa.id}"')
    for card in fitting:
        if card.alsa is not None and wanted == card.alsa.usb_path:
            return Choice(card, f"it is plugged in at USB path {wanted}")
    alike = [card for card in fitting if part in card.name.casefold()]
    if not alike:
        return None
    more = f", as do {len(alike) - 1} more" if len(alike) > 1 else ""
    return Choice(alike[0], f'its name contains "{wanted}"{more}')


def _kind(card: Card) -> str:
    if is_hdmi(card.name):
        return "hdmi"
    if card.alsa is not None:
        return card.alsa.kind
    return "usb" if "usb" in card.name.casefold() else "built-in"


def _cure(fitting: Sequence[Card], direction: Direction) -> str:
    names = ", ".join(card.name for card in fitting)
    return f"Set audio.{direction} to an id or a part of one of these names: {names}."
