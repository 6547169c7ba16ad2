"""Finds the sound cards: under names that stay, which one to take, and why."""

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from appliance.errors import DeviceError

if TYPE_CHECKING:
    import pyaudio

Direction: TypeAlias = Literal["input", "output"]

_NOUN = {"input": "microphone", "output": "speaker"}
_HARDWARE = re.compile(r"\(hw:(\d+),(\d+)\)")  # how PortAudio ends the name of a real ALSA card
_SERVERS = ("pulse", "pipewire")  # a sound server offers itself under its own name
_CARDS = Path("/proc/asound")


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


@dataclass(frozen=True, slots=True)
class Choice:
    """The card that is taken, and the reason in words."""

    card: Card
    reason: str


def list_devices() -> list[Card]:
    """Return every sound device of this machine. Blocks for up to a second: not on the loop.

    PortAudio's list is frozen while any part of this process has sound open. Raises DeviceError if
    PyAudio is not installed.
    """
    with portaudio() as audio:
        return found(audio)


def choose(cards: Sequence[Card], wanted: str, direction: Direction) -> Choice:
    """Return the card for `direction`: the one whose name contains `wanted`, else the best guess.

    Raises DeviceError that names the cards there are.
    """
    noun = _NOUN[direction]
    fitting = [card for card in cards if card.channels(direction)]
    if not fitting:
        raise DeviceError(
            f"There is no {noun}.", f"Plug in a {noun}, or choose another sound card."
        )
    if wanted:
        for card in fitting:
            if wanted.casefold() in card.name.casefold():
                return Choice(card, f'its name contains "{wanted}"')
        names = ", ".join(card.name for card in fitting)
        raise DeviceError(
            f'There is no {noun} called "{wanted}".',
            f"Set audio.{direction} to a part of one of these names: {names}.",
        )
    default = next((card for card in fitting if card.is_default(direction)), None)
    if default and any(server in card.name for card in cards for server in _SERVERS):
        return Choice(default, "the sound server's default")
    for card in fitting:
        if card.hardware and "usb" in card.name.casefold():
            return Choice(card, "a USB card")
    if default:
        return Choice(default, "the system's default")
    return Choice(fitting[0], f"the first {noun} found")


def found(audio: "pyaudio.PyAudio") -> list[Card]:
    """Return the devices that an initialised PortAudio knows."""
    defaults: dict[Direction, int] = {}
    for direction, ask in (
        ("input", audio.get_default_input_device_info),
        ("output", audio.get_default_output_device_info),
    ):
        with contextlib.suppress(OSError):  # there is none
            defaults[direction] = int(ask()["index"])  # type: ignore[index]  # a literal of the two
    cards = []
    for index in range(audio.get_device_count()):
        info = audio.get_device_info_by_index(index)
        card = Card(
            index=index,
            name=stable_name(str(info["name"])),
            inputs=int(info["maxInputChannels"]),
            outputs=int(info["maxOutputChannels"]),
            rate_hz=int(info["defaultSampleRate"]),
            default_input=index == defaults.get("input"),
            default_output=index == defaults.get("output"),
        )
        cards.append(card)
    return cards


def stable_name(name: str, folder: Path = _CARDS) -> str:
    """Return PortAudio's name with the card's number replaced by its ALSA id."""

    def identified(match: re.Match[str]) -> str:
        try:
            card_id = folder.joinpath(f"card{match[1]}", "id").read_text().strip()
        except OSError:  # just unplugged
            return match[0]
        return f"(hw:{card_id},{match[2]})"

    return _HARDWARE.sub(identified, name)


@contextmanager
def portaudio() -> Iterator["pyaudio.PyAudio"]:
    """Initialise PortAudio, quietly, and terminate it at the end.

    Blocks (0.02 s here, 1 s where JACK is asked): not on the loop. Raises DeviceError if PyAudio or
    ALSA's configuration is missing.
    """
    try:
        import pyaudio  # noqa: PLC0415 - may be missing, and that is to be said in words
    except ImportError as error:
        raise DeviceError(
            "PyAudio is not installed.", "Install python3-pyaudio, or voice-appliance[sound]."
        ) from error
    _silence_libraries()
    _require_configuration()
    audio = pyaudio.PyAudio()
    try:
        yield audio
    finally:
        audio.terminate()


def _silence_libraries() -> None:
    """Keep ALSA and JACK from writing to our stderr about devices they do not find, and underruns.

    What matters comes back from PortAudio as errors and flags. Their error handlers are replaced by
    a C function that does nothing and ignores its arguments, so no Python runs in their threads.
    """
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # libjack would start one for being asked
    nothing = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
    for library, setters in (
        ("libasound.so.2", ("snd_lib_error_set_handler",)),
        ("libjack.so.0", ("jack_set_error_function", "jack_set_info_function")),
    ):
        try:
            loaded = ctypes.CDLL(library)
        except OSError:  # PortAudio does without it here
            continue
        for setter in setters:
            getattr(loaded, setter)(nothing)


def _require_configuration() -> None:
    """Raise DeviceError if ALSA has no device called default: PortAudio aborts the process then.

    (19.6, pa_linux_alsa.c: BuildDeviceList asserts that not all names are taken before it looks at
    "default" and "dmix".)
    """
    try:
        alsa = ctypes.CDLL("libasound.so.2")
    except OSError:  # a PortAudio without ALSA
        return
    node = ctypes.c_void_p()
    if alsa.snd_config_update() < 0 or alsa.snd_config_search(
        ctypes.c_void_p.in_dll(alsa, "snd_config"), b"pcm.default", ctypes.byref(node)
    ):
        path = os.environ.get("ALSA_CONFIG_PATH", "alsa.conf")
        raise DeviceError(
            f"ALSA's configuration ({path}) is missing or has no default device.",
            "Install libasound2-data.",
        )
