"""Hears whose turn it is: where the user's speech starts and stops in the sound received."""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from appliance.emulator.vad import FRAME_MS, RATE, VoiceActivity, Weights

# Frames in a row over the threshold before speech is believed: clicks are shorter than 96 ms.
# Measured: three frames, no false start in a minute of fan noise, clicks and beeps.
ONSET_FRAMES = 3
# Once speaking, the limit is lower by this much, or words fray (silero-vad 6, `neg_threshold`).
HYSTERESIS = 0.15


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """`turn_detection` of type server_vad, with the defaults recorded for gpt-realtime-2.1."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user began. Milliseconds of audio received, the prefix padding included."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The user finished. Milliseconds of audio received, the silence waited for included."""

    audio_end_ms: int


TurnEvent: TypeAlias = SpeechStarted | SpeechStopped


class TurnDetector:
    """Finds the user's turns in one stream of sound.

    Pure: time is the amount of audio fed, never a clock. Between `SpeechStarted` and
    `SpeechStopped` the attribute `speaking` is true and `silence_ms` says how long the user has
    been quiet by now, so that the recogniser can be started before the silence is long enough.
    """

    def __init__(
        self, settings: TurnSettings | None = None, *, weights: Weights | None = None
    ) -> None:
        """`weights` (`vad.load_weights()`) may be shared between streams."""
        self.settings = settings or TurnSettings()  # may be replaced at any time
        self.speaking = False
        self.silence_ms = 0
        self._activity = VoiceActivity(weights)
        self._heard_ms = 0  # audio judged
        self._run = 0  # frames in a row over the threshold
        self._floor_ms = 0  # a turn never starts before the end of the last

    @property
    def heard_ms(self) -> int:
        """Audio judged since the start; multiple of 32 ms."""
        return self._heard_ms

    def feed(self, pcm16k: bytes) -> list[TurnEvent]:
        """What happened in this piece of sound.

        Args:
            pcm16k: any whole number of samples, mono, s16le, 16 kHz.
        """
        found = (self._step(chance) for chance in self._activity.feed(pcm16k))
        return [event for event in found if event is not None]

    def reset(self) -> None:
        """End a turn without an event, as after a commit or clear by the client."""
        self.speaking = False
        self.silence_ms = 0
        self._run = 0
        self._floor_ms = self._heard_ms

    def _step(self, chance: float) -> TurnEvent | None:
        self._heard_ms += FRAME_MS
        return self._while_speaking(chance) if self.speaking else self._while_quiet(chance)

    def _while_quiet(self, chance: float) -> TurnEvent | None:
        self._run = self._run + 1 if chance >= self.settings.threshold else 0
        if self._run < ONSET_FRAMES:
            return None
        self.speaking = True
        self.silence_ms = 0
        start = self._heard_ms - self._run * FRAME_MS - self.settings.prefix_padding_ms
        return SpeechStarted(max(start, self._floor_ms))

    def _while_speaking(self, chance: float) -> TurnEvent | None:
        quiet = chance < max(self.settings.threshold - HYSTERESIS, 0.01)
        self.silence_ms = self.silence_ms + FRAME_MS if quiet else 0
        if self.silence_ms < self.settings.silence_duration_ms:
            return None
        self.reset()
        return SpeechStopped(self._heard_ms)


class SoundMemory:
    """The sound received, addressed by milliseconds since the start; the oldest is forgotten."""

    def __init__(self, limit_ms: int = 60_000) -> None:
        """`limit_ms`: how much is kept; a user's turn longer than that loses its beginning."""
        self._limit = limit_ms * RATE // 1000 * 2
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._dropped = 0

    @property
    def end_ms(self) -> int:
        """Audio received since the start."""
        return (self._dropped + self._held) // 2 * 1000 // RATE

    def feed(self, pcm16k: bytes) -> None:
        """Remember this sound: mono, s16le, 16 kHz."""
        self._pieces.append(pcm16k)
        self._held += len(pcm16k)
        while self._held - len(self._pieces[0]) >= self._limit:
            oldest = len(self._pieces.popleft())
            self._held -= oldest
            self._dropped += oldest

    def between(self, start_ms: int, end_ms: int | None = None) -> bytes:
        """Sound from `start_ms` to `end_ms` (default: until now), as far as it is still known."""
        whole = b"".join(self._pieces)
        first = max(start_ms * RATE // 1000 * 2 - self._dropped, 0)
        if end_ms is None:
            return whole[first:]
        return whole[first : max(end_ms * RATE // 1000 * 2 - self._dropped, 0)]


class Thinner:
    """Streaming 48 kHz to 16 kHz: a 48-tap low-pass, every third sample. Delay 0.5 ms."""

    _TAPS = 48

    def __init__(self) -> None:
        n = np.arange(self._TAPS) - (self._TAPS - 1) / 2
        cut = 7200 / 48_000  # Hz; the rest of the band is the filter's slope
        kernel = 2 * cut * np.sinc(2 * cut * n) * np.blackman(self._TAPS)
        self._kernel = (kernel / kernel.sum()).astype(np.float32)
        self._tail = np.zeros(self._TAPS - 3, np.float32)

    def feed(self, pcm48k: bytes) -> bytes:
        """Mono s16le at 48 kHz in, at 16 kHz out; what does not fill three samples is kept."""
        fresh = np.frombuffer(pcm48k, "<i2").astype(np.float32)
        sound = np.concatenate((self._tail, fresh))
        count = max((len(sound) - self._TAPS) // 3 + 1, 0)
        self._tail = sound[count * 3 :]
        if not count:
            return b""
        windows = np.lib.stride_tricks.sliding_window_view(sound, self._TAPS)[: count * 3 : 3]
        thin = np.clip(np.rint(windows @ self._kernel), -32768, 32767)
        return bytes(thin.astype("<i2"))
