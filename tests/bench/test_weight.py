"""A call in an echo is weighed beside half of Chromium's; its microphone hears the speaker."""

import asyncio
import os

import numpy as np
import pytest

from appliance.config import AudioConfig
from appliance.media.pcm import BLOCK_SAMPLES, SILENCE
from tests.bench import weigh
from tests.bench.echoing import ECHO_BLOCKS, EchoingAudio, with_echo
from tests.bench.sound import CHROMIUM
from tests.bench.weight import HEADPHONES, OURS, WITHOUT, Load, rows_of
from tests.sound import Latch


def load(cpu: float) -> Load:
    return Load(cpu, 80.0, 90.0)


LOADS = {OURS: load(8.0), HEADPHONES: load(7.0), WITHOUT: load(5.0), CHROMIUM: load(17.0)}


def test_call_in_an_echo_may_take_half_of_what_chromium_takes() -> None:
    cpu = rows_of(LOADS)[0]
    assert cpu.ours == pytest.approx(8.0)
    assert cpu.at_most == pytest.approx(8.5)
    assert cpu.against == {HEADPHONES: 7.0, WITHOUT: 5.0, CHROMIUM: 17.0}


def test_without_chromium_there_is_no_goal() -> None:
    cpu = rows_of({who: each for who, each in LOADS.items() if who != CHROMIUM})[0]
    assert cpu.holds is None


def test_calls_of_a_kind_are_one_load() -> None:
    assert Load.of([Load(4.0, 80.0, 90.0), Load(6.0, 82.0, 85.0)]) == Load(5.0, 82.0, 90.0)


async def test_speaker_is_heard_later() -> None:
    near: list[bytes] = []
    loop, enough = asyncio.get_running_loop(), asyncio.Event()

    def exchange(block: bytes) -> bytes:
        near.append(block)
        if len(near) == ECHO_BLOCKS + 5:
            loop.call_soon_threadsafe(enough.set)
        return np.full(BLOCK_SAMPLES, 5000, np.int16).tobytes() if len(near) == 3 else SILENCE

    device = EchoingAudio(AudioConfig(driver="file"), Latch())
    async with device.open(exchange, lambda _: None):
        await enough.wait()
    assert [number for number, block in enumerate(near) if any(block)] == [ECHO_BLOCKS + 2]


def test_microphone_hears_the_person_and_the_speaker() -> None:
    near, played = (np.full(BLOCK_SAMPLES, level, np.int16) for level in (1000, -5000))
    heard = np.frombuffer(with_echo(near.tobytes(), played.tobytes()), np.int16)
    assert (heard == 500).all()


def test_most_memory_is_never_less_than_what_is_there() -> None:
    assert weigh.peak(os.getpid()) >= weigh.resident(os.getpid()) - 1.0
