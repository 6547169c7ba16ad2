from itertools import pairwise

import pytest

from appliance.core.model import Cue
from appliance.media import pcm
from appliance.media.cues import NOTES, render, render_all


@pytest.mark.parametrize("cue", Cue)
def test_a_cue_is_short_audible_and_never_clipped(cue: Cue) -> None:
    sound = render(cue)
    assert 0.05 < len(sound) / (2 * pcm.RATE) < 0.7
    assert 2_000 < pcm.peak(sound) < 16_000


@pytest.mark.parametrize("cue", Cue)
def test_a_cue_begins_and_ends_without_a_click(cue: Cue) -> None:
    values = pcm.samples(render(cue))
    assert abs(values[0]) < 50
    assert abs(values[-1]) < 50
    assert max(abs(b - a) for a, b in pairwise(values)) < 4_000


def test_every_cue_sounds_different() -> None:
    assert set(NOTES) == set(Cue)
    assert len(set(render_all().values())) == len(Cue)


def test_a_cue_always_sounds_the_same() -> None:
    assert render(Cue.SHUTTER) == render(Cue.SHUTTER)
