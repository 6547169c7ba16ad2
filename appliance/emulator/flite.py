"""Debian's flite library in this process: text to sound and the places of its words."""

import ctypes
import threading
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from appliance.emulator.engines import Mark, VoiceError

# ctypes has no types for a loaded library and what it points to.
_Library: TypeAlias = Any
_Handle: TypeAlias = int | None

# From a token to the end of the sound before its first word (flite 2.2, include/cst_item.h).
_TOKEN_START: Final = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_RATE: Final = 16_000  # Hz, of the voices slt and rms
_SEED: Final = 1  # its breath is C's rand(): the same text shall be the same sound
_INSTALL: Final = "Install the Debian package libflite1."
_CURE: Final = "Install the Debian package libflite1 again."

# Its voices and utterances share tables without a lock of their own.
_ONE_AT_A_TIME: Final = threading.Lock()


class Flite:
    """One of flite's voices. Natural and well understood; about 10 ms of CPU for 1 s."""

    def __init__(self, voice: str, *, stretch: float = 1.0, pitch: float = 1.0) -> None:
        """Load a voice.

        Args:
            voice: "slt" (a woman) or "rms" (a man).
            stretch: how much slower than the speaker it was made from.
            pitch: how much smaller the speaker; pitch and timbre rise together.

        Raises:
            VoiceError: the Debian package is not installed.
        """
        with _ONE_AT_A_TIME:
            self._flite = _load()
            self._c = ctypes.CDLL(None)  # the C library of this process
            self._voice = _load_voice(voice)
        # Sound made slower by as much as it is then played faster: a shorter throat.
        self._stretch = stretch * pitch
        self.rate_hz = round(_RATE * pitch)

    def speak(self, text: str) -> tuple[bytes, tuple[Mark, ...]]:
        """Mono s16le at `rate_hz`, and where words begin in it. Blocks.

        Raises:
            VoiceError: the engine refuses the text.
        """
        plain = _ascii(text)
        if not any(map(str.isalnum, plain)):
            return b"", ()
        with _ONE_AT_A_TIME:
            features = ctypes.cast(self._voice, ctypes.POINTER(_Voice)).contents.features
            self._flite.feat_set_float(features, b"duration_stretch", self._stretch)
            self._c.srand(_SEED)
            utterance = self._flite.flite_synth_text(plain.encode(), self._voice)
            if not utterance:
                raise VoiceError("The voice cannot say a text.", _CURE)
            try:
                wave = self._flite.utt_wave(utterance).contents
                if wave.sample_rate != _RATE:
                    raise VoiceError(f"The voice speaks at {wave.sample_rate} Hz.", _CURE)
                sound = ctypes.string_at(wave.samples, wave.num_samples * 2)
                return sound, tuple(self._marks(plain, utterance))
            finally:
                self._flite.delete_utterance(utterance)

    def _marks(self, text: str, utterance: int) -> Iterator[Mark]:
        cursor = 0
        item: _Handle = self._flite.relation_head(self._flite.utt_relation(utterance, b"Token"))
        while item:
            name = self._flite.item_feat_string(item, b"name").decode()
            at = text.find(name, cursor)
            start: float = self._flite.flite_ffeature_float(item, _TOKEN_START)
            if at >= 0 and start > 0:
                yield Mark(at, round(start * 1000 * _RATE / self.rate_hz))
            cursor = max(at + len(name), cursor)
            item = self._flite.item_next(item)


def _ascii(text: str) -> str:
    """The engine knows English letters only; every character keeps its place."""
    quotes = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2014": "-"}
    return "".join(
        c if " " <= c <= "~" else quotes.get(c) or _letter(unicodedata.normalize("NFKD", c))
        for c in text
    )


def _letter(decomposed: str) -> str:
    return next((c for c in decomposed if " " <= c <= "~"), " ")


class _Voice(ctypes.Structure):
    """The beginning of `cst_voice`."""

    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


class _Wave(ctypes.Structure):
    """`cst_wave`."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.c_void_p),
    )


def _load() -> _Library:
    lib = _library("libflite.so.1")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float
    signatures: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "flite_init": (ctypes.c_int, ()),
        "flite_synth_text": (pointer, (text, pointer)),
        "delete_utterance": (None, (pointer,)),
        "utt_wave": (ctypes.POINTER(_Wave), (pointer,)),
        "utt_relation": (pointer, (pointer, text)),
        "relation_head": (pointer, (pointer,)),
        "item_next": (pointer, (pointer,)),
        "item_feat_string": (text, (pointer, text)),
        "flite_ffeature_float": (number, (pointer, text)),
        "feat_set_float": (None, (pointer, text, number)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    lib.flite_init()
    return lib


def _load_voice(name: str) -> int:
    register = _library(f"libflite_cmu_us_{name}.so.1")[f"register_cmu_us_{name}"]
    register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    voice: _Handle = register(None)  # the library makes each voice once
    if voice is None:
        raise VoiceError(f"The voice {name!r} cannot be loaded.", _CURE)
    return voice


def _library(name: str) -> _Library:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise VoiceError("The flite voices are not installed.", _INSTALL) from error
