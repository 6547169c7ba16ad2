"""What is cut or put in is as long as was asked for."""

import pytest

from appliance.media.pcm import RATE
from appliance.media.playout import Playout
from appliance.media.stretch import SHORTEST
from tests.media.plain import PlainDecoder
from tests.sound import sine


@pytest.mark.parametrize("samples", [1, SHORTEST - 1, SHORTEST, 300, 500])
def test_no_more_is_cut_than_there_is_too_much(samples: int) -> None:
    playout = Playout(PlainDecoder())
    for _ in range(3):
        playout.play(sine(200, 0.02))
    cut = -playout.change(samples / RATE)
    assert cut <= samples
    assert (cut > 0) == (samples >= SHORTEST)
    assert len(playout) == 3 * 960 - cut
