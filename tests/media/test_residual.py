"""What a linear filter leaves of an echo is taken out, a person is not."""

import numpy as np
import pytest

from appliance.media.bands import WIDE_BLOCK, WIDE_RATE, Block, Floats, power
from appliance.media.residual import ResidualSuppressor

BLOCKS = 100
LATE = slice(10, None)  # the first windows are half empty


def noise(seed: int, level: float) -> Floats:
    sound = np.random.default_rng(seed).normal(0, level, (BLOCKS, WIDE_BLOCK))
    return sound.astype(np.float32)


def tone(level: float) -> Floats:
    time = np.arange(BLOCKS * WIDE_BLOCK) / WIDE_RATE
    sound = level * np.sin(2 * np.pi * 440 * time)
    return sound.reshape(BLOCKS, WIDE_BLOCK).astype(np.float32)


def run(near: Floats, echo: Floats, leak: float) -> Block:
    suppressor = ResidualSuppressor()
    blocks = near.astype(np.int16)
    return np.array([suppressor.process(*both, leak) for both in zip(blocks, echo, strict=True)])


def test_without_an_echo_sound_comes_as_it_is_one_block_late() -> None:
    near = noise(1, 3000)
    heard = run(near, np.zeros_like(near), -20)
    assert np.abs(heard[2:].astype(int) - near[1:-1].astype(np.int16)).max() <= 2


def test_what_the_filter_usually_leaves_is_taken_out() -> None:
    echo = noise(2, 3000)
    heard = run(echo * np.float32(0.1), echo, -20)
    assert 10 * np.log10(power(heard[LATE].ravel()) / power(echo[LATE].ravel())) < -28


@pytest.mark.parametrize("level", [600, 3000])
def test_person_stays_above_it(level: float) -> None:
    echo, person = noise(3, 3000), tone(level)
    heard = run(person + echo * np.float32(0.1), echo, -20)
    kept = np.vdot(heard[11:].astype(float), person[10:-1]) / np.vdot(person[10:-1], person[10:-1])
    assert kept == pytest.approx(1, abs=0.1)
