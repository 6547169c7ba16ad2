from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.emulator import recognizer as module
from appliance.emulator.ears import SoundMemory, SpeechStarted, SpeechStopped, TurnDetector
from appliance.emulator.flite import Flite
from appliance.emulator.recognizer import Recognizer, RecognizerError, clean
from appliance.emulator.voice import Voice, service_engine, user_engine
from tests.emulator.hearing import (
    mixed,
    noise,
    silence,
    thin,
    through_opus,
    tone,
    words,
    wrong_words,
)

COMMANDS = [
    "hello",
    "what time is it",
    "add two and five slowly",
    "make hello world upper case",
    "tell me a joke",
    "please count from one to twenty",
    "stop",
    "goodbye",
    "what do you see",
    "how are you doing",
    "what is the state of the device",
]
QUIET = silence(0.3, 48_000)


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    engine = Recognizer()
    engine.open()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def user() -> Voice:
    engine = user_engine()
    if not isinstance(engine, Flite):
        pytest.skip("espeak-ng is not understood well enough: install the Debian package libflite1")
    return Voice(engine)


def spoken(voice: Voice, text: str) -> bytes:
    return QUIET + voice.synthesize(text).pcm + QUIET


@pytest.mark.parametrize("bit_rate", [None, 24_000, 32_000])
def test_the_commands_of_the_demo_are_understood(
    recognizer: Recognizer, user: Voice, bit_rate: int | None
) -> None:
    """Straight, and through a call. One may fail: no recogniser hears every word alone."""
    lost = []
    for command in COMMANDS:
        sound = spoken(user, command)
        heard = recognizer.recognize_now(thin(through_opus(sound, bit_rate) if bit_rate else sound))
        if words(heard) != words(command):
            lost.append(f"{command}: {heard}")
    assert len(lost) <= 1, lost


def test_the_service_is_understood_through_a_call(recognizer: Recognizer, user: Voice) -> None:
    answer = "The answer is seven. It is a quarter past four in the afternoon."
    heard = recognizer.recognize_now(thin(through_opus(spoken(Voice(service_engine()), answer))))
    assert wrong_words(answer, heard) <= 1


def test_the_beginning_of_a_turn_can_be_decoded_early(recognizer: Recognizer, user: Voice) -> None:
    speech = user.synthesize("what is the state of the device and then please tell me a joke")
    cut = speech.words[8].start_ms * 96
    heard = recognizer.recognize_now(thin(QUIET + speech.pcm[:cut]))
    assert words(heard)[:6] == words("what is the state of the")


def test_an_early_guess_is_the_final_one(recognizer: Recognizer, user: Voice) -> None:
    said = thin(QUIET + user.synthesize("what do you see").pcm)
    early = recognizer.recognize_now(said + silence(0.25))
    assert recognizer.recognize_now(said + silence(0.5)) == early
    assert words(early) == words("what do you see")


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(silence(0.01), id="10 ms"),
        pytest.param(silence(2), id="silence"),
        pytest.param(noise(2, 300), id="noise"),
        pytest.param(tone(1000, 2), id="tone"),
    ],
)
def test_no_speech_is_no_words(recognizer: Recognizer, sound: bytes) -> None:
    assert recognizer.recognize_now(sound) == ""


def test_words_come_through_soft_noise(recognizer: Recognizer, user: Voice) -> None:
    said = thin(spoken(user, "tell me a joke"))
    heard = recognizer.recognize_now(mixed(said, noise(len(said) / 32_000, 100)))
    assert words(heard) == words("tell me a joke")


def test_two_threads_each_get_their_own_words(recognizer: Recognizer, user: Voice) -> None:
    """The library's answer lives in memory of the engine: the next call overwrites it."""
    sentences = ["tell me a joke", "what time is it"] * 4
    sounds = [thin(spoken(user, sentence)) for sentence in sentences]
    with ThreadPoolExecutor(4) as threads:
        heard = list(threads.map(recognizer.recognize_now, sounds))
    assert [words(text) for text in heard] == [words(text) for text in sentences]


async def test_recognising_leaves_the_loop_free(recognizer: Recognizer, user: Voice) -> None:
    await recognizer.ready()
    assert words(await recognizer.recognize(thin(spoken(user, "goodbye")))) == ["goodbye"]


async def test_a_closed_engine_opens_again(user: Voice) -> None:
    engine = Recognizer()
    engine.open()
    engine.close()
    assert words(await engine.recognize(thin(spoken(user, "goodbye")))) == ["goodbye"]
    engine.close()


async def test_without_the_extra_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(RecognizerError, match="not installed") as caught:
        await Recognizer().recognize(silence(1))
    assert "voice-appliance[emulator]" in caught.value.cure


async def test_a_recogniser_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECOGNIZE_DEADLINE", 0.0)
    with pytest.raises(RecognizerError, match="longer than"):
        await Recognizer().recognize(silence(0.1))


@pytest.mark.parametrize(
    ("heard", "text"),
    [
        ("You", ""),
        (" you. ", ""),
        ("I", ""),
        ("...", ""),
        ("You said hello.", "You said hello."),
        ("7", "7"),
        ("What the fuck, stop.", "What the, stop."),
        ("Scunthorpe and shitake.", "Scunthorpe and."),
        ("  two   words ", "two words"),
    ],
)
def test_what_nobody_said_is_left_out(heard: str, text: str) -> None:
    assert clean(heard) == text


def test_an_utterance_in_room_noise_goes_all_the_way(recognizer: Recognizer, user: Voice) -> None:
    """Voice, call, ear and recogniser together, as the emulator joins them."""
    room = noise(6, 40)
    sound = silence(1.2, 48_000) + user.synthesize("tell me a joke").pcm + silence(3, 48_000)
    heard = mixed(thin(through_opus(sound)), room)
    memory, detector, spans = SoundMemory(), TurnDetector(), []
    for i in range(0, len(heard), 640):
        memory.feed(heard[i : i + 640])
        spans += detector.feed(heard[i : i + 640])
    match spans:
        case [SpeechStarted(start), SpeechStopped(end)]:
            said = recognizer.recognize_now(memory.between(start, end))
            assert words(said) == words("tell me a joke")
        case other:
            pytest.fail(f"heard {other}")
