"""What the kernel tells about its sound cards: their ids, where they are plugged in, what they do.

The layouts are those of Linux: sound/core/init.c (cards), sound/core/pcm.c (pcm) and
sound/usb/proc.c (stream0). All names here keep over a restart; the cards' numbers do not.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["input", "output"]
Kind: TypeAlias = Literal["usb", "i2s", "built-in", "hdmi", "virtual"]

_CARD = re.compile(r"^ *(\d+) \[(\S+) *\]: (\S+) - (.*)$", re.MULTILINE)
_PCM = re.compile(r"^(\d+)-(\d+): (.*)$", re.MULTILINE)
_WAY = re.compile(r" : (playback|capture) \d+")
_WAYS: Mapping[str, Direction] = {"playback": "output", "capture": "input"}
_INTERFACE = re.compile(r"^(\d+-\d+(?:\.\d+)*):\d+\.\d+$")  # how sysfs names a USB interface
_RANGE = re.compile(r"(\d+) - (\d+) \(continuous\)")
_COMMON_RATES = (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)  # Hz
_SECTIONS: Mapping[str, Direction] = {"Playback:": "output", "Capture:": "input"}
_VIRTUAL = ("loopback", "dummy")  # snd-aloop, snd-dummy: nothing sounds
_LETTERS: Mapping[Direction, str] = {"input": "c", "output": "p"}  # that end a device's name
_NEW = 3.0  # s after which a device that we may not open is somebody else's, and not a new one
_BUILT_IN = ("bcm2835", "hda", "sof-")  # the Pi's own jack; a computer's own codec


@dataclass(frozen=True, slots=True)
class Ability:
    """What a USB card can do in one direction, in any of its settings; empty: not told."""

    rates: tuple[int, ...] = ()  # Hz, ascending
    channels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AlsaCard:
    """A card of the kernel. `number` is good until the next restart, or until it is unplugged."""

    number: int
    id: str
    driver: str
    name: str
    kind: Kind = "built-in"
    usb_path: str = ""  # bus and ports, such as 1-1.3; empty: not on USB
    devices: Mapping[int, frozenset[Direction]] = field(default_factory=dict)
    abilities: Mapping[tuple[int, Direction], Ability] = field(default_factory=dict)

    def has(self, direction: Direction) -> bool:
        """Whether any of its devices goes that way."""
        return any(direction in ways for ways in self.devices.values())

    @property
    def duplex(self) -> bool:
        """Whether it is a microphone and a speaker in one."""
        return self.has("input") and self.has("output")


def read_cards(root: Path = Path("/")) -> dict[int, AlsaCard]:
    """Return the cards by number; none where the kernel has no sound. Raises nothing.

    `root`: where /proc and /sys lie.
    """
    proc, classes = root / "proc/asound", root / "sys/class/sound"
    devices = parse_pcm(_text(proc / "pcm"))
    cards = {}
    for number, card_id, driver, name in parse_cards(_text(proc / "cards")):
        link = classes / f"card{number}" / "device"
        place, bus = _last(link), _last(link / "subsystem")
        usb_path = match[1] if (match := _INTERFACE.match(place)) else ""
        abilities = {
            (device, direction): ability
            for device in devices.get(number, {})
            for direction, ability in parse_stream(
                _text(proc / f"card{number}" / f"stream{device}")
            ).items()
        }
        kind = kind_of(bus or ("usb" if usb_path else ""), driver, f"{card_id} {name}")
        cards[number] = AlsaCard(
            number, card_id, driver, name, kind, usb_path, devices.get(number, {}), abilities
        )
    return cards


def may_open(node: Path) -> bool:
    """Whether this process has the right to use a device."""
    return os.access(node, os.R_OK | os.W_OK)


def half_plugged(root: Path = Path("/"), allowed: Callable[[Path], bool] = may_open) -> bool:
    """Whether a card has just come, and udev has not given us all of it yet.

    Who opens cards then finds none, or only a way around through a plugin. `root`: where /proc and
    /dev lie.
    """
    return any(_is_new(node) and not allowed(node) for node in _nodes(root))


def _nodes(root: Path) -> Iterator[Path]:
    folder = root / "dev/snd"
    for number, devices in parse_pcm(_text(root / "proc/asound/pcm")).items():
        yield folder / f"controlC{number}"
        for device, ways in devices.items():
            yield from (folder / f"pcmC{number}D{device}{_LETTERS[way]}" for way in ways)


def _is_new(node: Path) -> bool:
    try:
        return abs(time.time() - node.stat().st_ctime) < _NEW
    except OSError:  # unplugged again, or this is a container without devices
        return False


def parse_cards(text: str) -> list[tuple[int, str, str, str]]:
    """Return number, id, driver and name of each card in /proc/asound/cards."""
    return [(int(no), card_id, driver, name) for no, card_id, driver, name in _CARD.findall(text)]


def parse_pcm(text: str) -> dict[int, dict[int, frozenset[Direction]]]:
    """Return card -> device -> directions from /proc/asound/pcm."""
    cards: dict[int, dict[int, frozenset[Direction]]] = {}
    for card, device, rest in _PCM.findall(text):
        ways = frozenset(_WAYS[word] for word in _WAY.findall(rest))
        cards.setdefault(int(card), {})[int(device)] = ways
    return cards


def parse_stream(text: str) -> dict[Direction, Ability]:
    """Return what /proc/asound/cardN/streamM tells of each direction; only USB cards have it."""
    rates: dict[Direction, set[int]] = {}
    channels: dict[Direction, set[int]] = {}
    direction: Direction | None = None
    for line in text.splitlines():
        key, _, value = line.strip().partition(": ")
        if line in _SECTIONS:
            direction = _SECTIONS[line]
            rates[direction], channels[direction] = set(), set()
        elif direction is not None and key == "Rates":
            rates[direction] |= _rates(value)
        elif direction is not None and key == "Channels" and value.isdecimal():
            channels[direction].add(int(value))
    return {way: Ability(tuple(sorted(rates[way])), tuple(sorted(channels[way]))) for way in rates}


def kind_of(bus: str, driver: str, names: str) -> Kind:
    """Return what sort of card it is, by its bus in sysfs, its driver and its names."""
    driver, names = driver.casefold(), names.casefold()
    if driver.startswith(_VIRTUAL):
        return "virtual"
    if bus == "usb" or driver == "usb-audio":
        return "usb"
    if is_hdmi(f"{driver} {names}"):
        return "hdmi"
    if bus == "platform" and not driver.startswith(_BUILT_IN):
        return "i2s"
    return "built-in"


def is_hdmi(name: str) -> bool:
    """Whether a card or one of its devices is a screen's, by its name."""
    return "hdmi" in name.casefold() or "displayport" in name.casefold()


def _rates(value: str) -> set[int]:
    if match := _RANGE.fullmatch(value.strip()):
        lowest, highest = int(match[1]), int(match[2])
        return {lowest, highest} | {rate for rate in _COMMON_RATES if lowest <= rate <= highest}
    return {int(rate) for rate in value.replace(",", " ").split() if rate.isdecimal()}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # no such card, or just unplugged
        return ""


def _last(link: Path) -> str:
    """Return the last part of what a link points at; the target need not exist."""
    try:
        return link.readlink().name
    except OSError:
        return ""
