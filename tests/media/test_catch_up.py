"""What begins late runs faster until it is in time, and nothing of it is lost."""

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


def test_late_sound_begins_at_its_beginning_and_is_in_time_within_a_second() -> None:
    blocks = list(pcm.blocks(voice(LATE + 100)))
    catch_up = CatchUp()
    heard = run(catch_up, blocks, LATE)
    assert heard[0] == blocks[0]
    rest = b"".join(catch_up.pull() for _ in range(LATE))
    assert len(rest.rstrip(b"\0")) <= 2 * pcm.BLOCK_BYTES  # was 20 blocks


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
    spectrum = np.abs(np.fft.rfft(sound[:48_000] * np.hanning(48_000)))
    assert abs(int(spectrum[50:300].argmax()) + 50 - pitch) <= 2


def test_pauses_are_left_out_first() -> None:
    blocks = [*pcm.blocks(voice(5)), *[pcm.SILENCE] * 60]
    catch_up = CatchUp()
    heard = run(catch_up, blocks, 5)
    assert b"".join(heard[:5]) != b"".join(blocks[:5])  # already faster
    assert heard[-1] == pcm.SILENCE
    assert catch_up.pull() == pcm.SILENCE
