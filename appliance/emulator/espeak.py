"""The espeak-ng library in this process: text to 22 kHz sound and the places of its words."""

import ctypes
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

from appliance.emulator.engines import Mark, VoiceError

# speak_lib.h of espeak-ng 1.52
_SYNCHRONOUS: Final = 2
_DONT_EXIT: Final = 0x8000
_UTF8_TEXT: Final = 1
_PAUSE_AT_END: Final = 0x1000
_POSITION_IN_CHARACTERS: Final = 1
_WORD_EVENT: Final = 1
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7

# ctypes has no types for a loaded library and what it points to.
_Library: TypeAlias = Any
_Pointer: TypeAlias = Any

# The library keeps one voice and one callback for the whole process, whoever loads it.
_ONE_AT_A_TIME: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Timbre:
    """How a voice sounds, in espeak-ng's units."""

    name: str  # voice and variant, for instance "en-us+f3"
    words_per_minute: int = 165
    pitch: int = 50  # 0 to 100
    pitch_range: int = 50  # 0 to 100; 0 is monotone
    word_gap: int = 0  # pauses between words, units of 10 ms


class Espeak:
    """One voice of the engine. Any number may exist; they take turns in one library."""

    def __init__(self, timbre: Timbre) -> None:
        """Load the library; the voice is looked up when it first speaks.

        Raises:
            VoiceError: the extra is missing or its files are broken.
        """
        with _ONE_AT_A_TIME:
            self._lib = _load()
            self.rate_hz = _initialize(self._lib)
        self._timbre = timbre

    def speak(self, text: str) -> tuple[bytes, tuple[Mark, ...]]:
        """Mono s16le at `rate_hz` and where its words begin. Blocks; 1 ms for 1 s of sound.

        The same text takes the same time but for some samples: the library's oscillators run on.

        Raises:
            VoiceError: the engine refuses the voice or the text.
        """
        if not any(map(str.isalnum, text)):
            return b"", ()
        sound = bytearray()
        marks: list[Mark] = []

        def collect(samples: _Pointer, count: int, events: _Pointer) -> int:
            if samples and count > 0:
                sound.extend(ctypes.string_at(samples, count * 2))
            marks.extend(_word_marks(events))
            return 0

        callback = _CALLBACK(collect)  # must live until the synthesis is over
        data = text.replace("\0", " ").encode()
        with _ONE_AT_A_TIME:
            self._lib.espeak_SetSynthCallback(callback)
            self._choose(self._timbre)
            code = self._lib.espeak_Synth(
                data, len(data) + 1, 0, _POSITION_IN_CHARACTERS, 0,
                _UTF8_TEXT | _PAUSE_AT_END, None, None,
            )  # fmt: skip
        if code != 0:
            raise VoiceError(f"The voice cannot say a text (code {code}).", _REINSTALL)
        return bytes(sound), tuple(marks)

    def _choose(self, timbre: Timbre) -> None:
        if self._lib.espeak_SetVoiceByName(timbre.name.encode()) != 0:
            raise VoiceError(f"The voice {timbre.name!r} does not exist.", _REINSTALL)
        settings = (
            (_RATE, timbre.words_per_minute),
            (_PITCH, timbre.pitch),
            (_RANGE, timbre.pitch_range),
            (_WORD_GAP, timbre.word_gap),
        )
        for parameter, value in settings:
            self._lib.espeak_SetParameter(parameter, value, 0)


_INSTALL: Final = "Install the extra with: pip install 'voice-appliance[emulator]'."
_REINSTALL: Final = "Install espeakng-loader 0.2.4 again."


def _load() -> _Library:
    path = _package_folder() / "libespeak-ng.so"
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as error:
        raise VoiceError("The voice cannot be loaded.", _REINSTALL) from error
    lib.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    lib.espeak_SetSynthCallback.argtypes = [_CALLBACK]
    lib.espeak_SetSynthCallback.restype = None
    lib.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    lib.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    lib.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
        ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    return lib


def _initialize(lib: _Library) -> int:
    rate: int = lib.espeak_Initialize(
        _SYNCHRONOUS, 0, bytes(_package_folder() / "espeak-ng-data"), _DONT_EXIT
    )
    if rate <= 0:
        raise VoiceError("The voice cannot read its data.", _REINSTALL)
    return rate


def _package_folder() -> Path:
    spec = find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        raise VoiceError("The offline voice is not installed.", _INSTALL)
    return Path(spec.origin).parent


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("text", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


def _word_marks(events: _Pointer) -> Iterator[Mark]:
    """The word events of a list that ends with type 0."""
    index = 0
    while events[index].type:
        event = events[index]
        if event.type == _WORD_EVENT:
            yield Mark(event.text_position - 1, event.audio_position)
        index += 1
