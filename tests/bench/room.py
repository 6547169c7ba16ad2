"""A room in numbers: what a microphone hears of a loudspeaker, a person and noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Sound: TypeAlias = npt.NDArray[np.float64]  # 1.0 is full scale

RATE: Final = 48_000  # Hz
FAR_DBFS: Final = -20.0  # active level of the assistant's voice at the speaker's input
SPOKEN: Final = (2.0, 82.0)  # s in which the assistant talks without a pause, but for ALONE
INTERRUPTIONS: Final = (23.0, 28.0, 33.0, 38.0, 43.0, 48.0)  # s; a person cuts in for a second
ALONE: Final = (52.0, 62.0)  # s in which only the person talks
LENGTH: Final = 82.0  # s

_EARLY: Final = ((2.1, 0.45), (3.7, -0.35), (5.9, 0.3), (9.3, -0.22), (14.1, 0.18))  # ms, gain
_BEFORE_LATE: Final = 0.004  # s
_CUT_OFF: Final = 200.0  # Hz, below which a small loudspeaker gives nothing
_TURNING: Final = 0.3  # s that somebody takes to turn a knob
_OVERSAMPLED: Final = 8


@dataclass(frozen=True, slots=True)
class Room:
    """A loudspeaker, a way to the microphone, a talker and a noise.

    `delay`: s from the reference to the first echo. `rt60`: s. `direct`: dB of direct and early
    over late sound. `echo`, `near`, `noise`: dBFS at the microphone, while active. `drive`: of the
    loudspeaker, 0.7 is about 2 % of distortion at peaks. `drift`: ppm, by which the speaker's clock
    is fast. `jumps`: when the delay changes for good, s, and by how much, s. `turns`: when somebody
    turns the loudspeaker's own volume, s, and by how much, dB.
    """

    delay: float = 0.080
    rt60: float = 0.35
    direct: float = 12.0
    echo: float = -20.0
    near: float = -28.0
    noise: float = -66.0
    drive: float = 0.7
    drift: float = 0.0
    jumps: tuple[tuple[float, float], ...] = ()
    turns: tuple[tuple[float, float], ...] = ()
    seed: int = 7


# An xrun loses 10 ms of one side; where nobody takes care the delay is another from then on.
_XRUNS = tuple((8.0 + 13.0 * n, 0.010 if n % 2 else -0.010) for n in range(6))
ROOMS: Final[Mapping[str, Room]] = {
    "nominal": Room(),
    "soft": Room(echo=-30.0),
    "loud": Room(echo=-14.0, near=-30.0),
    "reverb": Room(rt60=0.6, direct=5.0),
    "distorted": Room(drive=2.5),
    "delay 150 ms": Room(delay=0.150),
    "drift 50 ppm": Room(drift=50.0),
    "drift 300 ppm": Room(drift=300.0),
    "noise": Room(noise=-50.0),
    "delay jumps": Room(jumps=((12.0, 0.023), (66.0, -0.031))),
    "six xruns": Room(jumps=_XRUNS),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Three sounds of the same length: 16-bit for the two ports, and what is wanted."""

    far: npt.NDArray[np.int16]  # the reference
    near: npt.NDArray[np.int16]  # the microphone
    talker: Sound  # the person, as the microphone gets them
    echo: Sound  # the loudspeaker, as the microphone gets it


def scene(room: Room, assistant: Sound, person: Sound, phrases: Sequence[Sound]) -> Scene:
    """Play it: `assistant` and `person` are repeated as needed, `phrases` are the interruptions."""
    rng = np.random.default_rng(room.seed)
    length = round(LENGTH * RATE)
    turned = np.roll(assistant, int(rng.integers(len(assistant))))  # other words in each room
    far = np.clip(at_level(_looped(turned, length), FAR_DBFS), -0.99, 0.99)
    far[: _at(SPOKEN[0])] = 0
    far[_at(ALONE[0]) : _at(ALONE[1])] = 0
    talker = np.zeros(length)
    for begin, phrase in zip(INTERRUPTIONS, phrases, strict=True):
        talker[_at(begin) : _at(begin) + len(phrase)] += at_level(phrase, room.near)
    alone = _at(ALONE[1]) - _at(ALONE[0])
    talker[_at(ALONE[0]) : _at(ALONE[1])] = at_level(_looped(person, alone), room.near)
    heard = _through(_loudspeaker(far, room.drive), response(room.rt60, room.direct, rng))
    echo = at_level(_delayed(_drifting(heard, room.drift), room), room.echo)
    echo *= _turned(room.turns, length)
    talker = at_level(_through(talker, response(0.3, 12.0, rng)), room.near)
    noise = pink(length, rng) * 10 ** (room.noise / 20)
    return Scene(_rounded(far), _rounded(echo + talker + noise), talker, echo)


def spoken(room: Room, sound: Sound) -> npt.NDArray[np.int16]:
    """Return what a person says, as the microphone gets it."""
    heard = _through(sound, response(0.3, 12.0, np.random.default_rng(room.seed)))
    return _rounded(at_level(heard, room.near))


def others(room: Room, count: int) -> list[Room]:
    """Return the same room with other walls, so many times."""
    return [replace(room, seed=room.seed + 100 * n) for n in range(count)]


def active_power(sound: Sound) -> float:
    """Return the mean square of the 20 ms that are within 30 dB of the loudest."""
    size = RATE // 50
    power = np.square(sound[: len(sound) // size * size].reshape(-1, size)).mean(1)
    return float(power[power >= power.max() * 1e-3].mean())


def at_level(sound: Sound, dbfs: float) -> Sound:
    """Return it with its active level at `dbfs`."""
    scaled: Sound = sound * np.sqrt(10 ** (dbfs / 10) / max(active_power(sound), 1e-12))
    return scaled


def _at(seconds: float) -> int:
    return round(seconds * RATE)


def _looped(sound: Sound, length: int) -> Sound:
    return np.tile(sound, length // len(sound) + 1)[:length]


def _through(sound: Sound, response: Sound) -> Sound:
    size = 1 << (len(sound) + len(response)).bit_length()
    both = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    heard: Sound = np.fft.irfft(both, size)[: len(sound)]
    return heard


def response(rt60: float, direct: float, rng: np.random.Generator) -> Sound:
    """Return the impulse response of a room: the direct sound, five walls, and a dying tail."""
    time = np.arange(round(rt60 * 1.1 * RATE)) / RATE
    late = rng.standard_normal(len(time)) * 10 ** (-3 * time / rt60)
    late[time < _BEFORE_LATE] = 0
    early = np.zeros(len(time))
    early[0] = 1.0
    for ms, gain in _EARLY:
        early[_at(ms / 1000)] += gain
    late *= np.sqrt(np.sum(early**2) / np.sum(late**2)) * 10 ** (-direct / 20)
    whole = early + late
    answer: Sound = whole / np.sqrt(np.sum(whole**2))
    return answer


def _loudspeaker(sound: Sound, drive: float) -> Sound:
    """Return what a small one makes of it: no low notes, and an uneven soft limit."""
    high = np.fft.irfft(np.fft.rfft(sound) * treble(len(sound)), len(sound))
    return bent(high, drive, np.abs(high).max() + 1e-9)


def treble(length: int) -> Sound:
    """Return how much of each frequency a small loudspeaker gives, for sound of this length."""
    ratio = np.fft.rfftfreq(length, 1 / RATE) / _CUT_OFF
    share: Sound = ratio**2 / np.sqrt(1 + ratio**4)
    return share


def bent(sound: Sound, drive: float, peak: float) -> Sound:
    """Return it softly limited, more on one side; `peak` is driven by `drive`."""
    pushed = sound / peak * drive
    limited: Sound = np.tanh(pushed + 0.1 * pushed**2) / drive * peak
    return limited


def _drifting(sound: Sound, ppm: float) -> Sound:
    """Return it played by a clock that is fast by `ppm`."""
    if not ppm:
        return sound
    fine = len(sound) * _OVERSAMPLED
    many = np.fft.irfft(np.fft.rfft(sound), fine) * _OVERSAMPLED
    places = np.arange(len(sound)) * (1 + ppm * 1e-6) * _OVERSAMPLED
    played: Sound = np.interp(places, np.arange(fine), many, right=0.0)
    return played


def _delayed(sound: Sound, room: Room) -> Sound:
    delay = np.full(len(sound), _at(room.delay))
    for when, by in room.jumps:
        delay[_at(when) :] += _at(by)
    source = np.arange(len(sound)) - delay
    late: Sound = np.where(source >= 0, sound[np.clip(source, 0, len(sound) - 1)], 0.0)
    return late


def _turned(turns: Sequence[tuple[float, float]], length: int) -> Sound:
    """Return how loud the loudspeaker is, as a factor."""
    decibels = np.zeros(length)
    for when, by in turns:
        decibels += np.interp(np.arange(length) / RATE, [when, when + _TURNING], [0.0, by])
    factors: Sound = 10 ** (decibels / 20)
    return factors


def pink(length: int, rng: np.random.Generator) -> Sound:
    """Return noise of 1 full scale (root mean square), as much in each octave."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    order = np.maximum(np.arange(len(spectrum)), 1)
    noise = np.fft.irfft(spectrum / np.sqrt(order), length)
    even: Sound = noise / np.sqrt(np.mean(noise**2))
    return even


def _rounded(sound: Sound) -> npt.NDArray[np.int16]:
    whole: npt.NDArray[np.int16] = np.round(np.clip(sound, -1, 0.99997) * 32767).astype(np.int16)
    return whole
