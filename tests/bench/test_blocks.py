"""What was out when is found as it was put there."""

from math import inf
from pathlib import Path

import numpy as np
import pytest

from appliance.core.model import Cue
from appliance.media.cues import render
from appliance.media.files import WavWriter
from appliance.media.pcm import BLOCK_BYTES, BLOCK_SAMPLES, RATE
from tests.bench.blocks import (
    REACH,
    Played,
    Silence,
    Watch,
    first_tone,
    fitted,
    high,
    silences,
    tone_gone,
)
from tests.bench.line import PITCH


def played(loud: str, began: float = 100.0) -> Played:
    """A block for each letter: `#` has the tone in it, `.` nothing."""
    time = np.arange(len(loud) * BLOCK_SAMPLES) / RATE
    on = np.repeat([letter == "#" for letter in loud], BLOCK_SAMPLES)
    sound = 9000 * np.sin(2 * np.pi * PITCH * time) * on
    return Played(sound, [began + 0.01 * (number + 1) for number in range(len(loud))])


@pytest.mark.parametrize(
    ("blocks", "moment", "after", "broken"),
    [
        ("##########......", 100.055, 0.055, False),
        ("##########.#....", 100.055, 0.055, True),
        ("#####...........", 100.055, 0.005, False),
    ],
)
def test_silence_begins_with_its_first_block(
    blocks: str, moment: float, after: float, broken: bool
) -> None:
    (silence,) = silences(played(blocks), [moment])
    assert silence.after == pytest.approx(after)
    assert silence.broken is broken


@pytest.mark.parametrize(("blocks", "after"), [("." * 100, inf), ("#" * 100, REACH)])
def test_silence_that_nobody_made_is_none_and_one_that_does_not_come_is_late(
    blocks: str, after: float
) -> None:
    assert silences(played(blocks), [100.255]) == [Silence(after, broken=True)]


def test_first_tone_is_found_beside_the_one_that_tells_of_the_connection() -> None:
    heard = played("...............#####")
    cue = np.frombuffer(render(Cue.CONNECTED), "<i2")[: len(heard.sound)]
    with_cue = Played(heard.sound + np.pad(cue, (0, len(heard.sound) - len(cue))), heard.out)
    assert first_tone(with_cue, 100.0) == pytest.approx(0.16)
    assert first_tone(Played(with_cue.sound - heard.sound, heard.out), 100.0) == inf


def test_end_of_the_tone_is_found_under_the_sound_of_the_end() -> None:
    heard = played("##########....................")
    cue = np.frombuffer(render(Cue.ENDED), "<i2")[: len(heard.sound) // 2]
    late = len(heard.sound) - len(cue)
    with_cue = Played(heard.sound + np.pad(cue, (late, 0)), heard.out)
    assert tone_gone(with_cue, 100.055) == pytest.approx(0.055)


def test_tone_that_goes_on_is_late_and_one_that_did_not_sound_is_none() -> None:
    assert tone_gone(played("##########.##"), 100.055) == pytest.approx(0.085)
    assert tone_gone(played("." * 30), 100.055) == inf


def test_percentile_is_one_of_the_values() -> None:
    assert high([float(n) for n in range(1, 201)]) == 198.0
    assert high([1.0, 3.0, 2.0]) == 3.0


def test_late_pieces_do_not_make_the_recording_late() -> None:
    rng = np.random.default_rng(1)
    sizes = np.arange(1, 10 * RATE // 128) * 128
    marks = [(50.0 + size / RATE + float(rng.exponential(0.02)), int(size)) for size in sizes]
    out = fitted(marks)
    assert len(out) == marks[-1][1] // BLOCK_SAMPLES
    assert out == pytest.approx([50.01 + 0.01 * n for n in range(len(out))], abs=0.002)


def test_nothing_told_is_nothing_out() -> None:
    assert fitted([]) == []


def test_watch_sees_each_block_when_it_is_there_and_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "speaker.wav"
    watch = Watch(path)
    watch.look(1.0)
    with WavWriter(path) as file:
        watch.look(2.0)
        file.write(bytes(BLOCK_BYTES))
        watch.look(3.0)
        file.write(bytes(2 * BLOCK_BYTES))
        watch.look(4.0)
    assert watch.out == [3.0, 4.0, 4.0]
    with WavWriter(path) as file:
        file.write(bytes(BLOCK_BYTES))
        watch.look(5.0)
    assert watch.out == [5.0]
