"""Speaks, offline: text to 48 kHz sound with the place of every word."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import av
import numpy as np

from appliance.emulator.engines import Engine, Mark, VoiceError
from appliance.emulator.espeak import Espeak, Timbre
from appliance.emulator.flite import Flite

RATE: Final = 48_000  # Hz
# A sentence of 400 characters takes 50 ms of CPU; beyond this the machine is the problem.
SYNTHESIS_DEADLINE: Final = 10.0  # seconds
# A text without full stops is cut here, so that its sound starts at once.
_LONGEST: Final = 400  # characters
_SENTENCE: Final = re.compile(r".+?(?:[.!?]+[\"')\]]*(?=\s|$)|\n|$)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Word:
    """One word where it is heard. The texts of all words together are the whole text."""

    text: str  # with the punctuation and the space behind it
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound of a text: mono, s16le, 48 kHz. Word times count from the start of the whole text."""

    text: str
    pcm: bytes
    words: tuple[Word, ...]
    start_ms: int = 0  # of this piece in the whole text

    @property
    def duration_ms(self) -> int:
        """Length of this piece's sound."""
        return len(self.pcm) // 2 * 1000 // RATE


class Voice:
    """One voice. May be used from several threads; they wait for each other."""

    def __init__(self, engine: Engine | None = None) -> None:
        """Without an engine: the service's voice.

        Raises:
            VoiceError: no engine is installed.
        """
        self._engine = service_engine() if engine is None else engine

    def synthesize(self, text: str) -> Speech:
        """The whole text at once. Blocks: about 2 ms of CPU for each second of sound.

        Raises:
            VoiceError: the engine failed.
        """
        pieces = list(self._pieces(text))
        return Speech(
            text, b"".join(p.pcm for p in pieces), tuple(w for p in pieces for w in p.words)
        )

    async def stream(self, text: str) -> AsyncIterator[Speech]:
        """Sentence by sentence, each made in a thread when it is asked for. Cancelling is safe.

        The texts joined are `text`; word times count from the start of the first sentence.

        Raises:
            VoiceError: the engine failed or took longer than 10 s.
        """
        at = 0
        for sentence in sentences(text):
            try:
                async with asyncio.timeout(SYNTHESIS_DEADLINE):
                    piece = await asyncio.to_thread(self._sentence, sentence, at)
            except TimeoutError as error:
                raise VoiceError(
                    f"The voice took longer than {SYNTHESIS_DEADLINE:.0f} seconds for a sentence.",
                    "Give the emulator a faster or less busy machine.",
                ) from error
            yield piece
            at += piece.duration_ms

    def _pieces(self, text: str) -> Iterator[Speech]:
        at = 0
        for sentence in sentences(text):
            piece = self._sentence(sentence, at)
            yield piece
            at += piece.duration_ms

    def _sentence(self, text: str, start_ms: int) -> Speech:
        sound, marks = self._engine.speak(text)
        pcm = _to_48k(sound, self._engine.rate_hz)
        end_ms = len(pcm) // 2 * 1000 // RATE
        words = tuple(_shifted(place_words(text, marks, end_ms), start_ms))
        return Speech(text, pcm, words, start_ms)


def sentences(text: str) -> list[str]:
    """Cut a text where a voice pauses; joined again they are the text. Pure."""
    pieces: list[str] = []
    for sentence in _SENTENCE.findall(text):
        rest = sentence
        while len(rest) > _LONGEST:
            cut = rest.rfind(" ", 1, _LONGEST) + 1 or _LONGEST
            pieces.append(rest[:cut])
            rest = rest[cut:]
        pieces.append(rest)
    return pieces


def place_words(text: str, marks: Iterable[Mark], end_ms: int) -> list[Word]:
    """Give every word of the text its time. Pure.

    The engine marks no beginning for a word it swallowed ("of the" is one sound) and several for
    a number; between two marks the time is shared out by letters.
    """
    tokens = list(re.finditer(r"\s*\S+\s*", text))
    if not tokens:
        return []
    first_of: dict[int, int] = {}
    for mark in marks:
        index = next((i for i, t in enumerate(tokens) if mark.position < t.end()), len(tokens) - 1)
        first_of.setdefault(index, mark.at_ms)
    known_at = np.array([0, *(tokens[i].start() for i in first_of if i), len(text)])
    known_ms = np.array([0, *(ms for i, ms in first_of.items() if i), end_ms])
    order = np.argsort(known_at, kind="stable")
    starts = np.interp([t.start() for t in tokens], known_at[order], known_ms[order])
    starts = np.maximum.accumulate(np.minimum(starts, end_ms))
    edges = pairwise([*(int(s) for s in starts), end_ms])
    return [Word(t.group(), a, b) for t, (a, b) in zip(tokens, edges, strict=True)]


def spoken_by(words: Iterable[Word], at_ms: int) -> str:
    """What a listener has heard after `at_ms` of the sound: the words that had begun. Pure."""
    return "".join(word.text for word in words if word.start_ms < at_ms)


def service_engine() -> Engine:
    """By flite where Debian's package is installed, else by espeak-ng.

    Measured through Opus with the offline recogniser: 5 % of the words of its answers are
    misheard, of espeak-ng's 14 %, of flite's woman "slt" 7 to 17 %.

    Raises:
        VoiceError: neither is installed.
    """
    try:
        return Flite("rms", pitch=1.13)
    except VoiceError:
        return Espeak(Timbre("en-us", words_per_minute=165))


def user_engine() -> Engine:
    """For a simulated user: of all voices tried, the offline recogniser understands it best.

    Measured: 43 of 44 commands through Opus at 24 to 48 kbit/s; with espeak-ng 34 of 44.

    Raises:
        VoiceError: neither engine is installed.
    """
    try:
        return Flite("rms")
    except VoiceError:
        return Espeak(Timbre("en-us+f2", words_per_minute=170))


def user_utterance(text: str, *, lead_ms: int = 0, tail_ms: int = 0) -> bytes:
    """What a simulated user says, mono s16le 48 kHz, between two stretches of silence.

    Raises:
        VoiceError: no engine is installed.
    """
    quiet = bytes(2 * RATE // 1000)
    return quiet * lead_ms + Voice(user_engine()).synthesize(text).pcm + quiet * tail_ms


def _shifted(words: Iterable[Word], by_ms: int) -> Iterator[Word]:
    for word in words:
        yield replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms)


def _to_48k(sound: bytes, rate_hz: int) -> bytes:
    """FFmpeg's resampler: 16 zero crossings on each side, its delay taken out by the flush."""
    if not sound:
        return b""
    samples = np.frombuffer(sound, "<i2").reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return b"".join(f.to_ndarray().astype("<i2").tobytes() for f in frames)
