"""Tempo is changed by whole periods of the pitch."""

from itertools import pairwise

import pytest

from appliance.media import pcm
from appliance.media.stretch import LONGEST, SHORTEST, fade, lengthen, period, shorten
from tests.sound import sine, strength_of


@pytest.mark.parametrize("pitch", [90, 125, 200, 300])
def test_period_of_a_voice_is_a_multiple_of_that_of_its_pitch(pitch: int) -> None:
    found = period(sine(pitch, 0.05))
    periods = found * pitch / pcm.RATE
    assert SHORTEST <= found <= LONGEST
    assert periods == pytest.approx(round(periods), abs=0.08)


def test_period_is_no_longer_than_asked() -> None:
    assert period(sine(100, 0.05), 300, SHORTEST) <= 300


def test_too_little_sound_has_no_period() -> None:
    assert period(sine(100, 0.01)) == 0
    assert period(b"") == 0


@pytest.mark.parametrize("change", [shorten, lengthen])
def test_changed_tempo_keeps_the_tone_and_does_not_click(change: object) -> None:
    tone = sine(125, 0.1)
    by = period(tone)
    changed = change(tone, by)  # type: ignore[operator]
    step = max(abs(a - b) for a, b in pairwise(pcm.samples(tone)))
    assert abs(len(changed) - len(tone)) == 2 * by
    assert max(abs(a - b) for a, b in pairwise(pcm.samples(changed))) <= 1.3 * step
    assert strength_of(125, changed) > 0.95


def test_fade_goes_from_one_to_the_other() -> None:
    loud, quiet = b"\x00\x40" * 100, bytes(200)
    faded = pcm.samples(fade(loud, quiet))
    assert (faded[0], faded[50]) == (0x4000, 0x2000)
    assert list(faded) == sorted(faded, reverse=True)
    assert fade(b"", b"") == b""


def test_of_periods_that_are_as_good_the_first_one_counts() -> None:
    tone = sine(300, 0.05)
    one = pcm.RATE // 300
    assert period(tone) == pytest.approx(one, abs=6)
    assert period(tone, LONGEST, SHORTEST) == pytest.approx(3 * one, abs=6)
    assert period(tone, one + 40) == pytest.approx(2 * one, abs=6)
