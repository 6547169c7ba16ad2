import pytest

from appliance.media import pcm
from appliance.media.blocks import BlockLine, Format
from appliance.media.convert import Width, narrow, scatter, widen
from tests.sound import sine, strength_of


class Ear:
    def __init__(self, voice: bytes = pcm.SILENCE) -> None:
        self.near = b""
        self._voice = list(pcm.blocks(voice))
        self._at = -1

    def __call__(self, near: bytes) -> bytes:
        assert len(near) == pcm.BLOCK_BYTES
        self.near += near
        self._at += 1
        return self._voice[self._at % len(self._voice)]


def run(line: BlockLine, sound: bytes, frames: int, channels: int = 1) -> bytes:
    size = 2 * frames * channels
    played = b""
    for at in range(0, len(sound) - size + 1, size):
        line.capture(sound[at : at + size])
        piece = line.render(frames)
        assert len(piece) == size
        played += piece
    return played


def test_at_48_khz_mono_every_sample_goes_through_in_step() -> None:
    voice, said = sine(880, 0.5), sine(440, 0.5)
    ear = Ear(voice)
    line = BlockLine(ear)
    assert run(line, said, 480) == voice
    assert ear.near == said
    assert (line.blocks, line.starved, line.flooded) == (50, 0, 0)


def test_buffers_of_20_ms_are_two_blocks() -> None:
    ear = Ear()
    line = BlockLine(ear)
    run(line, sine(440, 0.5), 960)
    assert ear.near == sine(440, 0.5)
    assert line.blocks == 50


@pytest.mark.parametrize("rate", [44_100, 32_000, 16_000, 8_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_other_rates_and_channels_are_converted_both_ways(rate: int, channels: int) -> None:
    ear = Ear(sine(880, 1.0))
    form = Format(rate, channels)
    line = BlockLine(ear, form, form)
    said = pcm.spread(sine(440, 1.0, rate), channels)
    played = pcm.mono(run(line, said, rate // 100, channels), channels)
    middle = ear.near[len(ear.near) // 2 :]
    assert strength_of(440, middle) > 0.95  # a hole or a click would spread its energy
    assert strength_of(880 * pcm.RATE / rate, played[len(played) // 2 :]) > 0.95
    assert line.starved == 0
    assert 98 <= line.blocks <= 105


@pytest.mark.parametrize("width", ["s24", "s32", "float"])
def test_wider_samples_go_through_in_step(width: Width) -> None:
    voice, ear = sine(880, 0.2), Ear(sine(880, 0.2))
    form = Format(pcm.RATE, 4, width)
    line = BlockLine(ear, form, form)
    played = b""
    for block in pcm.blocks(sine(440, 0.2)):
        line.capture(widen(pcm.spread(block, 4), width))
        played += line.render(480)
    assert ear.near == sine(440, 0.2)
    assert narrow(played, width) == scatter(voice, 4)


def test_two_cards_that_take_turns_unevenly_lose_nothing() -> None:
    ear, said = Ear(), list(pcm.blocks(sine(440, 1.0)))
    line = BlockLine(ear, one_buffer=False)
    while said:
        for _ in range(min(2, len(said))):
            line.capture(said.pop(0))
        line.render(480)
        line.render(480)
    assert ear.near.strip(b"\0") in sine(440, 1.0)
    assert len(ear.near.strip(b"\0")) > 0.95 * 96_000
    assert line.starved <= 1


def test_a_microphone_that_falls_behind_is_silence_and_counted() -> None:
    ear = Ear()
    line = BlockLine(ear, one_buffer=False)
    for block in pcm.blocks(sine(440, 0.05)):
        line.capture(block)
    for _ in range(8):
        line.render(480)
    assert ear.near == sine(440, 0.05) + pcm.SILENCE * 3
    assert line.starved == 1


def test_microphone_in_stock_that_is_never_needed_is_dropped_within_two_seconds() -> None:
    line = BlockLine(Ear(), one_buffer=False)
    for _ in range(8):  # the speaker stood still for 60 ms
        line.capture(pcm.SILENCE)
    for _ in range(200):
        line.capture(pcm.SILENCE)
        line.render(480)
    assert len(line._near) <= 2 * pcm.BLOCK_BYTES
    assert line.flooded == 1


def test_microphone_in_stock_that_is_needed_stays() -> None:
    line = BlockLine(Ear(), one_buffer=False)
    for _ in range(100):  # it comes in bursts of 60 ms
        for _ in range(6):
            line.capture(pcm.SILENCE)
        for _ in range(6):
            line.render(480)
    assert line.flooded == 0
    assert line.starved <= 1


def test_a_speaker_that_stands_still_does_not_pile_up_microphone() -> None:
    ear = Ear()
    line = BlockLine(ear, one_buffer=False)
    for _ in range(1000):
        line.capture(pcm.SILENCE)
    assert line.flooded > 0
    line.render(480)
    assert len(line._near) <= 12 * pcm.BLOCK_BYTES
