import wave
from pathlib import Path

import pytest

from appliance.errors import DeviceError
from appliance.media import pcm
from appliance.media.files import WavWriter, read_sound
from tests.sound import sine, strength_of


def write(path: Path, sound: bytes, rate: int, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(sound)
    return path


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_becomes_48_khz_mono(tmp_path: Path, rate: int, channels: int) -> None:
    path = write(tmp_path / "in.wav", pcm.spread(sine(440, 1.0, rate), channels), rate, channels)
    sound = b"".join(read_sound(path))
    assert len(sound) == pytest.approx(2 * pcm.RATE, abs=200)
    assert strength_of(440, sound[9_600:-9_600]) > 0.95


def test_our_own_format_is_read_sample_by_sample(tmp_path: Path) -> None:
    path = write(tmp_path / "in.wav", sine(440, 0.5), pcm.RATE)
    assert b"".join(read_sound(path)) == sine(440, 0.5)


def test_24_bits_are_read(tmp_path: Path) -> None:
    sound = sine(440, 0.5)
    wide = b"".join(b"\0" + sound[at : at + 2] for at in range(0, len(sound), 2))
    path = write(tmp_path / "in.wav", wide, pcm.RATE, width=3)
    assert strength_of(440, b"".join(read_sound(path))) > 0.95


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"nowhere\.wav cannot be read"):
        next(read_sound(tmp_path / "nowhere.wav"))


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("milk, eggs")
    with pytest.raises(DeviceError, match=r"notes\.wav cannot be read"):
        next(read_sound(tmp_path / "notes.wav"))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "out.wav") as file:
        for block in pcm.blocks(sine(440, 0.33)):
            file.write(block)
    with wave.open(str(tmp_path / "out.wav")) as back:
        assert back.getparams()[:3] == (1, 2, pcm.RATE)
        assert back.readframes(back.getnframes()) == sine(440, 0.33)


def test_the_file_is_valid_while_it_is_being_written(tmp_path: Path) -> None:
    file = WavWriter(tmp_path / "out.wav")
    try:
        for block in pcm.blocks(sine(440, 1.05)):
            file.write(block)
        with wave.open(str(tmp_path / "out.wav")) as back:
            assert back.getnframes() == pcm.RATE  # the last 50 ms are not in the header yet
    finally:
        file.close()
        file.close()  # idempotent
