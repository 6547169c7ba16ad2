"""One call's ears at work: sound in, turns and words out, recognised before a turn is over."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from appliance.emulator.ears import SoundMemory, SpeechStarted, TurnDetector, TurnSettings
from appliance.emulator.recognizer import Recognizer, RecognizerError
from appliance.emulator.vad import RATE, Weights
from appliance.emulator.wire import Json, Recognize

if TYPE_CHECKING:
    import asyncio

# Speech that pauses this long has usually ended: the words are then ready when the turn is over.
_EARLY_MS: Final = 250
# What semantic detection waits: by eagerness (OpenAI, "Voice activity detection", 2026: at most
# 8, 4 and 2 s; a finished sentence is answered far sooner).
_EAGERNESS_MS: Final = {"low": 1200, "medium": 700, "auto": 700, "high": 400}


class Turns(Protocol):
    """Who is told what was heard."""

    def speech_started(self, start_ms: int) -> None:
        """Speech begins."""
        ...

    def speech_stopped(self, end_ms: int) -> None:
        """A turn is over."""
        ...

    def transcribed(self, item_id: str, text: str, seconds: float) -> None:
        """The words of an item."""
        ...

    def not_transcribed(self, item_id: str, reason: str) -> None:
        """No words, and why."""
        ...


@dataclass(slots=True)
class _Guess:
    start_ms: int
    task: "asyncio.Task[str]"


class Hearer:
    """Hears one call. Only the event loop touches it."""

    def __init__(
        self,
        recognizer: Recognizer,
        weights: Weights,
        turns: Turns,
        start: Callable[[Coroutine[Any, Any, Any], str], "asyncio.Task[Any]"],
    ) -> None:
        """`start(work, name)`: runs recognition as a task of the call."""
        self._recognizer = recognizer
        self._turns = turns
        self._start = start
        self._memory = SoundMemory()
        self._detector = TurnDetector(weights=weights)
        self._detecting = True
        self._start_ms = 0
        self._guess: _Guess | None = None

    @property
    def received_ms(self) -> int:
        """Sound received so far."""
        return self._memory.end_ms

    def configure(self, turn_detection: Json | None) -> None:
        """Take over new settings."""
        self._detecting = turn_detection is not None
        if turn_detection is not None:
            self._detector.settings = settings_of(turn_detection)

    def reset(self) -> None:
        """Forget the turn going on, as after commit or clear."""
        self._detector.reset()
        self._drop_guess()

    def feed(self, pcm16k: bytes) -> None:
        """Hear this: mono, s16le, 16 kHz."""
        self._memory.feed(pcm16k)
        for event in self._detector.feed(pcm16k):
            if not self._detecting:
                continue
            if isinstance(event, SpeechStarted):
                self._start_ms = event.audio_start_ms
                self._turns.speech_started(event.audio_start_ms)
            else:
                self._turns.speech_stopped(event.audio_end_ms)
        if self._detecting and self._detector.speaking:
            self._look_ahead()

    def recognize(self, order: Recognize) -> None:
        """Find the words of a turn, in a task of the call."""
        guess, self._guess = self._guess, None
        if guess is not None and guess.start_ms != order.start_ms:
            guess.task.cancel()
            guess = None
        sound = self._memory.between(order.start_ms, order.end_ms)
        self._start(self._recognize(order, guess, sound), "recognize")

    async def _recognize(self, order: Recognize, guess: _Guess | None, sound: bytes) -> None:
        try:
            text = await (guess.task if guess else self._recognizer.recognize(sound))
        except RecognizerError as error:
            self._turns.not_transcribed(order.item_id, str(error))
        else:
            self._turns.transcribed(order.item_id, text, len(sound) / 2 / RATE)

    def _look_ahead(self) -> None:
        silence = self._detector.silence_ms
        if not silence:
            self._drop_guess()
            return
        early = min(_EARLY_MS, self._detector.settings.silence_duration_ms // 2)
        if self._guess is None and silence >= early:
            sound = self._memory.between(self._start_ms)
            task = self._start(self._try(sound), "recognize ahead")
            self._guess = _Guess(self._start_ms, task)

    async def _try(self, sound: bytes) -> str:
        return await self._recognizer.recognize(sound)

    def _drop_guess(self) -> None:
        guess, self._guess = self._guess, None
        if guess is not None:
            guess.task.cancel()


def settings_of(turn_detection: Json) -> TurnSettings:
    """The detector's settings for a session's `turn_detection`."""
    if turn_detection["type"] == "semantic_vad":
        return TurnSettings(silence_duration_ms=_EAGERNESS_MS[turn_detection["eagerness"]])
    return TurnSettings(
        turn_detection["threshold"],
        turn_detection["prefix_padding_ms"],
        turn_detection["silence_duration_ms"],
    )
