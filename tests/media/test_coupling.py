"""Headphones are known by what the microphone does not hear."""

import pytest

from appliance.media.coupling import Coupling

LOUD, FAINT = 1e-2, 1e-6  # mean squares: -20 and -60 dBFS


def take(coupling: Coupling, blocks: int, near: float, far: float) -> None:
    for _ in range(blocks):
        coupling.take(near, far)


def test_speaker_that_is_not_heard_for_a_second_does_not_reach_the_microphone() -> None:
    coupling = Coupling()
    take(coupling, 99, FAINT, LOUD)
    assert not coupling.none
    take(coupling, 1, FAINT, LOUD)
    assert coupling.none


@pytest.mark.parametrize(("near", "far"), [(LOUD / 100, LOUD), (FAINT / 1000, FAINT), (0.0, 0.0)])
def test_echo_or_a_silent_speaker_says_nothing(near: float, far: float) -> None:
    coupling = Coupling()
    take(coupling, 1000, near, far)
    assert not coupling.none


def test_one_loud_block_in_each_window_is_an_echo() -> None:
    coupling = Coupling()
    for _ in range(20):
        take(coupling, 1, LOUD, LOUD)
        take(coupling, 49, FAINT, LOUD)
    assert not coupling.none


def test_it_stays_known_while_somebody_speaks() -> None:
    coupling = Coupling()
    take(coupling, 100, FAINT, LOUD)
    take(coupling, 500, LOUD, LOUD)
    assert coupling.none


def test_it_is_looked_anew_once_an_echo_was_found() -> None:
    coupling = Coupling()
    take(coupling, 100, FAINT, LOUD)
    coupling.found()
    take(coupling, 50, FAINT, LOUD)
    assert not coupling.none


def test_muted_microphone_is_no_headphone() -> None:
    coupling = Coupling()
    take(coupling, 1000, 0.0, LOUD)
    assert not coupling.none
