"""A call on the real driver whose cards are pulled out and plugged in again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.call import sound
from appliance.call.sound import Sound
from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware import audio, first_cards
from appliance.hardware.audio import PyAudioDevice
from tests.hardware.cards_tree import JACK, WEBCAM, dongle
from tests.hardware.fake_portaudio import Machine
from tests.sound import Latch

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("no_leftover_tasks")]


class Call:
    """The sound of a call on such a machine, and what it is told."""

    def __init__(self, config: AudioConfig) -> None:
        self.latch = Latch()
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.moved = asyncio.Event()
        loop = asyncio.get_running_loop()

        def exchange(near: bytes) -> bytes:
            loop.call_soon_threadsafe(self.moved.set)
            return near

        self.sound = Sound(
            PyAudioDevice(config, self.latch),
            exchange,
            lost=lambda error: self.told.put_nowait(f"lost: {error.cause}"),
            back=lambda: self.told.put_nowait("back"),
            failed=self._fail,
        )

    def _fail(self, error: DeviceError) -> None:
        raise AssertionError(error)

    async def moves(self) -> None:
        """Return once there is sound from now on."""
        self.moved.clear()
        await self.moved.wait()


@asynccontextmanager
async def calling(config: AudioConfig) -> AsyncIterator[Call]:
    """Hold the card as a call does, from its first sound until the context ends."""
    call = Call(config)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(call.sound.run())
        await call.moves()
        yield call
        call.sound.release()


@pytest_asyncio.fixture
async def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    monkeypatch.setattr(audio, "_STILL_TICKS", 1_000_000)  # of a machine that is busy
    monkeypatch.setattr(audio, "_FIRST_TICKS", 1_000_000)
    monkeypatch.setattr(sound, "RETRY", 0.02)
    machine = Machine(tmp_path, dongle(), WEBCAM, JACK)
    machine.install(monkeypatch)
    return machine


async def test_call_goes_on_with_the_card_that_it_began_with_and_no_other(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    async with calling(AudioConfig()) as call:
        assert machine.sounding == {"Device"}
        machine.plug(WEBCAM, JACK)
        assert await call.told.get() == "lost: USB PnP Sound Device: Audio (hw:Device,0) is gone."
        for _ in range(5):  # tries
            await machine.listed.get()
            assert machine.sounding == set()
        machine.plug(WEBCAM, JACK, dongle(port="1-1.4"))
        assert await call.told.get() == "back"
        await call.moves()
        assert machine.sounding == {"Device"}
    assert "stays away" not in caplog.text


async def test_call_returns_to_its_card_from_those_that_stand_in(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(first_cards, "STAND_IN", 0.0)
    async with calling(AudioConfig()) as call:
        machine.plug(WEBCAM, JACK)
        await call.told.get()
        assert await call.told.get() == "back"
        await call.moves()
        assert machine.sounding == {"Webcam", "Headphones"}
        assert "stays away: the microphone is Dynex 1.3MP Webcam" in caplog.text
        machine.plug(WEBCAM, JACK, dongle())
        while machine.sounding != {"Device"}:
            await call.moves()
        assert call.told.empty(), "the same call, without a loss"
        assert call.latch.held == ["microphone"]
        machine.plug(dongle())
        await call.moves()
        assert machine.sounding == {"Device"}
    assert "the call began with is there" in caplog.text
    assert machine.sounding == set()


@pytest.mark.parametrize("hindrance", ["held", "stuck"])
async def test_what_stands_in_sounds_on_if_the_card_is_there_and_cannot_be_had(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, hindrance: str
) -> None:
    monkeypatch.setattr(first_cards, "STAND_IN", 0.0)
    monkeypatch.setattr(first_cards, "TRY_AGAIN", 0.3)
    hindered: set[str] = getattr(machine, hindrance)
    async with calling(AudioConfig()) as call:
        machine.plug(WEBCAM, JACK)
        await call.told.get()
        assert await call.told.get() == "back"
        hindered.add("Device")
        while not machine.listed.empty():
            machine.listed.get_nowait()
        machine.plug(WEBCAM, JACK, dongle())
        for _ in range(2):  # tries
            await machine.listed.get()
            while machine.sounding != {"Webcam", "Headphones"}:
                await call.moves()
        hindered.clear()
        while machine.sounding != {"Device"}:
            await call.moves()
        assert call.told.empty(), "the same call, without a loss"


async def test_others_stand_in_for_a_card_that_does_not_open(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with calling(AudioConfig()) as call:
        machine.stuck.add("Device")
        machine.plug(WEBCAM, JACK)
        await call.told.get()
        machine.plug(WEBCAM, JACK, dongle())
        while not machine.listed.empty():
            machine.listed.get_nowait()
        for _ in range(3):  # tries
            await machine.listed.get()
            assert machine.sounding == set()
        monkeypatch.setattr(first_cards, "STAND_IN", 0.0)
        assert await call.told.get() == "back"
        assert machine.sounding == {"Webcam", "Headphones"}


async def test_card_that_was_named_is_waited_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_cards, "STAND_IN", 0.0)
    async with calling(AudioConfig(input="PnP", output="PnP")) as call:
        machine.plug(WEBCAM, JACK)
        await call.told.get()
        other = dongle("Device_1", "1-1.4")  # whose name has the same words
        machine.plug(other, WEBCAM, JACK)
        for _ in range(5):  # tries
            await machine.listed.get()
            assert machine.sounding == set()
        machine.plug(dongle(), other, WEBCAM, JACK)
        assert await call.told.get() == "back"
        await call.moves()
        assert machine.sounding == {"Device"}
