import time

import numpy as np
import pytest

from appliance.emulator.ears import (
    SoundMemory,
    SpeechStarted,
    SpeechStopped,
    Thinner,
    TurnDetector,
    TurnEvent,
    TurnSettings,
)
from appliance.emulator.vad import FRAME, VoiceActivity, Weights, load_weights
from appliance.emulator.voice import Speech, Voice, user_engine
from tests.emulator.hearing import mixed, noise, samples, silence, thin, tone

LEAD_MS = 1500
PUBLISHED = [0.1964, 0.0516, 0.0040, 0.0263, 0.0100, 0.0081, 0.0299, 0.0026]
FRAME_MS = 32


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load_weights()


@pytest.fixture(scope="module")
def speech() -> Speech:
    return Voice(user_engine()).synthesize("What is the state of the device?")


@pytest.fixture(scope="module")
def utterance(speech: Speech) -> bytes:
    """The sentence between 1.5 s of silence at both ends, 16 kHz."""
    return silence(LEAD_MS / 1000) + thin(speech.pcm) + silence(1.5)


@pytest.fixture(scope="module")
def spoken_ms(utterance: bytes) -> tuple[int, int]:
    """Where the sentence is loud enough to be heard."""
    loud = np.flatnonzero(np.abs(samples(utterance)) > 500) // 16
    return int(loud[0]), int(loud[-1])


def listen(detector: TurnDetector, pcm: bytes, step_ms: int = 20) -> list[TurnEvent]:
    step = step_ms * 32
    pieces = (pcm[i : i + step] for i in range(0, len(pcm), step))
    return [event for piece in pieces for event in detector.feed(piece)]


def starts(events: list[TurnEvent]) -> list[int]:
    return [event.audio_start_ms for event in events if isinstance(event, SpeechStarted)]


# ------------------------------------------------------------------------------- the network


def test_network_gives_the_numbers_of_the_published_model(weights: Weights) -> None:
    """Computed by onnxruntime from silero_vad_16k_op15.onnx of silero-vad 6.2.3."""
    t = np.arange(FRAME * 40) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    pcm = (buzz * (1 + np.sin(25 * t)) * 3000).astype("<i2").tobytes()
    got = VoiceActivity(weights).feed(pcm)
    assert got[::5] == pytest.approx(PUBLISHED, abs=3e-3)  # float16 weights


def test_frames_are_judged_when_they_are_complete(weights: Weights, utterance: bytes) -> None:
    whole = VoiceActivity(weights).feed(utterance)
    in_pieces = VoiceActivity(weights)
    pieces = (utterance[i : i + 334] for i in range(0, len(utterance), 334))
    assert [chance for piece in pieces for chance in in_pieces.feed(piece)] == whole
    assert len(whole) == len(utterance) // (FRAME * 2)


def test_after_a_reset_nothing_is_remembered(weights: Weights, utterance: bytes) -> None:
    activity = VoiceActivity(weights)
    first = activity.feed(utterance)
    activity.reset()
    assert activity.feed(utterance) == first


def test_listening_takes_less_than_a_twentieth_of_a_core(
    weights: Weights, utterance: bytes
) -> None:
    detector = TurnDetector(weights=weights)
    before = time.process_time()
    listen(detector, utterance)
    assert time.process_time() - before < 0.05 * len(utterance) / 32_000


# ------------------------------------------------------------------------------- turns


def test_a_sentence_in_silence_is_one_turn(
    weights: Weights, utterance: bytes, spoken_ms: tuple[int, int]
) -> None:
    match listen(TurnDetector(weights=weights), utterance):
        case [SpeechStarted(start), SpeechStopped(end)]:
            assert start == pytest.approx(spoken_ms[0] - 300, abs=150)
            assert end == pytest.approx(spoken_ms[1] + 500, abs=150)
        case other:
            pytest.fail(f"heard {other}")


@pytest.mark.parametrize("distance_db", [15, 10, 5])
def test_a_sentence_in_noise_is_one_turn(
    weights: Weights, utterance: bytes, spoken_ms: tuple[int, int], distance_db: int
) -> None:
    said = samples(utterance)[spoken_ms[0] * 16 : spoken_ms[1] * 16].astype(float)
    rms = float(np.sqrt((said**2).mean())) / 10 ** (distance_db / 20)
    sound = mixed(utterance, noise(len(utterance) / 32_000, rms))
    match listen(TurnDetector(weights=weights), sound):
        case [SpeechStarted(start), SpeechStopped(end)]:
            assert start == pytest.approx(spoken_ms[0] - 300, abs=250)
            assert end == pytest.approx(spoken_ms[1] + 500, abs=350)
        case other:
            pytest.fail(f"heard {other}")


def sweep() -> bytes:
    t = np.arange(16_000 * 5) / 16_000
    return (np.sin(2 * np.pi * (200 * t + 350 * t**2)) * 8000).astype("<i2").tobytes()


def clicks() -> bytes:
    sound = np.zeros(16_000 * 5, "<i2")
    sound[:: 16_000 // 3] = 30_000
    return sound.tobytes()


def beeps() -> bytes:
    return (tone(1000, 0.2) + silence(0.3)) * 10


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(silence(5), id="silence"),
        pytest.param(tone(440, 5), id="tone of 440 Hz"),
        pytest.param(tone(1000, 5, peak=30_000), id="loud tone of 1 kHz"),
        pytest.param(mixed(tone(350, 5), tone(440, 5)), id="dial tone"),
        pytest.param(noise(5, 300), id="soft noise"),
        pytest.param(noise(5, 5000), id="loud noise"),
        pytest.param(sweep(), id="sweep"),
        pytest.param(clicks(), id="clicks"),
        pytest.param(beeps(), id="beeps"),
    ],
)
def test_what_is_not_speech_starts_no_turn(weights: Weights, sound: bytes) -> None:
    assert listen(TurnDetector(weights=weights), sound) == []


def test_offsets_count_the_audio_received_since_the_start(
    weights: Weights, utterance: bytes
) -> None:
    detector = TurnDetector(weights=weights)
    first = starts(listen(detector, utterance))
    second = starts(listen(detector, utterance))
    assert second == pytest.approx([at + len(utterance) // 32 for at in first], abs=2 * FRAME_MS)
    assert len(first) == 1


def test_prefix_padding_moves_the_start(weights: Weights, utterance: bytes) -> None:
    def start(padding: int) -> int:
        settings = TurnSettings(prefix_padding_ms=padding)
        return starts(listen(TurnDetector(settings, weights=weights), utterance))[0]

    assert start(0) - start(300) == 300


def test_a_turn_never_starts_before_the_sound(weights: Weights, speech: Speech) -> None:
    detector = TurnDetector(TurnSettings(prefix_padding_ms=5000), weights=weights)
    assert listen(detector, thin(speech.pcm))[0] == SpeechStarted(0)


def test_longer_silence_is_waited_for_when_asked(weights: Weights, speech: Speech) -> None:
    hesitating = thin(speech.pcm) + silence(0.7) + thin(speech.pcm) + silence(2)
    hasty = listen(TurnDetector(weights=weights), hesitating)
    patient = listen(
        TurnDetector(TurnSettings(silence_duration_ms=1500), weights=weights), hesitating
    )
    assert [type(e) for e in hasty] == [SpeechStarted, SpeechStopped] * 2
    assert [type(e) for e in patient] == [SpeechStarted, SpeechStopped]


def test_a_threshold_nobody_reaches_hears_nothing(weights: Weights, utterance: bytes) -> None:
    assert listen(TurnDetector(TurnSettings(threshold=1.0), weights=weights), utterance) == []


def test_silence_within_a_turn_is_counted_for_early_decoding(
    weights: Weights, utterance: bytes
) -> None:
    detector = TurnDetector(weights=weights)
    seen = []
    for i in range(0, len(utterance), 640):
        detector.feed(utterance[i : i + 640])
        if detector.speaking:
            seen.append(detector.silence_ms)
    assert seen[0] == 0
    assert seen[-1] == 480  # the frame after it ends the turn
    assert {256, 288} <= set(seen)


def test_a_reset_ends_the_turn_without_an_event(weights: Weights, speech: Speech) -> None:
    detector = TurnDetector(weights=weights)
    listen(detector, thin(speech.pcm)[:32_000])
    before = detector.speaking
    detector.reset()
    assert (before, detector.speaking) == (True, False)
    assert listen(detector, silence(2)) == []


# ------------------------------------------------------------------------------- memory


def test_memory_gives_back_the_sound_between_two_moments() -> None:
    memory = SoundMemory()
    sound = noise(1, 1000)
    for i in range(0, len(sound), 640):
        memory.feed(sound[i : i + 640])
    assert memory.end_ms == 1000
    assert memory.between(250, 500) == sound[250 * 32 : 500 * 32]
    assert memory.between(900) == sound[900 * 32 :]


def test_memory_forgets_the_oldest_and_keeps_the_clock() -> None:
    memory = SoundMemory(limit_ms=200)
    sound = noise(1, 1000)
    for i in range(0, len(sound), 640):
        memory.feed(sound[i : i + 640])
    assert memory.end_ms == 1000
    assert memory.between(900, 950) == sound[900 * 32 : 950 * 32]
    assert memory.between(0) == sound[-200 * 32 :]
    assert memory.between(0, 100) == b""


# ------------------------------------------------------------------------------- 48 to 16 kHz


def level(pcm: bytes) -> float:
    return float(np.sqrt((samples(pcm).astype(float) ** 2).mean()))


def test_thinner_keeps_the_voice_band() -> None:
    assert level(thin(tone(3000, 1, 48_000))) == pytest.approx(level(tone(3000, 1)), rel=0.02)


@pytest.mark.parametrize("hz", [10_000, 12_000, 15_000, 20_000])
def test_thinner_takes_away_what_would_fold_back(hz: int) -> None:
    assert level(thin(tone(hz, 1, 48_000))) < level(tone(hz, 1, 48_000)) / 300


@pytest.mark.parametrize("piece", [1, 7, 480, 960, 1111])
def test_thinner_does_not_care_how_the_sound_is_cut(piece: int) -> None:
    sound = noise(0.1, 3000, 48_000)
    thinner = Thinner()
    cut = b"".join(thinner.feed(sound[i : i + piece * 2]) for i in range(0, len(sound), piece * 2))
    assert samples(cut) == pytest.approx(samples(thin(sound)), abs=1)  # rounding in the products
    assert len(cut) // 2 == pytest.approx(len(sound) // 6, abs=1)
