"""Somebody cuts in on the machine in a room that is lived in: which of their words are understood."""  # noqa: E501

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from appliance.emulator.ears import (
    SoundMemory,
    SpeechStarted,
    SpeechStopped,
    Thinner,
    TurnDetector,
)
from appliance.emulator.recognizer import Recognizer
from appliance.emulator.voice import Voice, user_utterance
from appliance.media import pcm
from appliance.media.echo import EchoCanceller
from appliance.media.pcm import BLOCK_SAMPLES, RATE
from tests.bench import room as rooms
from tests.bench.acoustics import Acoustics
from tests.bench.room import Room

# The emulator's recogniser understands all of them when the machine is silent.
PHRASES: Final = (
    "Be quiet.",
    "Stop please.",
    "What time is it?",
    "Tell me a joke.",
    "What is your name?",
    "Thank you.",
    "Wait a moment, I have a question.",
    "Please be quiet.",
    "Can you say that again please?",
)
SETTLED: Final = 600  # blocks of 10 ms in which the machine talks alone at first
BETWEEN: Final = 300  # blocks until the next cuts in; and up to SPREAD more
SPREAD: Final = 60
LISTENED: Final = 150  # blocks after a phrase until it is not heard any more
REACTION: Final = 4  # blocks until the service's order to be silent has come
PAUSE: Final = 50  # blocks of silence before the machine goes on
QUIET: Final = 300  # of 32768: between two words of the machine


@dataclass(frozen=True, slots=True)
class Understood:
    """What was said, and what was understood of it."""

    said: str
    heard: str

    @property
    def wrong(self) -> int:
        """Words that are missing, added or others (Levenshtein)."""
        said, heard = _words(self.said), _words(self.heard)
        row = list(range(len(heard) + 1))
        for at, word in enumerate(said, 1):
            before, row[0] = row[0], at
            for n, other in enumerate(heard, 1):
                cost = before + (word != other)
                before, row[n] = row[n], min(row[n] + 1, row[n - 1] + 1, cost)
        return row[-1]


def cut_in(
    canceller: EchoCanceller, room: Room, words: str, phrases: Sequence[str] = PHRASES
) -> list[Understood]:
    """Let a machine talk (`words`; "": be silent) and cut in with each phrase.

    As soon as the emulator's ears hear somebody, the machine is silent until they have ended.
    """
    return list(_Machine(canceller, room, words).cut_in(phrases))


class _Machine:
    def __init__(self, canceller: EchoCanceller, room: Room, words: str) -> None:
        self._room = room
        self._canceller = canceller
        self._acoustics = Acoustics(room)
        self._voice = _voice(words, room.seed)
        self._at = 0
        self._last, self._gain = pcm.SILENCE, 1.0
        self._thinner, self._ears, self._memory = Thinner(), TurnDetector(), SoundMemory()
        self._rng = np.random.default_rng(room.seed)

    def cut_in(self, phrases: Sequence[str]) -> Iterator[Understood]:
        for _ in range(SETTLED):
            self._step(pcm.SILENCE, talks=True)
        for phrase in phrases:
            for _ in range(BETWEEN + int(self._rng.integers(SPREAD))):
                self._step(pcm.SILENCE, talks=True)
            self._ears.reset()
            yield Understood(phrase, self._listen(phrase))
            for _ in range(PAUSE):
                self._step(pcm.SILENCE, talks=False)
            while np.abs(self._voice_at(10)).max() > QUIET:  # it goes on with a new word
                self._at += BLOCK_SAMPLES

    def _listen(self, phrase: str) -> str:
        said = list(pcm.blocks(rooms.spoken(self._room, _spoken(phrase)).tobytes()))
        start: SpeechStarted | None = None
        end, silent_from = None, len(said) + LISTENED
        for number, block in enumerate([*said, *[pcm.SILENCE] * LISTENED]):
            for event in self._step(block, talks=number < silent_from):
                if isinstance(event, SpeechStarted) and start is None:
                    start, silent_from = event, number + REACTION
                elif isinstance(event, SpeechStopped) and start is not None:
                    end = event.audio_end_ms
            if end is not None and number >= len(said):
                break
        if start is None:
            return ""
        return _recognizer().recognize_now(self._memory.between(start.audio_start_ms, end))

    def _step(self, person: bytes, *, talks: bool) -> list[SpeechStarted | SpeechStopped]:
        near = self._acoustics.hear(self._last, person)
        far = pcm.SILENCE
        if talks:
            far = self._voice_at(1).tobytes()
            self._at += BLOCK_SAMPLES
        before, self._gain = self._gain, self._canceller.gain
        if not before == self._gain == 1.0:
            far = pcm.ramp(far, before, self._gain)
        self._last = far
        heard = self._thinner.feed(self._canceller.process(near, far))
        self._memory.feed(heard)
        return self._ears.feed(heard)

    def _voice_at(self, blocks: int) -> npt.NDArray[np.int16]:
        places = range(self._at, self._at + blocks * BLOCK_SAMPLES)
        return self._voice.take(places, mode="wrap")


def word_count(text: str) -> int:
    """Return how many words it has."""
    return len(_words(text))


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9' ]", "", text.lower().replace("-", " ")).split()


def _spoken(phrase: str) -> rooms.Sound:
    """Return it without the silence before its first sound."""
    sound = np.frombuffer(user_utterance(phrase), "<i2").astype(float) / 32768
    return sound[int(np.argmax(np.abs(sound) > 0.02 * np.abs(sound).max())) :]


def _voice(words: str, seed: int) -> npt.NDArray[np.int16]:
    """Return the machine's voice, which begins somewhere in its words."""
    if not words:
        return np.zeros(RATE, np.int16)
    sound = np.frombuffer(Voice().synthesize(words).pcm, "<i2").astype(float) / 32768
    turned = np.roll(sound, int(np.random.default_rng(seed).integers(len(sound))))
    loud = np.clip(rooms.at_level(turned, rooms.FAR_DBFS), -0.99, 0.99)
    return np.round(loud * 32767).astype(np.int16)


@cache
def _recognizer() -> Recognizer:
    return Recognizer()
