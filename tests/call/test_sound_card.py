"""The sound of a call on the real driver, over a virtual card that stops and comes back."""

import asyncio
import os
import signal
import time

import pytest

from appliance.call.sound import Sound
from appliance.config import AudioConfig
from appliance.hardware.audio import PyAudioDevice
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard
from tests.sound import Latch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_card_that_stands_still_is_noticed_and_used_again(
    monkeypatch: pytest.MonkeyPatch, no_leftover_tasks: None
) -> None:
    lost, back, moving = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    failures: list[Exception] = []

    def exchange(near: bytes) -> bytes:
        loop.call_soon_threadsafe(moving.set)
        return near

    async with asyncio.timeout(50), VirtualCard() as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        device = PyAudioDevice(AudioConfig(input=MICROPHONE, output=SPEAKER), Latch())
        sound = Sound(
            device, exchange, lost=lambda _: lost.set(), back=back.set, failed=failures.append
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sound.run())
            await moving.wait()
            os.kill(card.pid, signal.SIGSTOP)
            began = time.monotonic()
            try:
                await lost.wait()
                noticed = time.monotonic() - began
                gone = sound.stream is None
            finally:
                os.kill(card.pid, signal.SIGCONT)
            await back.wait()
            moving.clear()
            await moving.wait()
            sound.release()

    assert gone
    assert failures == []
    assert noticed < 10  # 0.8 s on an idle machine
