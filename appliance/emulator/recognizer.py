"""Turns a user's turn into words, offline: the English model inside moonshine-voice."""

import asyncio
import ctypes
import re
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from appliance.errors import ApplianceError

_T = TypeVar("_T")

RATE = 16_000
# A turn of 30 s takes 4 s of CPU on one slow core; beyond this the machine is the problem.
RECOGNIZE_DEADLINE = 20.0  # seconds
OPEN_DEADLINE = 30.0  # seconds; loading the model takes 1 to 3

# moonshine-c-api.h of release 0.1.0
_HEADER_VERSION: Final = 30_000
_TINY: Final = 0
_OPTIONS: Final = {
    # The caller has found the speech already; its own detector prepends "You" and splits lines.
    b"vad_threshold": b"0.0",
    b"vad_max_segment_duration": b"30",
    b"return_audio_data": b"false",
}
_BLOCK: Final = RATE // 100  # samples whose loudness is looked at together
_MARGIN: Final = RATE * 80 // 1000  # samples kept round the loud part: faint beginnings of words
_FAINT: Final = 0.01  # of the loudest block: below is not speech
_SILENT: Final = 30  # of 32768: never speech
_LEAD, _TAIL = RATE * 150 // 1000 * 2, RATE * 800 // 1000 * 2  # bytes of silence put round it
# What the model says to silence, a click or a tone.
_MADE_UP: Final = frozenset({"", "you", "i"})
# Noisy speech can come out as abuse nobody uttered; a demonstration does not repeat it.
_ABUSE: Final = re.compile(
    r"\b(?:(?:mother)?fuck|(?:bull ?)?shit|bitch|cunt|asshole|nigg|fagg?ot)\w*\b",
    re.IGNORECASE,
)


_INSTALL: Final = "Install the extra with: pip install 'voice-appliance[emulator]'."
_REINSTALL: Final = "Install moonshine-voice 0.1.0 again: later releases carry no model."


class RecognizerError(ApplianceError, RuntimeError):
    """Speech cannot be recognised: the extra is not installed, or the engine failed."""


class Recognizer:
    """Words of a spoken turn. One engine for the whole process; calls wait for each other.

    The library answers with memory that belongs to the engine, so that two threads on one engine
    read each other's garbage (measured with release 0.1.0): one lock holds call and copy together.
    """

    def __init__(self) -> None:
        """Nothing is loaded yet: see `open`."""
        self._lock = threading.Lock()
        self._lib: Any = None  # ctypes has no types for a loaded library
        self._handle = -1

    def open(self) -> None:
        """Load the model; does nothing when it is loaded. Blocks for 1 to 3 s.

        Raises:
            RecognizerError: the extra is missing or its files are broken.
        """
        with self._lock:
            self._open()

    async def ready(self) -> None:
        """`open` in a thread.

        Raises:
            RecognizerError: also when it takes longer than 30 s.
        """
        await _in_thread(OPEN_DEADLINE, self.open)

    def close(self) -> None:
        """Free the engine; a later call loads it again."""
        with self._lock:
            if self._handle >= 0:
                self._lib.moonshine_free_transcriber(self._handle)
            self._handle = -1

    async def recognize(self, pcm16k: bytes) -> str:
        """The words, as a sentence; empty when there are none.

        A prefix of a turn may be given to have an early guess. Cancelling is safe; the thread
        then ends by itself and the next call waits for it.

        Args:
            pcm16k: mono, s16le, 16 kHz, at most 30 s of it are understood as one piece.

        Raises:
            RecognizerError: the engine is missing, failed or took longer than 20 s.
        """
        return await _in_thread(RECOGNIZE_DEADLINE, self.recognize_now, pcm16k)

    def recognize_now(self, pcm16k: bytes) -> str:
        """`recognize` on the calling thread, without a deadline."""
        with self._lock:
            self._open()
            return clean(self._transcribe(framed(pcm16k)))

    def _open(self) -> None:
        if self._handle >= 0:
            return
        self._lib, model = _load_library()
        options = (_Option * len(_OPTIONS))(*(_Option(*option) for option in _OPTIONS.items()))
        handle = self._lib.moonshine_load_transcriber_from_files(
            str(model).encode(), _TINY, options, len(options), _HEADER_VERSION
        )
        if handle < 0:
            raise RecognizerError(
                f"The speech recogniser cannot load its model (code {handle}).", _REINSTALL
            )
        self._handle = handle
        self._transcribe(bytes(RATE * 2))  # the first call allocates: not in somebody's turn

    def _transcribe(self, pcm16k: bytes) -> str:
        sound = np.frombuffer(pcm16k, "<i2").astype(np.float32) / 32768
        if not sound.size:
            return ""
        answer = ctypes.POINTER(_Transcript)()
        code = self._lib.moonshine_transcribe_without_streaming(
            self._handle,
            sound.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            sound.size,
            RATE,
            0,
            ctypes.byref(answer),
        )
        if code != 0:
            raise RecognizerError(f"The speech recogniser failed (code {code}).", _REINSTALL)
        if ctypes.cast(answer, ctypes.c_void_p).value is None:
            return ""
        lines = (answer.contents.lines[i].text for i in range(answer.contents.line_count))
        return " ".join(line.decode("utf-8", "replace").strip() for line in lines if line)


def framed(pcm16k: bytes) -> bytes:
    """The same speech between 150 and 800 ms of perfect silence. Pure.

    The model's words depend on what surrounds the speech: with less than half a second of silence
    behind it one short command of six comes out wrong, so framed one of twenty. An early guess
    then also equals the final one, however long the user has been silent by then.
    """
    sound = np.frombuffer(pcm16k, "<i2")
    blocks = sound[: len(sound) // _BLOCK * _BLOCK].reshape(-1, _BLOCK).astype(np.float32)
    if not len(blocks):
        return pcm16k
    level = np.sqrt((blocks**2).mean(axis=1))
    loud = np.flatnonzero(level > max(level.max() * _FAINT, _SILENT))
    if not len(loud):
        return pcm16k
    start = max(loud[0] * _BLOCK - _MARGIN, 0)
    end = (loud[-1] + 1) * _BLOCK + _MARGIN
    return bytes(_LEAD) + sound[start:end].tobytes() + bytes(_TAIL)


def clean(heard: str) -> str:
    """Drop what the engine makes up for no speech, and words nobody said to a demonstration."""
    text = " ".join(_ABUSE.sub("", heard).split())
    text = re.sub(r"\s+([.,!?])", r"\1", text)
    return "" if re.sub(r"\W", "", text).lower() in _MADE_UP else text


async def _in_thread(limit: float, work: Callable[..., _T], *arguments: object) -> _T:
    try:
        async with asyncio.timeout(limit):
            return await asyncio.to_thread(work, *arguments)
    except TimeoutError as error:
        raise RecognizerError(
            f"The speech recogniser took longer than {limit:.0f} seconds.",
            "Give the emulator a faster or less busy machine.",
        ) from error


def _load_library() -> tuple[Any, Path]:  # ctypes has no types for a loaded library
    """The engine's library and the folder of its model.

    The package itself is not imported: that costs 0.3 s and brings a web client along.
    """
    spec = find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        raise RecognizerError("The speech recogniser is not installed.", _INSTALL)
    folder = Path(spec.origin).parent
    model = folder / "assets" / "tiny-en"
    if not (model / "encoder_model.ort").is_file():
        raise RecognizerError("The speech recogniser came without its English model.", _REINSTALL)
    try:
        lib = ctypes.CDLL(str(folder / "libmoonshine.so"))
    except OSError as error:
        raise RecognizerError("The speech recogniser cannot be loaded.", _REINSTALL) from error
    lib.moonshine_load_transcriber_from_files.argtypes = [
        ctypes.c_char_p,
        ctypes.c_uint32,
        ctypes.POINTER(_Option),
        ctypes.c_uint64,
        ctypes.c_int32,
    ]
    lib.moonshine_load_transcriber_from_files.restype = ctypes.c_int32
    lib.moonshine_transcribe_without_streaming.argtypes = [
        ctypes.c_int32,
        ctypes.POINTER(ctypes.c_float),
        ctypes.c_uint64,
        ctypes.c_int32,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.POINTER(_Transcript)),
    ]
    lib.moonshine_transcribe_without_streaming.restype = ctypes.c_int32
    lib.moonshine_free_transcriber.argtypes = [ctypes.c_int32]
    lib.moonshine_free_transcriber.restype = None
    return lib, model


class _Option(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_char_p))


class _Line(ctypes.Structure):
    """`transcript_line_t` of release 0.1.0, 88 bytes."""

    _fields_ = (
        ("text", ctypes.c_char_p),
        ("audio_data", ctypes.c_void_p),
        ("audio_data_count", ctypes.c_size_t),
        ("start_time", ctypes.c_float),
        ("duration", ctypes.c_float),
        ("id", ctypes.c_uint64),
        ("flags", ctypes.c_int8 * 5),
        ("speaker_spans", ctypes.c_void_p),
        ("speaker_span_count", ctypes.c_uint64),
        ("last_transcription_latency_ms", ctypes.c_uint32),
        ("words", ctypes.c_void_p),
        ("word_count", ctypes.c_uint64),
    )


class _Transcript(ctypes.Structure):
    _fields_ = (("lines", ctypes.POINTER(_Line)), ("line_count", ctypes.c_uint64))
