"""The sweep measures what is known; a voice gets the gain it needs."""

import numpy as np
import pytest

from appliance.media import pcm
from appliance.media.probe import (
    TAIL,
    Echo,
    Sound,
    Voice,
    clipped_share,
    find_echo,
    find_voice,
    from_pcm,
    level_dbfs,
    right_gain,
    sweep,
    to_pcm,
)

RNG = np.random.default_rng(7)


def noise(seconds: float, dbfs: float) -> Sound:
    sound = RNG.standard_normal(round(seconds * pcm.RATE)) * 10 ** (dbfs / 20)
    return sound.astype(np.float32)


def room(played: Sound, delay: float, loss_db: float, noise_dbfs: float = -90.0) -> Sound:
    """What a microphone hears, to the step of 16 bits."""
    heard = noise(len(played) / pcm.RATE + TAIL, noise_dbfs)
    at = round(delay * pcm.RATE)
    heard[at : at + len(played)] += played * 10 ** (-loss_db / 20)
    return from_pcm(to_pcm(heard))


@pytest.mark.parametrize("delay", [0.0, 0.0375, 0.21])
@pytest.mark.parametrize("loss", [0.0, 12.0, 40.0])
def test_delay_and_loss_of_a_bare_path_are_exact(delay: float, loss: float) -> None:
    played = sweep()
    echo = find_echo(played, room(played, delay, loss))
    assert echo is not None
    assert echo.delay == pytest.approx(delay, abs=1 / pcm.RATE)
    assert echo.return_loss_db == pytest.approx(loss, abs=0.2)
    assert echo.level_dbfs == pytest.approx(level_dbfs(played) - loss, abs=0.2)


def test_echo_below_the_noise_is_measured_too() -> None:
    played = sweep()
    echo = find_echo(played, room(played, 0.05, 40.0, noise_dbfs=-55.0))  # echo: -63
    assert echo is not None
    assert echo.delay == pytest.approx(0.05, abs=1 / pcm.RATE)
    assert echo.return_loss_db == pytest.approx(40.0, abs=2.0)


def test_reflections_count_and_the_direct_sound_tells_the_delay() -> None:
    played = sweep()
    heard = room(played, 0.04, 20.0)
    heard[: len(room(played, 0.1, 26.0))] += room(played, 0.1, 26.0)
    echo = find_echo(played, heard)
    assert echo is not None
    assert echo.delay == pytest.approx(0.04, abs=1 / pcm.RATE)
    assert echo.return_loss_db == pytest.approx(19.0, abs=0.3)  # a tenth and a twentieth together


@pytest.mark.parametrize("dbfs", [-90.0, -40.0, -10.0])
def test_noise_alone_is_no_echo(dbfs: float) -> None:
    played = sweep()
    for _ in range(5):
        assert find_echo(played, noise(len(played) / pcm.RATE + TAIL, dbfs)) is None


def test_digital_silence_and_another_voice_are_no_echo() -> None:
    played = sweep()
    heard = np.zeros(len(played) + round(TAIL * pcm.RATE), np.float32)
    assert find_echo(played, heard) is None
    hum = (0.3 * np.sin(2 * np.pi * 440 * np.arange(len(heard)) / pcm.RATE)).astype(np.float32)
    assert find_echo(played, hum) is None


def test_a_quieter_speaker_does_not_change_the_loss() -> None:
    played = sweep(0.05)
    echo = find_echo(played, room(played, 0.05, 10.0))
    assert echo is not None
    assert echo.return_loss_db == pytest.approx(10.0, abs=0.5)


def test_sweep_is_as_loud_as_speech_and_begins_and_ends_in_silence() -> None:
    sound = pcm.samples(to_pcm(sweep()))
    assert pcm.peak(sound.tobytes()) == pytest.approx(3276, abs=5)
    assert sound[0] == 0
    assert abs(sound[-1]) < 5


def test_share_of_clipped_samples() -> None:
    loud = np.clip(2 * np.sin(np.arange(48_000) / 10), -1, 1).astype(np.float32)
    assert clipped_share(from_pcm(to_pcm(loud))) == pytest.approx(2 / 3, abs=0.02)
    assert clipped_share(from_pcm(to_pcm(loud * 0.9))) == 0.0


def speech(level: float, seconds: float = 2.0, pauses: float = 2.0) -> Sound:
    spoken = noise(seconds, level)
    return np.concatenate([noise(pauses, -70), spoken, noise(pauses, -70)])


def test_level_of_a_voice_is_that_of_its_active_part() -> None:
    voice = find_voice(speech(-35.0), noise_dbfs=-70.0)
    assert voice is not None
    assert voice.level_dbfs == pytest.approx(-35.0, abs=0.3)
    assert -27 < voice.peak_dbfs < -20  # four or five sigma


@pytest.mark.parametrize("heard", [noise(5, -70), speech(-35.0, seconds=0.3), speech(-63.0)])
def test_too_little_voice_is_none(heard: Sound) -> None:
    assert find_voice(heard, noise_dbfs=-70.0) is None


@pytest.mark.parametrize(
    ("voice", "noise_dbfs", "gain"),
    [
        (Voice(-40.0, -25.0), -80.0, 14),  # to -26
        (Voice(-40.0, -12.0), -80.0, 9),  # peaks up to -3
        (Voice(-40.0, -25.0), -58.0, 8),  # noise up to -50
        (Voice(-40.0, -25.0), -45.0, 0),  # noisy already: as it is
        (Voice(-15.0, -1.0), -80.0, -11),  # too loud
        (Voice(-64.0, -50.0), -90.0, 30),  # no more than that
    ],
)
def test_gain_brings_a_voice_to_its_level_without_clipping_or_hiss(
    voice: Voice, noise_dbfs: float, gain: int
) -> None:
    assert right_gain(voice, noise_dbfs, None, -20, 30) == gain


@pytest.mark.parametrize(("loss", "gain"), [(40.0, 14), (12.0, 9), (1.0, 0), (-5.0, 0)])
def test_gain_does_not_clip_the_echo_of_a_loud_speaker(loss: float, gain: int) -> None:
    voice, echo = Voice(-40.0, -25.0), Echo(0.06, -23.0 - loss, loss)
    assert right_gain(voice, -80.0, echo, -20, 30) == gain
