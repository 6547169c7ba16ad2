import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.emulator import espeak, flite
from appliance.emulator.engines import Engine, Mark, VoiceError
from appliance.emulator.espeak import Espeak, Timbre
from appliance.emulator.flite import Flite
from appliance.emulator.voice import (
    RATE,
    Voice,
    Word,
    place_words,
    sentences,
    service_engine,
    spoken_by,
    user_engine,
    user_utterance,
)
from tests.emulator.hearing import samples

TEXT = "Hello, I am the offline demo. The answer is 25; it's in the box at 10:45! Okay?"

LONG = st.lists(st.sampled_from(["a" * 390, "word ", ". ", "\n", "é😀?! ", "  "]), max_size=20).map(
    "".join
)
TEXTS = st.text(max_size=60) | st.text(alphabet=" .!?,\n\taB1", max_size=60) | LONG


@pytest.fixture(params=["flite", "espeak"], scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "espeak":
        return Espeak(Timbre("en-us"))
    try:
        return Flite("rms")
    except VoiceError as error:
        pytest.skip(f"{error}")


@pytest.fixture(scope="module")
def voice(engine: Engine) -> Voice:
    return Voice(engine)


def loudness(pcm: bytes) -> float:
    return float(np.sqrt((samples(pcm).astype(float) ** 2).mean()))


def centre_hz(pcm: bytes) -> float:
    """Where the energy of a voice lies: low for a large throat, high for a small one."""
    power = np.abs(np.fft.rfft(samples(pcm).astype(float))) ** 2
    return float((power * np.arange(len(power))).sum() / power.sum() * RATE / len(samples(pcm)))


# ------------------------------------------------------------------------------- speech


def test_speech_has_the_length_of_its_text(voice: Voice) -> None:
    speech = voice.synthesize(TEXT)
    assert 6000 < speech.duration_ms < 11_000
    assert len(speech.pcm) == pytest.approx(speech.duration_ms * RATE / 1000 * 2, abs=200)


def test_speech_is_loud_and_not_clipped(voice: Voice) -> None:
    pcm = voice.synthesize(TEXT).pcm
    assert 1500 < loudness(pcm) < 8000
    assert np.abs(samples(pcm).astype(int)).max() < 32_767


def test_words_together_are_the_text(voice: Voice) -> None:
    assert "".join(word.text for word in voice.synthesize(TEXT).words) == TEXT


def test_words_follow_each_other_to_the_end(voice: Voice) -> None:
    speech = voice.synthesize(TEXT)
    assert all(word.start_ms <= word.end_ms for word in speech.words)
    assert all(a.end_ms <= b.start_ms <= a.end_ms + 2 for a, b in pairwise(speech.words))
    assert speech.words[0].start_ms == 0
    assert speech.words[-1].end_ms == pytest.approx(speech.duration_ms, abs=10)


def test_words_are_where_they_are_heard(voice: Voice) -> None:
    """Sound of a text cut off after its second word says as much as those two words alone."""
    short = voice.synthesize("tomorrow morning").words
    long = voice.synthesize("tomorrow morning the elephants return").words
    assert long[1].start_ms == pytest.approx(short[1].start_ms, rel=0.25)
    assert long[2].start_ms == pytest.approx(short[1].end_ms, rel=0.35)


def test_the_same_text_takes_the_same_time(voice: Voice) -> None:
    first = voice.synthesize(TEXT)
    voice.synthesize("Something else.")
    again = voice.synthesize(TEXT)
    assert [w.text for w in again.words] == [w.text for w in first.words]
    for a, b in zip(first.words, again.words, strict=True):
        assert b.start_ms == pytest.approx(a.start_ms, abs=5)


def test_flite_says_the_same_text_with_the_same_sound() -> None:
    try:
        voice = Voice(Flite("rms"))
    except VoiceError as error:
        pytest.skip(f"{error}")
    first = voice.synthesize(TEXT)
    voice.synthesize("Something else.")
    assert voice.synthesize(TEXT) == first


async def test_streamed_sentences_are_the_whole(voice: Voice) -> None:
    pieces = [piece async for piece in voice.stream(TEXT)]
    assert [piece.text for piece in pieces] == [
        "Hello, I am the offline demo. ",
        "The answer is 25; it's in the box at 10:45! ",
        "Okay?",
    ]
    at = 0
    for piece in pieces:
        assert piece.start_ms == at
        assert piece.words[0].start_ms == at
        at += piece.duration_ms
    assert at == pytest.approx(voice.synthesize(TEXT).duration_ms, abs=20)


@pytest.mark.parametrize("text", ["", "   ", "...", "\0", "\n\n", "—"])
async def test_nothing_to_say_is_no_sound(voice: Voice, text: str) -> None:
    assert voice.synthesize(text).pcm == b""
    assert b"".join([piece.pcm async for piece in voice.stream(text)]) == b""


@pytest.mark.parametrize(
    "text", ["Über café “naïve” 😀 \0 <b>x</b> a.b@c.de", "ab" * 210, "1 " * 210]
)
def test_odd_texts_are_spoken(voice: Voice, text: str) -> None:
    speech = voice.synthesize(text)
    assert speech.duration_ms > 500
    assert "".join(word.text for word in speech.words) == text


def test_threads_do_not_mix_their_voices(voice: Voice) -> None:
    texts = ["One sentence.", "Quite another, longer sentence."] * 4
    alone = [voice.synthesize(text) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(voice.synthesize, texts))
    for a, b in zip(alone, together, strict=True):
        assert b.duration_ms == pytest.approx(a.duration_ms, abs=20)
        assert [w.text for w in b.words] == [w.text for w in a.words]


def test_service_and_user_have_different_voices() -> None:
    service, user = (Voice(make()).synthesize(TEXT) for make in (service_engine, user_engine))
    assert centre_hz(service.pcm) > 1.05 * centre_hz(user.pcm)


def test_an_utterance_stands_between_silences() -> None:
    bare = user_utterance("stop")
    padded = user_utterance("stop", lead_ms=250, tail_ms=100)
    assert len(padded) - len(bare) == 350 * 48 * 2
    assert padded[: 250 * 96] == bytes(250 * 96)
    assert padded[-100 * 96 :] == bytes(100 * 96)


# ------------------------------------------------------------------------------- what is missing


def test_without_flite_espeak_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise VoiceError(f"no {name}")

    monkeypatch.setattr(flite, "_library", missing)
    assert isinstance(service_engine(), Espeak)
    assert isinstance(user_engine(), Espeak)


def test_without_any_engine_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise VoiceError(f"no {name}")

    monkeypatch.setattr(flite, "_library", missing)
    monkeypatch.setattr(espeak, "find_spec", lambda name: None)
    with pytest.raises(VoiceError, match="not installed") as caught:
        Voice()
    assert "voice-appliance[emulator]" in caught.value.cure


def test_unknown_voices_are_refused() -> None:
    with pytest.raises(VoiceError):
        Flite("nobody")
    with pytest.raises(VoiceError, match="nobody"):
        Voice(Espeak(Timbre("nobody"))).synthesize("hello")


def test_numpy_finds_its_threads_limited() -> None:
    """OpenBLAS reads the variable when NumPy is imported: the package sets it first."""
    code = "import os, appliance.emulator.vad; print(os.environ['OPENBLAS_NUM_THREADS'])"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], env={}, capture_output=True, text=True, timeout=15, check=True
    )
    assert done.stdout == "1\n"


# ------------------------------------------------------------------------------- pure parts


@given(TEXTS)
def test_sentences_together_are_the_text(text: str) -> None:
    pieces = sentences(text)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= 400 for piece in pieces)


@given(
    TEXTS,
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9000)), max_size=9),
    st.integers(0, 8000),
)
def test_any_marks_give_every_word_a_time(
    text: str, marks: list[tuple[int, int]], end_ms: int
) -> None:
    words = place_words(text, [Mark(*mark) for mark in marks], end_ms)
    assert "".join(word.text for word in words) == (text if text.strip() else "")
    edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= end_ms for edge in edges)


def test_words_between_two_marks_share_the_time_by_letters() -> None:
    words = place_words("of the river", [Mark(0, 0), Mark(7, 700)], 1200)
    assert words == [Word("of ", 0, 300), Word("the ", 300, 700), Word("river", 700, 1200)]


def test_only_words_that_had_begun_were_heard() -> None:
    words = [Word("one ", 0, 400), Word("two ", 400, 800), Word("three", 800, 1200)]
    assert [spoken_by(words, ms) for ms in (0, 1, 400, 401, 5000)] == [
        "",
        "one ",
        "one ",
        "one two ",
        "one two three",
    ]
