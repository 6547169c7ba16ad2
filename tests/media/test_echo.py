"""The box does not hear itself, and still hears the person."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from appliance.media import pcm
from appliance.media.alignment import Alignment
from appliance.media.bands import WIDE_BLOCK, WIDE_SILENCE, Block
from appliance.media.double_talk import DoubleTalk
from appliance.media.echo import HANG_BLOCKS, EchoCanceller, HalfDuplex, NoEcho
from appliance.media.over_the_echo import OverTheEcho, Release
from appliance.media.speex import LinearCanceller
from appliance.media.webrtc_echo import WebRtcEcho
from tests.media.plain import LOUD

Sound = npt.NDArray[np.float64]
SECOND = pcm.RATE


def babble(seconds: float, seed: int, pitch: float) -> Sound:
    """Return something like speech: syllables of voiced sound and of noise, with pauses."""
    rng = np.random.default_rng(seed)
    pieces: list[Sound] = []
    while sum(map(len, pieces)) < seconds * SECOND:
        length = int(rng.uniform(0.08, 0.25) * SECOND)
        time = np.arange(length) / SECOND
        voice = sum(
            np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * n * time) / n for n in range(1, 25)
        )
        breath = rng.standard_normal(length) * 0.3
        shape = np.hanning(length)
        pieces += [shape * (voice + breath), np.zeros(int(rng.uniform(0.02, 0.12) * SECOND))]
    sound = np.concatenate(pieces)[: int(seconds * SECOND)]
    whole: Sound = sound / np.abs(sound).max()
    return whole


def room(far: Sound, *, delay: float, level_db: float) -> Sound:
    """Return what a microphone hears of the speaker: bent by it, late, with the room's answer."""
    rng = np.random.default_rng(1)
    tail = np.arange(int(0.25 * SECOND)) / SECOND
    answer = rng.standard_normal(len(tail)) * np.exp(-6.9 * tail / 0.35) * 0.05  # RT60 0.35 s
    answer[0] = 1.0
    bent = np.tanh(1.5 * far) / 1.5
    size = 1 << (len(bent) + len(answer)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(bent, size) * np.fft.rfft(answer, size), size)[: len(far)]
    late = int(delay * SECOND)
    echo: Sound = np.concatenate([np.zeros(late), heard])[: len(far)] * 10 ** (level_db / 20)
    return echo


def bits(sound: Sound) -> bytes:
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def run(canceller: EchoCanceller, near: Sound, far: Sound) -> Sound:
    blocks = zip(pcm.blocks(bits(near)), pcm.blocks(bits(far)), strict=True)
    clean = b"".join(canceller.process(*block) for block in blocks)
    return np.frombuffer(clean, "<i2").astype(float) / 32768


def level(sound: Sound) -> float:
    return 10 * math.log10(float(np.mean(sound**2)) + 1e-12)


@pytest.mark.parametrize("delay", [0.02, 0.08, 0.25])
def test_echo_is_gone_after_two_seconds(delay: float) -> None:
    far = 0.3 * babble(12, 1, 110)
    near = room(far, delay=delay, level_db=-6) + np.random.default_rng(2).normal(0, 1e-3, len(far))
    canceller = WebRtcEcho()
    clean = run(canceller, near, far)
    late = slice(3 * SECOND, None)
    assert level(near[late]) - level(clean[late]) >= 30
    assert canceller.loss_enhancement is not None
    assert canceller.loss_enhancement >= 15  # from the first block on


def test_person_alone_is_heard_as_before() -> None:
    near = 0.2 * babble(6, 3, 180)
    clean = run(WebRtcEcho(), near, np.zeros(len(near)))
    late = slice(2 * SECOND, None)
    assert abs(level(near[late]) - level(clean[late])) < 3


def test_person_who_cuts_in_is_heard_above_the_echo() -> None:
    far = 0.3 * babble(12, 1, 110)
    person = np.zeros(len(far))
    said = slice(8 * SECOND, 10 * SECOND)
    person[said] = 0.2 * babble(2, 4, 190)
    clean = run(WebRtcEcho(), room(far, delay=0.08, level_db=-6) + person, far)
    before = slice(4 * SECOND, 8 * SECOND)
    assert level(clean[said]) - level(clean[before]) >= 12
    assert level(clean[said]) - level(person[said]) >= -6


def test_with_headphones_both_may_speak_all_the_time() -> None:
    far = 0.3 * babble(20, 1, 110)
    near = 0.2 * babble(20, 4, 190)
    near[: 3 * SECOND] = 0  # the person listens first
    near += np.random.default_rng(2).normal(0, 3e-4, len(far))
    canceller = WebRtcEcho()
    clean = run(canceller, near, far)
    late = slice(4 * SECOND, None)
    assert abs(level(near[late]) - level(clean[late])) < 4
    assert canceller.steady


def test_words_replace_the_silence_that_stood_in_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    far = list(pcm.blocks(bits(0.3 * babble(2, 1, 110))))
    word = (3000 * np.sin(np.arange(WIDE_BLOCK) / 10)).astype(np.int16)
    fading = (word * np.linspace(1, 0, WIDE_BLOCK) ** 2).astype(np.int16)
    silence = Release([WIDE_SILENCE])
    script = [Release([word, word, fading]), silence, silence, Release([word] * 3, instead=2)]
    releases: list[Release] = []
    monkeypatch.setattr(
        OverTheEcho, "heard", lambda *_, **__: releases.pop(0) if releases else silence
    )
    canceller = WebRtcEcho()
    for block in far[:-4]:
        canceller.process(pcm.SILENCE, block)
    releases += script
    heard = [canceller.process(pcm.SILENCE, block) for block in far[-4:]]
    assert not releases
    assert all(pcm.energy(block) > 1e-4 for block in heard)  # the first three are late by two


def test_speaker_goes_down_while_somebody_cuts_in_and_only_then() -> None:
    far = 0.3 * babble(12, 1, 110)
    person = np.zeros(len(far))
    person[8 * SECOND : 10 * SECOND] = 0.2 * babble(2, 4, 190)
    canceller = WebRtcEcho()
    near = room(far, delay=0.08, level_db=-6) + person
    gains = []
    for block in zip(pcm.blocks(bits(near)), pcm.blocks(bits(far)), strict=True):
        canceller.process(*block)
        gains.append(canceller.gain)
    assert min(gains[:800]) == 1.0
    assert min(gains[800:860]) < 0.2
    assert gains[-1] == 1.0
    assert 0.05 < canceller.double_talk < 0.5


def test_delay_of_the_echo_is_told() -> None:
    far = 0.3 * babble(5, 1, 110)
    canceller = WebRtcEcho()
    run(canceller, room(far, delay=0.12, level_db=-6), far)
    assert canceller.delay == pytest.approx(0.12, abs=0.002)
    assert abs(canceller.drift) < 20e-6
    assert canceller.steady


def test_echo_that_jumps_is_not_heard_until_it_is_known_again() -> None:
    far = 0.3 * babble(16, 1, 110)
    before, after = (room(far, delay=delay, level_db=-6) for delay in (0.08, 0.13))
    jump = 8 * SECOND
    near = np.concatenate((before[:jump], after[jump:]))
    clean = run(WebRtcEcho(), near, far)
    later = slice(jump + SECOND // 5, None)
    assert level(near[later]) - level(clean[later]) >= 30


def test_what_waits_to_be_heard_is_not_if_it_was_an_echo_that_jumped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = 0.3 * babble(10, 1, 110)
    person = np.zeros(len(far))
    person[8 * SECOND :] = 0.2 * babble(2, 4, 190)
    lost = False
    monkeypatch.setattr(DoubleTalk, "astray", lambda _, **_how: lost)
    canceller = WebRtcEcho()
    later: list[bytes] = []
    near = room(far, delay=0.08, level_db=-6) + person
    for block, out in zip(pcm.blocks(bits(near)), pcm.blocks(bits(far)), strict=True):
        clean = canceller.process(block, out)
        if lost:
            later.append(clean)
        lost = lost or (canceller.gain < 1 and any(clean))
    assert len(later) >= 10
    assert not any(b"".join(later[1:10]))  # in the first is the end of the filter's answer


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[DoubleTalk]:
    """Return the filters that are learnt anew."""
    filters: list[DoubleTalk] = []

    def learn_anew(talk: DoubleTalk) -> None:
        filters.append(talk)

    monkeypatch.setattr(DoubleTalk, "learn_anew", learn_anew)
    return filters


@pytest.mark.parametrize("by", [-0.01, 0.03])
def test_filter_is_learnt_anew_after_a_jump(by: float, learnt: list[DoubleTalk]) -> None:
    far = 0.3 * babble(10, 1, 140)
    before, after = (room(far, delay=delay, level_db=-6) for delay in (0.08, 0.08 + by))
    jump = 6 * SECOND
    run(WebRtcEcho(), np.concatenate((before[:jump], after[jump:])), far)
    assert len(learnt) == 1


def test_filter_is_as_it_was_after_an_echo_that_was_sought_and_had_not_jumped(
    learnt: list[DoubleTalk], monkeypatch: pytest.MonkeyPatch
) -> None:
    sought = []
    seek = Alignment.seek

    def remembered(alignment: Alignment) -> bool:
        sought.append(seek(alignment))
        return sought[-1]

    monkeypatch.setattr(Alignment, "seek", remembered)
    far = 0.3 * babble(10, 1, 140)
    before, after = (room(far, delay=delay, level_db=-6) for delay in (0.08, 0.11))
    away, back = 6 * SECOND, round(6.1 * SECOND)
    near = np.concatenate((before[:away], after[away:back], before[back:]))
    drifting = np.interp(np.arange(len(far)) * 1.0002, np.arange(len(far)), near)
    run(WebRtcEcho(), drifting, far)
    assert sought == [True]
    assert not learnt


@pytest.mark.parametrize(("times", "seed"), [(2.0, 3), (2.0, 8), (3.0, 4)])
def test_nothing_is_heard_while_somebody_turns_the_speaker_up(times: float, seed: int) -> None:
    far = 0.2 * babble(14, seed, 110)
    turned = np.interp(np.arange(len(far)) / SECOND, [8, 8.3], [1.0, times])
    near = turned * room(far, delay=0.06, level_db=-10)
    clean = run(WebRtcEcho(), near + np.random.default_rng(2).normal(0, 1e-3, len(far)), far)
    assert not clean[8 * SECOND :].any()


def test_person_is_heard_half_a_second_after_the_card_lost_10_ms() -> None:
    far = 0.3 * babble(14, 1, 140)  # 10 ms are no period of this voice
    person = np.zeros(len(far))
    said = slice(round(10.6 * SECOND), round(11.6 * SECOND))
    person[said] = 0.2 * babble(1, 4, 190)
    before, after = (room(far, delay=delay, level_db=-6) for delay in (0.08, 0.07))
    jump = 10 * SECOND
    near = np.concatenate((before[:jump], after[jump:])) + person
    clean = run(WebRtcEcho(), near, far)
    lost = slice(jump, jump + SECOND // 2)
    assert level(near[lost]) - level(clean[lost]) >= 15
    assert level(clean[said]) - level(person[said]) >= -10


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_person_beyond_doubt_is_heard_though_aec3_takes_them_out(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf:
        def __init__(self, **settings: object) -> None:
            pass

        def process(self, near: Block, far: Block) -> Block:
            return WIDE_SILENCE

    monkeypatch.setattr("appliance.media.webrtc_echo.AudioProcessor", Deaf)
    far = 0.3 * babble(12, 1, 140)
    person = np.zeros(len(far))
    said = slice(10 * SECOND, 11 * SECOND)
    person[said] = 0.1 * babble(1, seed, 190)
    clean = run(WebRtcEcho(), room(far, delay=0.08, level_db=-10) + person, far)
    assert not clean[: said.start].any()
    assert level(clean[said]) - level(person[said]) >= -15


def test_clocks_too_far_apart_are_told() -> None:
    far = 0.3 * babble(15, 1, 110)
    echo = room(far, delay=0.08, level_db=-6)
    places = np.arange(len(far)) * 1.003
    drifting = np.interp(places, np.arange(len(far)), echo, right=0.0)
    canceller = WebRtcEcho()
    run(canceller, drifting, far)
    assert not canceller.steady


def test_without_the_linear_filter_the_echo_is_gone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.media.speex._LIBRARY", "libspeexdsp-that-is-not-there.so")
    far = 0.3 * babble(6, 1, 110)
    near = room(far, delay=0.08, level_db=-6)
    clean = run(WebRtcEcho(), near, far)
    late = slice(4 * SECOND, None)
    assert level(near[late]) - level(clean[late]) >= 30


def test_filter_rests_while_the_speaker_is_silent_and_knows_the_echo_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    class Watched(LinearCanceller):
        def process(self, near: Block, far: Block) -> Block:
            asked.append(int(np.abs(far).max()))
            return super().process(near, far)

    monkeypatch.setattr("appliance.media.webrtc_echo.LinearCanceller", Watched)
    far = 0.3 * babble(10, 1, 110)
    silent, again = 5 * SECOND, 8 * SECOND
    far[silent:again] = 0
    near = room(far, delay=0.08, level_db=-6)
    near[6 * SECOND : 7 * SECOND] += 0.2 * babble(1, 4, 190)
    clean = run(WebRtcEcho(), near, far)
    assert len(asked) == pytest.approx(1000 - 300 + 110, abs=1)
    said, later = slice(6 * SECOND, 7 * SECOND), slice(again, None)
    assert level(clean[said]) - level(near[said]) >= -3
    assert level(near[later]) - level(clean[later]) >= 30


def test_steady_noise_is_quieter() -> None:
    noise = np.random.default_rng(5).normal(0, 0.01, 5 * SECOND)
    clean = run(WebRtcEcho(), noise, np.zeros(len(noise)))
    assert level(noise[3 * SECOND :]) - level(clean[3 * SECOND :]) >= 5


def test_without_a_speaker_nothing_is_known_of_the_echo() -> None:
    canceller = WebRtcEcho()
    canceller.process(LOUD, pcm.SILENCE)
    assert canceller.loss_enhancement is None


def test_half_duplex_is_deaf_while_the_speaker_sounds_and_half_a_second_longer() -> None:
    gate = HalfDuplex()
    assert gate.process(LOUD, pcm.SILENCE) == LOUD
    assert gate.process(LOUD, LOUD) == pcm.SILENCE
    after = [gate.process(LOUD, pcm.SILENCE) for _ in range(HANG_BLOCKS + 5)]
    assert after[: HANG_BLOCKS - 1] == [pcm.SILENCE] * (HANG_BLOCKS - 1)
    assert after[HANG_BLOCKS] == LOUD


@pytest.mark.parametrize("name", ["none", "system"])
def test_left_alone_the_microphone_is_as_it_was(name: str) -> None:
    canceller = NoEcho(name)  # type: ignore[arg-type]
    assert canceller.process(LOUD, LOUD) == LOUD
    assert canceller.name == name
    assert canceller.loss_enhancement is None
