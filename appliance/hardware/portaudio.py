"""Starts PortAudio, quietly, and asks it for the sound devices."""

import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import DeviceError
from appliance.hardware.alsa import AlsaCard, Direction, half_plugged, read_cards
from appliance.hardware.cards import Card, hardware_of, stable_name

if TYPE_CHECKING:
    import pyaudio

PATIENCE = 4.0  # seconds; a healthy card opens in 0.1
_UDEV = 1.0  # s at most for udev to give us a card that was just plugged in
_LOOK = 0.02  # s between two looks at that
# Two threads in Pa_Initialize abort the process or corrupt its memory (seen, 19.6): one opens for a
# new call while another still hangs in the card of the last one.
_library = threading.RLock()


@contextmanager
def alone(patience: float = PATIENCE) -> Iterator[None]:
    """Be the only thread in PortAudio, but for its own. Not on the loop.

    `patience`: seconds that another one may take; -1 waits for ever. Raises DeviceError after that.
    """
    if not _library.acquire(timeout=patience):
        raise DeviceError("The sound card does not answer.", "Unplug it and plug it in again.")
    try:
        yield
    finally:
        _library.release()


def list_devices() -> list[Card]:
    """Return every sound device of this machine. Blocks for up to a second: not on the loop.

    PortAudio's list is frozen while any part of this process has sound open. Raises DeviceError if
    PyAudio is not installed.
    """
    with portaudio() as audio:
        return found(audio)


def found(audio: "pyaudio.PyAudio", root: Path = Path("/")) -> list[Card]:
    """Return the devices that an initialised PortAudio knows, with what the kernel tells of them.

    `root`: where /proc and /sys lie.
    """
    kernel = read_cards(root)
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
        name = str(info["name"])
        number, device = hardware_of(name) or (-1, 0)
        card = Card(
            index=index,
            name=stable_name(name, kernel),
            inputs=int(info["maxInputChannels"]),
            outputs=int(info["maxOutputChannels"]),
            rate_hz=int(info["defaultSampleRate"]),
            default_input=index == defaults.get("input"),
            default_output=index == defaults.get("output"),
            alsa=kernel.get(number),
            device=device,
        )
        cards.append(card)
    return with_busy(cards, kernel)


def with_busy(cards: Sequence[Card], kernel: Mapping[int, AlsaCard]) -> list[Card]:
    """Add what the kernel has and PortAudio leaves out, because somebody else has it open.

    (19.6, pa_linux_alsa.c: FillInDevInfo opens each device without waiting, and counts no channels
    where that fails.)
    """
    seen: set[tuple[int, int]] = set()
    told = []
    for card in cards:
        alsa = card.alsa
        if alsa is not None:
            seen.add((alsa.number, card.device))
            ways = alsa.devices.get(card.device, frozenset[Direction]())
            busy = frozenset(way for way in ways if not card.channels(way))
            card = replace(card, busy=busy)  # noqa: PLW2901 - the same card, better known
        told.append(card)
    for alsa in kernel.values():
        for device, ways in alsa.devices.items():
            if (alsa.number, device) not in seen:
                name = f"{alsa.name} (hw:{alsa.id},{device})"
                told.append(Card(-1, name, 0, 0, 0, alsa=alsa, device=device, busy=ways))
    return told


@contextmanager
def portaudio() -> Iterator["pyaudio.PyAudio"]:
    """Initialise PortAudio, quietly, and terminate it at the end.

    Blocks (0.02 s here, 1 s where JACK is asked): not on the loop. Raises DeviceError if PyAudio or
    ALSA's configuration is missing, or if another thread hangs in it.
    """
    try:
        import pyaudio  # noqa: PLC0415 - may be missing, and that is to be said in words
    except ImportError as error:
        raise DeviceError(
            "PyAudio is not installed.", "Install python3-pyaudio, or voice-appliance[sound]."
        ) from error
    with alone():
        _silence_libraries()
        _wait_for_udev()
        _require_configuration()
        audio = pyaudio.PyAudio()
    try:
        yield audio
    finally:
        with alone(-1):
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


def _wait_for_udev() -> None:
    """Let a card that is being plugged in become whole: else a way around it would be taken."""
    end = time.monotonic() + _UDEV
    while half_plugged() and time.monotonic() < end:
        time.sleep(_LOOK)


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
