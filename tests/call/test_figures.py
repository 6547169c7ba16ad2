"""The figures of a call say what happened, each under the name that the pages give it."""

import asyncio

import pytest

from appliance.call.figures import Figures, known, line_figures, sound_figures
from appliance.call.loop_lag import LoopLag
from appliance.core.model import Problem
from appliance.media import pcm
from appliance.media.cues import render_all
from appliance.media.echo import EchoCanceller, HalfDuplex, NoEcho
from appliance.media.engine import Engine
from appliance.media.packet import Packet
from appliance.media.tracks import NearTrack
from appliance.ports import AudioStats
from tests.call.scenes import live
from tests.media.plain import PACKET, PlainDecoder
from tests.pages import first_column
from tests.sound import sine


class Found(NoEcho):
    """A canceller that has found the echo."""

    loss_enhancement = 41.2
    delay = 0.0637
    drift = 48.7e-6
    double_talk = 0.1254


class Stumbling:
    """A card that has lost sound both ways."""

    def stats(self) -> AudioStats:
        return AudioStats(0.011, 0.022, 3, 4, 500, 20, 44_100, 32_000)


def lagging() -> LoopLag:
    lag = LoopLag()
    due = lag.look(0.0)
    for number in range(200):
        due = lag.look(due + (0.05 if number == 9 else 0.002))
    return lag


def line(echo: EchoCanceller) -> tuple[Engine, NearTrack]:
    engine = Engine(asyncio.get_running_loop(), render_all(), PlainDecoder(), echo=echo)
    return engine, NearTrack(engine)


def told(echo: EchoCanceller) -> Figures:
    engine, near = line(echo)
    near.filled = 6
    return sound_figures(engine, near, Stumbling(), lagging())


async def test_all_figures_of_the_sound_are_on_the_consoles_page() -> None:
    both = set(told(Found())) | set(told(HalfDuplex(Problem("device", "None here.", "Get one."))))
    assert both == first_column("appliance/console/README.md", "figure") - {
        *("webrtc", "half-duplex", "system", "none")
    }


async def test_sound_is_told_as_it_is() -> None:
    figures = told(Found())
    expected = {
        "near_filled": 6,
        "echo": "none",
        "echo_erle": 41.2,
        "echo_delay": 0.0637,
        "echo_drift_ppm": 49,
        "double_talk": 0.125,
        "loop_lag_ms": 2.0,
        "loop_lag_worst_ms": 50.0,
        "input_delay": 0.011,
        "output_delay": 0.022,
        "card_underruns": 3,
        "card_overruns": 4,
        "card_block_ms": 20,
        "input_rate": 44_100,
        "output_rate": 32_000,
    }
    assert {name: figures[name] for name in expected} == expected


async def test_what_is_not_known_is_left_out() -> None:
    engine, near = line(NoEcho())
    now = sound_figures(engine, near, None, LoopLag())
    assert not {name for name in now if name.startswith(("echo_", "card_", "loop_", "double_"))}
    at_last = known(line_figures(engine, LoopLag()))
    assert not set(at_last) & {"ERLE_DB", "ECHO_MS", "DRIFT_PPM", "DOUBLE_TALK", "LOOP_LAG_MS"}


async def test_line_at_the_end_tells_echo_and_loop() -> None:
    figures = line_figures(line(Found())[0], lagging())
    expected = {
        "ECHO": "none",
        "ERLE_DB": 41.2,
        "ECHO_MS": 64,
        "DRIFT_PPM": 49,
        "DOUBLE_TALK": 0.13,
        "LOOP_LAG_MS": 2.0,
        "LOOP_LAG_WORST_MS": 50.0,
    }
    assert {name: figures[name] for name in expected} == expected


@pytest.mark.looptime
async def test_line_at_the_end_tells_what_became_of_lost_sound() -> None:
    engine, near = line(NoEcho())
    for block in range(200):
        number = block // 2
        if block % 2 == 0 and number not in {40, 41}:
            engine.receive(Packet(number, number * PACKET, sine(440, 0.02)))
        engine.exchange(pcm.SILENCE)
        await asyncio.sleep(0.01)
    heard = engine.counters().heard
    figures = line_figures(engine, LoopLag())
    assert 0.02 <= heard.concealed <= 0.06
    assert figures["CONCEALED_MS"] == round(heard.concealed * 1000)
    assert figures["LOST"] == heard.lost == 2
    assert figures["JITTER_MS"] == round(heard.jitter * 1000)
    told = sound_figures(engine, near, None, LoopLag())
    assert told["far_concealed"] == round(heard.concealed, 4)
    assert told["blocks"] == 200


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_figures_of_a_whole_call_are_on_the_architecture_page() -> None:
    async with live() as (_, stage, running):
        await stage.mark("first_sound")
        running.call._audio.engine.echo = Found()
        running.call._link.round_trip_ms = 1.0
        await stage.until(lambda: "loop_lag_ms" in running.call.sound())
        figures = running.call.figures()
    assert set(figures) == first_column("appliance/README.md", "field") - {"PROBLEM"}
