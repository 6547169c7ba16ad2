import io
import wave
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import ports
from appliance.media import pcm

sounds = st.lists(st.integers(min_value=-32768, max_value=32767), max_size=50)


def pack(values: list[int]) -> bytes:
    return array("h", values).tobytes()


def test_blocks_are_those_of_the_port() -> None:
    assert (pcm.BLOCK_SAMPLES, pcm.BLOCK_BYTES) == (ports.BLOCK_SAMPLES, ports.BLOCK_BYTES)


def test_full_scale_is_0_dbfs_and_half_of_it_6_less() -> None:
    assert pcm.level_dbfs(pack([-32768] * 480)) == pytest.approx(0)
    assert pcm.level_dbfs(pack([16384, -16384] * 240)) == pytest.approx(-6.02, abs=0.01)


def test_silence_and_nothing_have_the_lowest_level() -> None:
    assert pcm.level_dbfs(pcm.SILENCE) == pcm.FLOOR_DBFS
    assert pcm.level_dbfs(b"") == pcm.FLOOR_DBFS
    assert pcm.dbfs(1e-30) == pcm.FLOOR_DBFS


def test_peak_is_the_largest_swing() -> None:
    assert pcm.peak(pack([5, -32768, 7])) == 32768
    assert pcm.peak(pack([5, 6])) == 6
    assert pcm.peak(b"") == 0


@given(st.data())
def test_mixing_adds_and_clips(data: st.DataObject) -> None:
    one = data.draw(sounds)
    other = data.draw(
        st.lists(
            st.integers(min_value=-32768, max_value=32767), min_size=len(one), max_size=len(one)
        )
    )
    expected = [max(-32768, min(32767, a + b)) for a, b in zip(one, other, strict=True)]
    assert pcm.mix(pack(one), pack(other)) == pack(expected)


def test_a_gain_is_applied_and_clipped() -> None:
    assert pcm.amplify(pack([100, -100, 0]), 2.5) == pack([250, -250, 0])
    assert pcm.amplify(pack([20_000, -20_000, 3]), 2.0) == pack([32_767, -32_768, 6])
    assert pcm.amplify(pack([100]), 0.5) == pack([50])


def test_a_ramp_goes_from_gain_to_gain() -> None:
    assert pcm.ramp(pack([100] * 4), 0.0, 1.0) == pack([0, 25, 50, 75])
    assert pcm.ramp(b"", 0.0, 1.0) == b""


def test_a_decay_ends_at_zero() -> None:
    assert pcm.decay(100, 4) == pack([75, 50, 25, 0])


@given(sounds, st.integers(min_value=1, max_value=6))
def test_spreading_and_folding_gives_the_same_sound(values: list[int], channels: int) -> None:
    wide = pcm.spread(pack(values), channels)
    assert len(wide) == 2 * channels * len(values)
    assert pcm.mono(wide, channels) == pack(values)


def test_folding_different_channels_gives_their_mean() -> None:
    assert pcm.mono(pack([100, 300, -200, -400]), 2) == pack([200, -300])


def test_the_last_block_is_filled_up() -> None:
    assert list(pcm.blocks(b"\1" * 961)) == [b"\1" * 960, b"\1" + bytes(959)]


def test_a_wav_header_is_what_wave_expects() -> None:
    with wave.open(io.BytesIO(pcm.wav_header(960, 16_000, 2) + bytes(960))) as file:
        assert file.getparams()[:4] == (2, 2, 16_000, 240)


def test_a_wav_header_of_too_much_sound_says_as_much_as_it_can() -> None:
    assert pcm.wav_header(1 << 40)[40:44] == (0xFFFF_FFFF - 36).to_bytes(4, "little")
