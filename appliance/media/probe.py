"""Measures a speaker, a room and a microphone by a sweep, and the voice of a person by its level.

A sweep whose pitch rises exponentially is divided out of what the microphone heard (A. Farina,
"Simultaneous measurement of impulse response and distortion with a swept-sine technique", AES
2000); distortion falls before the direct sound there, and noise is spread over all of it.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from appliance.media.pcm import FLOOR_DBFS, RATE

Sound: TypeAlias = npt.NDArray[np.float32]

SWEEP_LENGTH = 3.0  # s
TAIL = 1.0  # s listened to after the sweep: the longest delay, and the room
_LOW, _HIGH = 100.0, 8000.0  # Hz: what small speakers play, and what voices need
_LOUDNESS = 0.1  # peak of the sweep, full scale: -20 dBFS, like speech
_FADE = 0.05  # s
_LONGEST_DELAY = 0.8  # s; a canceller would not look that far
_BEFORE, _ROOM = 0.005, 0.3  # s around the direct sound that count as echo
_CLEAR = 12.0  # times the noise; of noise alone the peak is 5 times, of mains hum 9 (measured)
_FULL = 32_700 / 32768
_FRAME = 960  # samples, 20 ms: a piece of voice
_VOICE_ABOVE_NOISE = 10.0  # dB
_QUIETEST_VOICE = -65.0  # dBFS
_LEAST_VOICE = 25  # frames: half a second
# Active speech at -26 dBov is what telephony is built for (ITU-T P.56, P.830).
_VOICE_TARGET = -26.0  # dBFS
_HEADROOM = -3.0  # dBFS for the loudest sample
_HISS = -50.0  # dBFS that the noise of the room may be lifted to


@dataclass(frozen=True, slots=True)
class Echo:
    """What came back of the sweep.

    `delay`: seconds from `exchange` to `exchange`. `level_dbfs`: at the microphone, over the sweep.
    `return_loss_db`: how much weaker that is than what was played.
    """

    delay: float
    level_dbfs: float
    return_loss_db: float


@dataclass(frozen=True, slots=True)
class Voice:
    """A person's voice: its level while it speaks, and its loudest sample."""

    level_dbfs: float
    peak_dbfs: float


def sweep(gain: float = 1.0) -> Sound:
    """Return the sweep at `gain` times its usual loudness (-20 dBFS peak)."""
    time = np.arange(round(SWEEP_LENGTH * RATE)) / RATE
    rise = math.log(_HIGH / _LOW)
    phase = 2 * np.pi * _LOW * SWEEP_LENGTH / rise * (np.exp(time * rise / SWEEP_LENGTH) - 1)
    edge = np.minimum(1.0, np.minimum(time, SWEEP_LENGTH - time) / _FADE)
    sound: Sound = (gain * _LOUDNESS * edge * np.sin(phase)).astype(np.float32)
    return sound


def to_pcm(sound: Sound) -> bytes:
    """Return it as s16le."""
    return np.rint(np.clip(sound, -1.0, 32767 / 32768) * 32768).astype("<i2").tobytes()


def from_pcm(pcm: bytes | bytearray) -> Sound:
    """Return s16le as numbers from -1 to 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def level_dbfs(sound: Sound) -> float:
    """Return the root mean square in dBFS, as `pcm.level_dbfs`: a full-scale sine is -3."""
    power = float(np.mean(np.square(sound, dtype=np.float64))) if sound.size else 0.0
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS


def clipped_share(sound: Sound) -> float:
    """Return the share of samples at full scale, 0 to 1."""
    return float(np.mean(np.abs(sound) >= _FULL)) if sound.size else 0.0


def find_echo(played: Sound, heard: Sound) -> Echo | None:
    """Return what `heard` has of `played`; None if it does not stand out from the noise.

    Both begin at the same block; `heard` is TAIL longer. Takes some 0.2 s.
    """
    size = 1 << (len(heard) + len(played) - 1).bit_length()
    source, spectrum = np.fft.rfft(played, size), np.fft.rfft(heard, size)
    pitch = np.fft.rfftfreq(size, 1 / RATE)
    power = np.abs(source) ** 2
    band = (pitch >= _LOW) & (pitch <= _HIGH)
    # At its edges the sweep is weak, and dividing by it would make noise of everything.
    least = np.median(power[band]) / 2
    divided = np.where(band, spectrum * np.conj(source) / np.maximum(power, least), 0)
    response = np.fft.irfft(divided, size)
    size_of = np.abs(response)
    at = int(np.argmax(size_of[: round(_LONGEST_DELAY * RATE)]))
    around = size_of[: round(TAIL * RATE)]  # where all of the sweep was listened for
    noise = float(np.median(around)) / 0.6745  # of a normal distribution
    if size_of[at] <= _CLEAR * noise or size_of[at] == 0:
        return None
    places = np.arange(at - round(_BEFORE * RATE), at + round(_ROOM * RATE))  # before 0 is the end
    kept = np.zeros_like(response)
    kept[places] = response[places]
    echo = np.fft.irfft(np.fft.rfft(kept) * source, size)
    level = level_dbfs(echo[at : at + len(played)].astype(np.float32))
    return Echo(at / RATE, level, level_dbfs(played) - level)


def find_voice(heard: Sound, noise_dbfs: float) -> Voice | None:
    """Return the voice in `heard`; None if there is less than half a second of it."""
    frames = heard[: len(heard) // _FRAME * _FRAME].reshape(-1, _FRAME)
    levels = np.array([level_dbfs(frame) for frame in frames])
    spoken = levels >= max(noise_dbfs + _VOICE_ABOVE_NOISE, _QUIETEST_VOICE)
    if np.count_nonzero(spoken) < _LEAST_VOICE:
        return None
    active = frames[spoken]
    loudest = float(np.max(np.abs(active)))
    return Voice(level_dbfs(active.reshape(-1)), 20 * math.log10(loudest))


def right_gain(
    voice: Voice, noise_dbfs: float, echo: Echo | None, lowest: int, highest: int
) -> int:
    """Return the gain in whole dB that brings a voice to the usual level.

    Less, where its peaks would be clipped, or the echo of the speaker at its loudest, or the noise
    of the room became loud.
    """
    wanted = _VOICE_TARGET - voice.level_dbfs
    bounded = min(wanted, _HEADROOM - voice.peak_dbfs, max(0.0, _HISS - noise_dbfs))
    if echo is not None:  # of a far end at full scale, at full volume
        bounded = min(bounded, max(0.0, _HEADROOM + echo.return_loss_db))
    return min(max(round(bounded), lowest), highest)
