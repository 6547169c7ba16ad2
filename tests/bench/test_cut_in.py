"""Words said into the machine's are understood, from the first on."""

from dataclasses import replace

import pytest

from appliance.media.webrtc_echo import WebRtcEcho
from tests.bench.cut_in import Understood, cut_in
from tests.bench.room import ROOMS
from tests.bench.scenes import ASSISTANT


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [("Be quiet", 0), ("quiet", 1), ("", 2), ("He quiet", 1), ("And be quiet now", 2)],
)
def test_words_that_are_missing_added_or_others_count(heard: str, wrong: int) -> None:
    assert Understood("Be quiet.", heard).wrong == wrong


@pytest.mark.slow
@pytest.mark.timeout(120)  # a minute of sound
def test_words_said_into_the_machines_are_understood_from_the_first_on() -> None:
    room = replace(ROOMS["nominal"], seed=3207)
    found = cut_in(WebRtcEcho(), room, ASSISTANT)
    assert sum(understood.wrong for understood in found) <= 5, found  # of 34
