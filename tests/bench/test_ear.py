"""The measures of sound find what was put there."""

import numpy as np
import pytest

from tests.bench.ear import RATE, Sound, compare


def speech(seconds: int = 6) -> Sound:
    """Return noise in syllables: it is alike itself at one delay only."""
    rng = np.random.default_rng(1)
    time = np.arange(seconds * RATE) / RATE
    loud: Sound = rng.normal(0, 3000, len(time)) * (np.sin(2 * np.pi * 3 * time) > -0.8)
    return loud


def late(sound: Sound, seconds: float) -> Sound:
    return np.concatenate([np.zeros(round(seconds * RATE)), sound, np.zeros(RATE)])


@pytest.mark.parametrize("delay", [0.0, 0.031, 0.5])
def test_known_delay_is_found(delay: float) -> None:
    heard = compare(speech(), late(speech(), delay))
    assert heard.delay == pytest.approx(delay, abs=1e-4)
    assert (heard.missing, heard.hole) == (0, 0)


def test_known_hole_is_found() -> None:
    broken = late(speech(), 0.02)
    broken[RATE * 2 : RATE * 2 + RATE // 10] = 0  # 100 ms
    heard = compare(speech(), broken)
    assert heard.hole == pytest.approx(0.09, abs=0.02)
    assert heard.missing == pytest.approx(0.09 / 6 / 0.8, rel=0.4)


def test_noise_in_a_hole_counts_as_concealed() -> None:
    filled = late(speech(), 0.02)
    filled[RATE * 2 : RATE * 2 + RATE // 10] = 300.0
    assert compare(speech(), filled).missing == 0


def test_nothing_heard_is_all_missing() -> None:
    assert compare(speech(), np.zeros(8 * RATE)).missing == 1


def test_too_short_a_recording_has_no_delay() -> None:
    assert compare(speech(), np.zeros(10)).delay == float("inf")
