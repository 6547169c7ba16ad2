"""The part about echo: simulated rooms, in which the machine talks and a person cuts in."""

import asyncio
import os
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from pywebrtc_audio import AudioProcessor

from appliance.emulator.ears import SpeechStarted, Thinner, TurnDetector
from appliance.emulator.voice import Voice, user_utterance
from appliance.media.bands import Narrower, Widener
from appliance.media.echo import EchoCanceller, NoEcho
from appliance.media.pcm import BLOCK_SAMPLES, RATE
from appliance.media.speex import LinearCanceller
from appliance.media.webrtc_echo import WebRtcEcho
from tests.bench import room as rooms
from tests.bench.cut_in import PHRASES as CUT_IN_PHRASES
from tests.bench.cut_in import cut_in, word_count
from tests.bench.room import Room, Scene, Sound
from tests.bench.rows import Row
from tests.bench.sound import scored

Samples = npt.NDArray[np.int16]
Job = tuple[str, str, Room]

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
WALLS = 3  # rooms of each kind; with six interruptions each
ALONE_SCENES = 6  # more of the live room, in which nobody cuts in: together half an hour
HEARD_WITHIN = 2.5  # s
BEGINNING = 4.0  # s from the first word, in which a canceller finds the echo
EARLY, LATE = (12.0, 22.0), (70.0, 82.0)  # s in which only the machine talks
AFTER_JUMP = {
    "delay jumps": ((14.0, 22.0), (68.0, 82.0)),
    "six xruns": ((12.0, 20.0), (77.0, 82.0)),
}
ERLE_GOALS = {"distorted": 40.0, "drift 300 ppm": 40.0, "six xruns": 40.0, "delay jumps": 35.0}
ERLE_GOAL = 50.0
LATENCY_GOAL = 250.0  # ms
INTELLIGIBLE = ("nominal", "loud")  # in which the person's words are scored
STOI_GOAL = 0.75
CUT_IN = ("nominal", "loud", "reverb")  # in which words said into the machine's are recognised
CUT_IN_WALLS = 2
SILENT = "machine silent"
AFTER_PHRASE = 0.5  # s; for the canceller's delay


class Aec3(NoEcho):
    """WebRTC's AEC3 and NS as they come, at 48 kHz."""

    def __init__(self) -> None:
        super().__init__()
        self._processor = AudioProcessor(
            sample_rate=RATE, echo_cancellation=True, noise_suppression=True, ns_level=1
        )

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return the microphone without the speaker's sound."""
        clean = self._processor.process(np.frombuffer(near, np.int16), np.frombuffer(far, np.int16))
        return bytes(clean.tobytes())


class Speex(NoEcho):
    """Speex's linear canceller as it comes, at 16 kHz."""

    def __init__(self) -> None:
        super().__init__()
        self._near, self._far, self._back = Narrower(), Narrower(), Widener()
        self._linear = LinearCanceller()

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return the microphone without the speaker's sound."""
        clean = self._linear.process(self._near.convert(near), self._far.convert(far))
        return self._back.convert(clean)


CANCELLERS: Mapping[str, Callable[[], EchoCanceller]] = {
    "ours": WebRtcEcho,
    "AEC3 and NS": Aec3,
    "Speex": Speex,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`erle`: dB, the worse of two times. `own`: interruptions by itself. `latencies`: s.

    `phrases`: what the person said while both spoke, and what was heard of it.
    """

    erle: float
    own: int
    latencies: tuple[float | None, ...]
    phrases: tuple[tuple[Samples, Samples], ...]


async def echo() -> list[Row]:
    """What of the machine's own voice gets through, and what of a person's, in eleven rooms."""
    jobs = [
        (name, kind, room)
        for kind, one in rooms.ROOMS.items()
        for room in rooms.others(one, WALLS)
        for name in CANCELLERS
    ]
    live = rooms.others(replace(rooms.ROOMS["reverb"], seed=57), ALONE_SCENES)
    outcomes, alone = await asyncio.to_thread(_all, jobs, live)
    results: dict[tuple[str, str], list[Outcome]] = {}
    for (name, kind, _), found in zip(jobs, outcomes, strict=True):
        results.setdefault((kind, name), []).append(found)
    own = sum(o.own for (_, name), found in results.items() if name == "ours" for o in found)
    rows = [row for kind in rooms.ROOMS for row in _rows(kind, results)]
    for kind in INTELLIGIBLE:
        heard = {name: results[kind, name] for name in CANCELLERS}
        rows.append(await asyncio.to_thread(_intelligible, kind, heard))
    others = {
        name: float(sum(o.own for (_, n), found in results.items() if n == name for o in found))
        for name in list(CANCELLERS)[1:]
    }
    rows.append(await asyncio.to_thread(_misheard))
    text = "interruptions by itself in half an hour of all rooms (others: 22 minutes)"
    return [*rows, Row("echo.own", text, "times", own + sum(alone), 0, others)]


def _all(jobs: Sequence[Job], live: Sequence[Room]) -> tuple[list[Outcome], list[int]]:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        outcomes = [pool.submit(outcome, *job) for job in jobs]
        alone = [pool.submit(talks_alone, room) for room in live]
        return [job.result() for job in outcomes], [job.result() for job in alone]


def _misheard() -> Row:
    """Return how many words of people who cut in are not understood."""
    walls = [room for kind in CUT_IN for room in rooms.others(rooms.ROOMS[kind], CUT_IN_WALLS)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jobs = {
            name: [pool.submit(_wrong_words, name, room) for room in walls]
            for name in (*CANCELLERS, SILENT)
        }
        wrong = {name: float(sum(job.result() for job in found)) for name, found in jobs.items()}
    words = len(walls) * sum(map(word_count, CUT_IN_PHRASES))
    text = f"words said into the machine's, of {words}, not understood"
    return Row("echo.words", text, "", wrong.pop("ours"), None, wrong)


def _wrong_words(name: str, room: Room) -> int:
    canceller = CANCELLERS["ours" if name == SILENT else name]()
    heard = cut_in(canceller, room, "" if name == SILENT else ASSISTANT)
    return sum(understood.wrong for understood in heard)


def _rows(kind: str, results: Mapping[tuple[str, str], Sequence[Outcome]]) -> list[Row]:
    ident = "".join(c if c.isalnum() else "_" for c in kind)
    found = {name: results[kind, name] for name in CANCELLERS}

    def of(measure: Callable[[Sequence[Outcome]], float]) -> tuple[float, dict[str, float]]:
        ours, *rest = ((name, measure(found[name])) for name in CANCELLERS)
        return ours[1], dict(rest)

    goal = ERLE_GOALS.get(kind, ERLE_GOAL if kind == "nominal" else None)
    erle, erles = of(lambda outcomes: min(o.erle for o in outcomes))
    missed, misses = of(lambda outcomes: sum(x is None for o in outcomes for x in o.latencies))
    late, lates = of(_latency)
    return [
        Row(f"echo.erle.{ident}", f"ERLE, {kind}", "dB", erle, None, erles, at_least=goal),
        Row(f"echo.missed.{ident}", f"interruptions missed of 18, {kind}", "", missed, 0, misses),
        Row(
            f"echo.latency.{ident}",
            f"interruption to speech heard, {kind}, median",
            "ms",
            late,
            LATENCY_GOAL,
            lates,
        ),
    ]


def _intelligible(kind: str, found: Mapping[str, Sequence[Outcome]]) -> Row:
    """Return how well a person is understood while the machine talks, and is turned down."""
    pairs = [
        (name, pair) for name, outcomes in found.items() for o in outcomes for pair in o.phrases
    ]
    with TemporaryDirectory(prefix="voice-appliance-bench-") as folder:
        paths = [
            tuple(_written(Path(folder) / f"{n}-{m}.wav", sound) for m, sound in enumerate(pair))
            for n, (_, pair) in enumerate(pairs)
        ]
        scores = scored([(said, heard) for said, heard in paths])
    stoi: dict[str, list[float]] = {}
    for (name, _), score in zip(pairs, scores, strict=True):
        stoi.setdefault(name, []).append(score["stoi"])
    ours, *rest = ((name, fmean(values)) for name, values in stoi.items())
    text = f"STOI of the person while both speak, {kind}"
    return Row(f"echo.stoi.{kind}", text, "", ours[1], None, dict(rest), at_least=STOI_GOAL)


def _written(path: Path, sound: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.tobytes())
    return path


def _latency(outcomes: Sequence[Outcome]) -> float:
    """Return the median in ms; what was missed counts as heard at the end of its window."""
    return 1000 * median(x or HEARD_WITHIN for o in outcomes for x in o.latencies)


def outcome(name: str, kind: str, room: Room) -> Outcome:
    """Play a scene to a canceller and listen with the emulator's ears."""
    scene = rooms.scene(room, *_voices())
    clean = play(CANCELLERS[name](), scene, room)
    begun = speech_in(clean)
    after, end = rooms.SPOKEN[0] + BEGINNING, rooms.INTERRUPTIONS[0]
    own = sum(after < at < end or rooms.ALONE[1] + 0.5 < at for at in begun)
    latencies = tuple(
        next((at - start for at in begun if 0 < at - start < HEARD_WITHIN), None)
        for start in rooms.INTERRUPTIONS
    )
    times = AFTER_JUMP.get(kind, (EARLY, LATE))
    phrases = tuple(_phrases(scene, clean)) if kind in INTELLIGIBLE else ()
    return Outcome(min(_erle(scene, clean, *span) for span in times), own, latencies, phrases)


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
