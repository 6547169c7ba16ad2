"""What begins late keeps its pace until a pause, is in time then, and nothing of it is lost."""

import numpy as np
import pytest

from appliance.media import pcm
from appliance.media.catch_up import CatchUp

LATE = 20  # blocks that are put in at once


def voice(blocks: int, pitch: float = 120) -> bytes:
    """Return a hum, as of a person."""
    time = np.arange(blocks * pcm.BLOCK_SAMPLES) / pcm.RATE
    sound = np.sum([np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8)], axis=0)
    return bytes((4000 * sound).astype("<i2").tobytes())


def run(catch_up: CatchUp, blocks: list[bytes], late: int) -> list[bytes]:
    for block in blocks[:late]:
        catch_up.put(block)
    heard = []
    for block in blocks[late:]:
        catch_up.put(block)
        heard.append(catch_up.pull())
    return heard


def test_in_time_nothing_changes() -> None:
    blocks = list(pcm.blocks(voice(50)))
    assert run(CatchUp(), blocks, 0) == blocks


def test_without_sound_there_is_silence() -> None:
    assert CatchUp().pull() == pcm.SILENCE


def test_late_voice_keeps_its_pace_until_a_pause_and_is_in_time_after_it() -> None:
    said, said_then = (list(pcm.blocks(voice(blocks))) for blocks in (40, 20))
    pause = [pcm.SILENCE] * 15
    heard = run(CatchUp(), [*said, *pause, *said_then], 8)
    assert heard[:40] == said
    assert heard[-20:] == said_then


@pytest.mark.parametrize("late", [8, LATE])
def test_noise_in_a_pause_is_no_part_of_the_words(late: int) -> None:
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (-50 / 20), 40 * pcm.BLOCK_SAMPLES)
    (word,) = pcm.blocks(voice(1, 400))
    catch_up = CatchUp()
    run(catch_up, [*pcm.blocks(voice(60)), *pcm.blocks(noise.astype("<i2").tobytes())], late)
    catch_up.put(word)
    assert catch_up.pull() == word  # in time


@pytest.mark.parametrize("pause", range(6, 16))
def test_begin_of_a_word_after_a_pause_is_whole(pause: int) -> None:
    (word,) = pcm.blocks(voice(1, 430))
    begins = word[-400:]
    for late in range(11, 20):  # what waits after a cut is no whole number of blocks
        catch_up = CatchUp()
        silence = [pcm.SILENCE] * pause
        said = [*pcm.blocks(voice(80)), *silence, begins.rjust(pcm.BLOCK_BYTES, b"\0"), word]
        heard = run(catch_up, said, late)
        # Of what is cut with the pause 1 ms may be left out: too faint to tell.
        assert begins[100:] + word in b"".join([*heard, *(catch_up.pull() for _ in range(20))])


def test_short_pause_stays_as_long_as_it_was() -> None:
    blocks = [*pcm.blocks(voice(20)), *[pcm.SILENCE] * 5, *pcm.blocks(voice(40))]
    heard = run(CatchUp(), blocks, 8)
    assert heard == blocks[: len(heard)]


def test_voice_that_is_later_than_100_ms_runs_faster_until_it_is_not() -> None:
    blocks = list(pcm.blocks(voice(LATE + 100)))
    catch_up = CatchUp()
    heard = run(catch_up, blocks, LATE)
    assert heard[0] == blocks[0]
    rest = b"".join(catch_up.pull() for _ in range(LATE))
    assert 9 * pcm.BLOCK_BYTES <= len(rest.rstrip(b"\0")) <= 11 * pcm.BLOCK_BYTES  # was 20 blocks


def test_silence_that_stood_in_for_words_is_taken_back_and_nothing_else_is() -> None:
    said, said_then = (list(pcm.blocks(voice(blocks, 200))) for blocks in (4, 2))
    catch_up = CatchUp()
    for block in (*said, pcm.SILENCE, pcm.SILENCE):
        catch_up.put(block)
    catch_up.replace(5)
    for block in said_then:
        catch_up.put(block)
    assert [catch_up.pull() for _ in range(6)] == [*said, *said_then]


def test_no_more_is_taken_back_than_is_asked_for_or_waits() -> None:
    catch_up = CatchUp()
    for _ in range(3):
        catch_up.put(pcm.SILENCE)
    catch_up.replace(1)
    (word,) = pcm.blocks(voice(1))
    catch_up.put(word)
    assert [catch_up.pull() for _ in range(3)] == [pcm.SILENCE, pcm.SILENCE, word]
    catch_up.replace(1)
    assert catch_up.pull() == pcm.SILENCE


def test_what_waits_may_be_left_out() -> None:
    catch_up = CatchUp()
    run(catch_up, list(pcm.blocks(voice(LATE))), LATE)
    catch_up.clear()
    assert catch_up.pull() == pcm.SILENCE


@pytest.mark.parametrize("pitch", [90, 120, 220])
def test_voice_keeps_its_pitch_and_has_no_clicks(pitch: float) -> None:
    heard = b"".join(run(CatchUp(), list(pcm.blocks(voice(LATE + 100, pitch))), LATE))
    sound = np.frombuffer(heard, "<i2").astype(float)
    steepest = np.abs(np.diff(np.frombuffer(voice(20, pitch), "<i2").astype(float))).max()
    assert np.abs(np.diff(sound)).max() <= 1.5 * steepest
    faster = sound[:9_600]  # while it is more than 100 ms late
    spectrum = np.abs(np.fft.rfft(faster * np.hanning(len(faster)), 48_000))
    assert abs(int(spectrum[50:300].argmax()) + 50 - pitch) <= 5
