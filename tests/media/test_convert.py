"""Sound in the widths and channels of any card comes in whole, and goes out whole."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.media import pcm
from appliance.media.convert import WIDTH_BYTES, Width, gather, narrow, scatter, widen
from tests.sound import sine

WIDTHS: tuple[Width, ...] = ("s16", "s24", "s32", "float")
SOUNDS = st.lists(st.integers(-32768, 32767)).map(lambda values: array("h", values).tobytes())


@pytest.mark.parametrize("width", WIDTHS)
@given(sound=SOUNDS)
def test_every_width_holds_16_bits_without_loss(width: Width, sound: bytes) -> None:
    wide = widen(sound, width)
    assert len(wide) == len(sound) // 2 * WIDTH_BYTES[width]
    assert narrow(wide, width) == sound


def test_widths_are_those_of_the_sound_card() -> None:
    sound = array("h", [0x1234, -2]).tobytes()
    assert widen(sound, "s24").hex() == "003412" + "00feff"
    assert array("i", widen(sound, "s32")).tolist() == [0x1234 << 16, -2 << 16]
    assert array("f", widen(sound, "float")).tolist() == [0x1234 / 32768, -2 / 32768]


def test_floats_beyond_full_scale_are_clipped() -> None:
    loud = array("f", [1.0, 1.5, -1.0, -7.0]).tobytes()
    assert pcm.samples(narrow(loud, "float")).tolist() == [32767, 32767, -32768, -32768]


def test_two_channels_are_heard_together_and_of_more_the_first() -> None:
    voice, other = sine(440, 0.1), sine(880, 0.1)
    values = pcm.samples(voice), pcm.samples(other)
    pair = array("h", [value for both in zip(*values, strict=True) for value in both])
    six = pcm.spread(other, 6)
    array_of_six = pcm.samples(six)
    array_of_six[0::6] = values[0]

    assert gather(pair.tobytes(), 2) == pcm.mono(pair.tobytes(), 2)
    assert gather(array_of_six.tobytes(), 6) == voice
    assert gather(voice, 1) == voice


def test_sound_goes_to_the_front_of_many_channels() -> None:
    voice = sine(440, 0.1)
    wide = pcm.samples(scatter(voice, 8))
    assert [wide[i::8].tobytes() == voice for i in range(8)] == [True, True] + [False] * 6
    assert not any(wide[2::8])
    assert scatter(voice, 2) == pcm.spread(voice, 2)
