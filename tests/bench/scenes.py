"""Scenes for an echo canceller: rooms in which the machine talks and a person cuts in, played."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from appliance.emulator.ears import SpeechStarted, Thinner, TurnDetector
from appliance.emulator.voice import Voice, user_utterance
from appliance.media.echo import EchoCanceller
from appliance.media.pcm import BLOCK_SAMPLES, RATE
from appliance.media.webrtc_echo import WebRtcEcho
from tests.bench import room as rooms
from tests.bench.candidates import CANCELLERS
from tests.bench.room import Room, Scene, Sound

Samples = npt.NDArray[np.int16]

ASSISTANT = (
    "The weather in the mountains changes quickly, so take a warm jacket with you when you leave. "
    "I found three recipes for a vegetable soup that you could cook this evening. "
    "The first one needs carrots, leeks and a few potatoes, and it takes about forty minutes. "
    "Your next appointment is on Thursday at half past nine with the dentist in the old town. "
)
PERSON = (
    "I would like to know more about the second recipe. How long does it take, "
    "and can I leave out the cream? My daughter does not like onions either. "
)
PHRASES = (
    "Stop please, that is enough.",
    "Wait a moment, I have a question.",
    "No, not that one, the other.",
    "Can you say that again please?",
    "Okay, thank you, that is enough.",
    "Hold on, set a timer first.",
)
HEARD_WITHIN = 2.5  # s
BEGINNING = 4.0  # s from the first word, in which a canceller finds the echo
COUNTED_S = rooms.INTERRUPTIONS[0] - rooms.SPOKEN[0] - BEGINNING + rooms.LENGTH - rooms.ALONE[1]
ALONE_S = rooms.LENGTH - rooms.SPOKEN[0] - (rooms.ALONE[1] - rooms.ALONE[0])
ANSWER, PAUSE = 3.0, 9.0  # s of short answers, and of silence after each
EARLY, LATE = (12.0, 22.0), (70.0, 82.0)  # s in which only the machine talks
SPANS = {  # s: from 2 s after a jump, and through the xruns
    "delay jumps": ((14.0, 22.0), (68.0, 82.0)),
    "six xruns": ((6.0, 22.0), (64.0, 82.0)),
}
INTELLIGIBLE = ("nominal", "loud")  # in which the person's words are scored
AFTER_PHRASE = 0.5  # s; for the canceller's delay


@dataclass(frozen=True, slots=True)
class Outcome:
    """`erle`: dB, the worse of two times. `own`: interruptions by itself. `latencies`: s.

    `open_erle`: dB, before the canceller withholds what is left of the echo, if it does and knows.
    `phrases`: what the person said while both spoke, and what was heard of it.
    """

    erle: float
    open_erle: float | None
    own: int
    latencies: tuple[float | None, ...]
    phrases: tuple[tuple[Samples, Samples], ...]


def outcome(name: str, kind: str, room: Room) -> Outcome:
    """Play a scene to a canceller and listen with the emulator's ears."""
    scene = rooms.scene(room, *_voices())
    canceller = CANCELLERS[name]()
    clean = play(canceller, scene, room)
    begun = speech_in(clean)
    after, end = rooms.SPOKEN[0] + BEGINNING, rooms.INTERRUPTIONS[0]
    own = sum(after < at < end or rooms.ALONE[1] + 0.5 < at for at in begun)
    latencies = tuple(
        next((at - start for at in begun if 0 < at - start < HEARD_WITHIN), None)
        for start in rooms.INTERRUPTIONS
    )
    times = SPANS.get(kind, (EARLY, LATE))
    phrases = tuple(_phrases(scene, clean)) if kind in INTELLIGIBLE else ()
    erle = min(_erle(scene, clean, *span) for span in times)
    return Outcome(erle, canceller.loss_enhancement, own, latencies, phrases)


def _phrases(scene: Scene, clean: Samples) -> Iterator[tuple[Samples, Samples]]:
    talker = np.round(np.clip(scene.talker, -1, 0.99997) * 32767).astype(np.int16)
    for start, phrase in zip(rooms.INTERRUPTIONS, _voices()[2], strict=True):
        begin, end = round(start * RATE), round(start * RATE) + len(phrase)
        yield talker[begin:end], clean[begin : end + round(AFTER_PHRASE * RATE)]


def talks_alone(room: Room) -> int:
    """Return how often the machine interrupts itself in a scene in which nobody else speaks."""
    assistant, _, _ = _voices()
    silence = np.zeros(RATE)
    scene = rooms.scene(room, assistant, silence, [silence] * len(rooms.INTERRUPTIONS))
    return len(speech_in(play(WebRtcEcho(), scene, room)))


def answers_alone(name: str, room: Room) -> int:
    """Return how often the machine interrupts itself with short answers; nobody else speaks."""
    assistant, _, _ = _voices()
    length, pause = round(ANSWER * RATE), np.zeros(round(PAUSE * RATE))
    answers = [assistant[at : at + length] for at in range(0, len(assistant) - length, length)]
    silence = np.zeros(RATE)
    talk = np.concatenate([part for answer in answers for part in (answer, pause)])
    scene = rooms.scene(room, talk, silence, [silence] * len(rooms.INTERRUPTIONS))
    return len(speech_in(play(CANCELLERS[name](), scene, room)))


def refused_after(room: Room) -> float:
    """Return after how many seconds of a voice ours gives the clocks up; all it has, if never."""
    scene = rooms.scene(room, *_voices())
    canceller = WebRtcEcho()
    for number in range(len(scene.far) // BLOCK_SAMPLES):
        part = slice(number * BLOCK_SAMPLES, (number + 1) * BLOCK_SAMPLES)
        canceller.process(scene.near[part].tobytes(), scene.far[part].tobytes())
        if not canceller.steady:
            return (number + 1) * BLOCK_SAMPLES / RATE - rooms.SPOKEN[0]
    return rooms.LENGTH - rooms.SPOKEN[0]


def play(canceller: EchoCanceller, scene: Scene, room: Room) -> Samples:
    """Return the cleaned microphone; the speaker is as loud as the canceller wants it."""
    count = len(scene.far) // BLOCK_SAMPLES
    way = round(room.delay * RATE / BLOCK_SAMPLES)
    gains = np.ones(count + 1)
    clean = np.empty(count * BLOCK_SAMPLES, np.int16)
    rest = scene.near / 32767.0 - scene.echo
    for number in range(count):
        part = slice(number * BLOCK_SAMPLES, (number + 1) * BLOCK_SAMPLES)
        far = np.round(scene.far[part] * _slope(gains, number)).astype(np.int16)
        echo = scene.echo[part] * _slope(gains, max(0, number - way))
        near = np.round(np.clip(echo + rest[part], -1, 0.99997) * 32767).astype(np.int16)
        heard = canceller.process(near.tobytes(), far.tobytes())
        clean[part] = np.frombuffer(heard, np.int16)
        gains[number + 1] = canceller.gain
    return clean


def speech_in(sound: Samples) -> list[float]:
    """Return when the emulator's ears begin to hear somebody, s."""
    thinner, detector = Thinner(), TurnDetector()
    begun = []
    for at in range(0, len(sound), BLOCK_SAMPLES):
        events = detector.feed(thinner.feed(sound[at : at + BLOCK_SAMPLES].tobytes()))
        if any(isinstance(event, SpeechStarted) for event in events):
            begun.append((at + BLOCK_SAMPLES) / RATE)
    return begun


def _slope(gains: npt.NDArray[np.float64], number: int) -> Sound:
    """Return the gain within a block: from that of the one before to its own."""
    return np.linspace(gains[max(0, number - 1)], gains[number], BLOCK_SAMPLES)


def _erle(scene: Scene, clean: Samples, begin: float, end: float) -> float:
    """Return how much quieter the microphone became while the machine spoke, dB."""
    part = slice(round(begin * RATE), round(end * RATE))
    far, before, after = (
        np.square(sound[part].astype(float)).reshape(-1, BLOCK_SAMPLES).mean(1)
        for sound in (scene.far, scene.near, clean)
    )
    loud = far > far.mean() * 0.03
    return float(10 * np.log10(before[loud].mean() / max(after[loud].mean(), 1e-3)))


@cache
def _voices() -> tuple[Sound, Sound, list[Sound]]:
    assistant = _sound(Voice().synthesize(ASSISTANT).pcm)
    return assistant, _sound(user_utterance(PERSON)), [_phrase(words) for words in PHRASES]


def _phrase(words: str) -> Sound:
    """Return it without the silence before its first sound."""
    sound = _sound(user_utterance(words))
    return sound[int(np.argmax(np.abs(sound) > 0.02 * np.abs(sound).max())) :]


def _sound(pcm: bytes) -> Sound:
    return np.frombuffer(pcm, "<i2").astype(float) / 32768
