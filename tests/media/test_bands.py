"""Down to 16 kHz and up again, and the linear canceller there."""

import numpy as np
import pytest

from appliance.media import pcm
from appliance.media.bands import (
    FACTOR,
    WIDE_BLOCK,
    WIDE_RATE,
    Narrower,
    Widener,
    _low_pass,
    amplify,
    power,
    product,
    ramp,
)
from appliance.media.speex import LinearCanceller
from tests.sound import sine, strength_of


def there_and_back(sound: bytes) -> bytes:
    narrower, widener = Narrower(), Widener()
    return b"".join(widener.convert(narrower.convert(block)) for block in pcm.blocks(sound))


def test_blocks_are_filtered_as_the_whole_sound_would_be() -> None:
    sound = np.random.default_rng(5).integers(-32768, 32768, 20 * pcm.BLOCK_SAMPLES, np.int16)
    narrower, widener = Narrower(), Widener()
    narrow = [narrower.convert(block) for block in pcm.blocks(sound.tobytes())]
    wide = np.frombuffer(b"".join(widener.convert(block) for block in narrow), np.int16)
    low = np.convolve(sound, _low_pass())[: len(sound) : FACTOR]
    spread = np.zeros(len(sound))
    spread[::FACTOR] = np.concatenate(narrow)
    high = np.convolve(spread, FACTOR * _low_pass())[: len(sound)]
    for made, whole in ((np.concatenate(narrow), low), (wide, high)):
        assert np.abs(made - np.clip(whole, -32768, 32767)).max() < 1.01


@pytest.mark.parametrize("frequency", [300, 1000, 3400, 5000])
def test_voice_comes_back_as_it_was(frequency: int) -> None:
    heard = there_and_back(sine(frequency, 0.5))
    assert abs(pcm.level_dbfs(heard[9600:]) - pcm.level_dbfs(sine(frequency, 0.5))) < 1
    assert strength_of(frequency, heard[9600:]) > 0.9


@pytest.mark.parametrize("frequency", [9000, 12000, 20000])
def test_what_16_khz_cannot_carry_does_not_come_back_as_something_else(frequency: int) -> None:
    assert pcm.level_dbfs(there_and_back(sine(frequency, 0.5))[9600:]) < -50


def test_it_is_a_millisecond_late() -> None:
    click = bytearray(10 * pcm.BLOCK_BYTES)
    click[4800:4802] = (20_000).to_bytes(2, "little")
    heard = np.frombuffer(there_and_back(bytes(click)), np.int16)
    assert int(np.abs(heard).argmax()) - 2400 == 48


def test_power_is_that_of_full_scale() -> None:
    assert power(np.full(WIDE_BLOCK, -32768, np.int16)) == pytest.approx(1.0)


def test_linear_canceller_takes_the_echo_and_leaves_the_person() -> None:
    rng = np.random.default_rng(3)
    far = rng.normal(0, 3000, 8 * WIDE_RATE)
    near = 0.5 * np.roll(far, 200)
    person = 1000 * np.sin(2 * np.pi * 440 * np.arange(len(far)) / WIDE_RATE)
    near[6 * WIDE_RATE :] += person[6 * WIDE_RATE :]
    canceller = LinearCanceller()
    clean = np.concatenate(
        [
            canceller.process(*block)
            for block in zip(
                near.astype(np.int16).reshape(-1, WIDE_BLOCK),
                far.astype(np.int16).reshape(-1, WIDE_BLOCK),
                strict=True,
            )
        ]
    ).astype(float)
    alone = slice(4 * WIDE_RATE, 6 * WIDE_RATE)
    assert np.mean(clean[alone] ** 2) < 0.01 * np.mean(near[alone] ** 2)
    both = slice(6 * WIDE_RATE + 800, None)
    assert np.corrcoef(clean[both], person[both])[0, 1] > 0.9


def test_linear_canceller_refuses_what_is_no_block() -> None:
    with pytest.raises(ValueError, match="160 samples"):
        LinearCanceller().process(np.zeros(80, np.int16), np.zeros(160, np.int16))


def test_product_is_the_power_that_two_sounds_share() -> None:
    one = np.random.default_rng(1).normal(0, 3000, WIDE_BLOCK).astype(np.float32)
    assert product(one, one) == pytest.approx(power(one), rel=1e-5)
    assert product(one, -0.5 * one) == pytest.approx(-power(one) / 2, rel=1e-5)
    assert product(one, np.zeros(WIDE_BLOCK, np.float32)) == 0


@pytest.mark.parametrize("gain", [0.0, 0.17782794, 0.5, 1.0, 1.4125, 7.943])
def test_gain_is_the_same_to_the_bit_as_without_a_library(gain: float) -> None:
    rng = np.random.default_rng(9)
    sound = rng.integers(-32768, 32768, pcm.BLOCK_SAMPLES, np.int16).tobytes()
    assert amplify(sound, gain) == pcm.amplify(sound, gain)
    for other in rng.uniform(0, 1, 20).tolist():
        assert ramp(sound, min(gain, 1.0), other) == pcm.ramp(sound, min(gain, 1.0), other)
    assert ramp(b"", 0.0, 1.0) == amplify(b"", gain) == b""
