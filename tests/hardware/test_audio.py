"""The real PyAudio driver, through a virtual sound card."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pyaudio
import pytest
import pytest_asyncio

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware import audio, portaudio, stream
from appliance.hardware.audio import PyAudioDevice
from appliance.hardware.portaudio import list_devices
from appliance.hardware.stream import CardStream
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard
from appliance.media import pcm
from tests.sound import Latch, heard_at, sine

CARDS = AudioConfig(input=MICROPHONE, output=SPEAKER)
pytestmark = pytest.mark.timeout(60)


@pytest_asyncio.fixture
async def card(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VirtualCard]:
    async with VirtualCard() as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        yield card


class Ear:
    """An exchange that hears, and says `voice` over and over."""

    def __init__(self, voice: bytes = pcm.SILENCE) -> None:
        self.near: list[bytes] = []
        self._voice = list(pcm.blocks(voice))

    def __call__(self, near: bytes) -> bytes:
        self.near.append(near)
        return self._voice[len(self.near) % len(self._voice)]


def never(error: DeviceError) -> None:
    raise AssertionError(error)


@pytest.mark.parametrize("block_ms", [10, 20])
async def test_what_is_said_is_heard_and_what_is_answered_is_played(
    card: VirtualCard, tmp_path: Path, block_ms: int
) -> None:
    ear = Ear(sine(880, 1.0))
    config = AudioConfig(input=MICROPHONE, output=SPEAKER, block_ms=10 if block_ms == 10 else 20)
    async with asyncio.timeout(30):
        device = PyAudioDevice(config, Latch())
        async with device.open(ear, never) as stream, card.record(tmp_path / "speaker.wav"):
            await card.speak(sine(440, 1.0))
            stats = stream.stats()
    assert heard_at(440, b"".join(ear.near)).count(True) >= 4  # 9 where nothing else runs
    played = (tmp_path / "speaker.wav").read_bytes()[44:]
    assert heard_at(880, played).count(True) >= 4
    assert stats.blocks >= 50
    assert 0 < stats.output_delay < 0.5
    assert 0 < stats.input_delay < 0.5


async def test_one_stream_serves_both_directions(card: VirtualCard, tmp_path: Path) -> None:
    """As on a card of its own; here it goes through a server, where PortAudio may lose it."""
    ear = Ear()
    async with asyncio.timeout(50):
        for _ in range(5):
            ear, failures = Ear(sine(880, 1.0)), list[DeviceError]()
            device = PyAudioDevice(CARDS, Latch(), duplex=True)
            async with (
                device.open(ear, failures.append),
                card.record(tmp_path / "speaker.wav"),
            ):
                await card.speak(sine(440, 1.0))
            if not failures:
                break
    assert heard_at(440, b"".join(ear.near)).count(True) >= 4
    assert heard_at(880, (tmp_path / "speaker.wav").read_bytes()[44:]).count(True) >= 4


async def test_a_card_that_vanishes_is_told_once_and_soon(card: VirtualCard) -> None:
    failures: asyncio.Queue[DeviceError] = asyncio.Queue()
    ear, latch = Ear(), Latch()
    async with asyncio.timeout(30):
        async with PyAudioDevice(CARDS, latch).open(ear, failures.put_nowait):
            await asyncio.to_thread(wait_for_blocks, ear, 5)
            os.kill(card.pid, signal.SIGKILL)
            began = asyncio.get_running_loop().time()
            error = await failures.get()
            took = asyncio.get_running_loop().time() - began
            assert latch.held == ["microphone"]
            await asyncio.sleep(0.3)  # three more looks of the watch
    assert "stopped" in error.cause
    assert failures.empty()
    assert took < 5  # 0.2 s on an idle machine
    assert latch.held == []


async def test_a_frozen_card_is_told_too(card: VirtualCard) -> None:
    failures: asyncio.Queue[DeviceError] = asyncio.Queue()
    ear = Ear()
    async with asyncio.timeout(30):
        async with PyAudioDevice(CARDS, Latch()).open(ear, failures.put_nowait):
            await asyncio.to_thread(wait_for_blocks, ear, 5)
            os.kill(card.pid, signal.SIGSTOP)
            try:
                await failures.get()
            finally:
                os.kill(card.pid, signal.SIGCONT)


async def test_a_microphone_that_stops_beside_a_speaker_that_goes_on_is_told(
    card: VirtualCard,
) -> None:
    """As of two cards, when that of the microphone is pulled."""
    failures: asyncio.Queue[DeviceError] = asyncio.Queue()
    ear = Ear()
    async with (
        asyncio.timeout(30),
        PyAudioDevice(CARDS, Latch()).open(ear, failures.put_nowait) as stream,
    ):
        await asyncio.to_thread(wait_for_blocks, ear, 5)
        heard = stream.stats().blocks
        await card.control("suspend-source", "microphone", "1")
        error = await failures.get()
        assert stream.stats().blocks > heard
    assert "stopped" in error.cause


async def test_a_card_that_the_kernel_has_lost_is_named_at_once(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only after the ticks that a card may be still: they are for ever here."""
    monkeypatch.setattr(audio, "_STILL_TICKS", 1_000_000)
    failures: asyncio.Queue[DeviceError] = asyncio.Queue()
    ear = Ear()
    async with asyncio.timeout(30):
        async with PyAudioDevice(CARDS, Latch()).open(ear, failures.put_nowait):
            await asyncio.to_thread(wait_for_blocks, ear, 5)
            monkeypatch.setattr(stream, "vanished", lambda _card: True)
            os.kill(card.pid, signal.SIGSTOP)  # a card that calls back is not asked after
            try:
                error = await failures.get()
            finally:
                os.kill(card.pid, signal.SIGCONT)
    assert "is gone" in error.cause


async def test_a_card_that_hangs_while_it_opens_keeps_the_light_on_until_it_is_closed(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "OPEN_DEADLINE", 0.2)
    latch = Latch()
    os.kill(card.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(30):
            with pytest.raises(DeviceError, match="does not answer"):
                async with PyAudioDevice(CARDS, latch).open(Ear(), never):
                    pass
            assert latch.held == ["microphone"]
            os.kill(card.pid, signal.SIGCONT)
            await latch.dark.wait()
    finally:
        os.kill(card.pid, signal.SIGCONT)
    assert latch.held == []


async def test_an_underrun_does_not_make_portaudio_spin(card: VirtualCard) -> None:
    stalled, done = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    count = 0

    def exchange(near: bytes) -> bytes:
        nonlocal count
        count += 1
        if count == 30:
            time.sleep(0.3)  # a machine that is busy with something else
            loop.call_soon_threadsafe(stalled.set)
        if count == 120:
            loop.call_soon_threadsafe(done.set)
        return near

    async with asyncio.timeout(30), PyAudioDevice(CARDS, Latch()).open(exchange, never) as stream:
        await stalled.wait()
        began, used = time.monotonic(), time.process_time()
        await done.wait()
        share = (time.process_time() - used) / (time.monotonic() - began)
        assert stream.stats().underruns > 0
    assert share < 0.5  # 0.05 where nothing else runs; 0.9 where it spins


async def test_an_unknown_name_is_an_error_that_names_the_cards(card: VirtualCard) -> None:
    latch = Latch()
    with pytest.raises(DeviceError) as caught:
        async with PyAudioDevice(AudioConfig(input="Jabra"), latch).open(Ear(), never):
            pass
    assert caught.value.cause == 'There is no microphone called "Jabra".'
    assert MICROPHONE in caught.value.cure
    assert latch.history == ["+microphone", "-microphone"]


async def test_no_sound_system_at_all_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "gone"))
    with pytest.raises(DeviceError, match="ALSA's configuration"):
        async with PyAudioDevice(AudioConfig(), Latch()).open(Ear(), never):
            pass


async def test_a_machine_without_cards_has_no_microphone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "asound.conf").write_text("pcm.!default { type hw card 31 }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    with pytest.raises(DeviceError, match="no microphone"):
        async with PyAudioDevice(AudioConfig(), Latch()).open(Ear(), never):
            pass


async def test_a_configuration_that_portaudio_would_abort_on_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "asound.conf").write_text("pcm.nothing { type null }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    with pytest.raises(DeviceError, match="no default device"):
        async with PyAudioDevice(AudioConfig(), Latch()).open(Ear(), never):
            pass


async def test_a_server_that_died_before_is_an_error_in_words(card: VirtualCard) -> None:
    os.kill(card.pid, signal.SIGKILL)
    latch = Latch()
    with pytest.raises(DeviceError) as caught:
        async with PyAudioDevice(CARDS, latch).open(Ear(), never):
            pass
    assert caught.value.cause.endswith(".")
    assert latch.held == []


async def test_the_virtual_card_is_listed_under_its_names(card: VirtualCard) -> None:
    cards = await asyncio.to_thread(list_devices)
    assert [found.name for found in cards] == [MICROPHONE, SPEAKER, "default"]
    assert cards[2].default_input
    assert cards[2].default_output


async def test_the_loop_through_speaker_and_microphone_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    click = pcm.ramp(b"\x00\x60" * pcm.BLOCK_SAMPLES, 1.0, 1.0)
    sent: list[int] = []
    returned = asyncio.Event()
    loop = asyncio.get_running_loop()
    near: list[bytes] = []

    def exchange(block: bytes) -> bytes:
        near.append(block)
        if sent and pcm.peak(block) > 3000:
            loop.call_soon_threadsafe(returned.set)
        if (
            len(near) % 100 == 0 and not returned.is_set()
        ):  # an underrun may have swallowed the last
            sent.append(len(near))
            return click
        return pcm.SILENCE

    async with asyncio.timeout(30), VirtualCard(hears_itself=True) as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        async with PyAudioDevice(CARDS, Latch()).open(exchange, never):
            await returned.wait()
    came = next(i for i, block in enumerate(near) if i >= 100 and pcm.peak(block) > 3000)
    took = came - max(at for at in sent if at <= came)
    assert took < 50  # blocks of 10 ms; 3 to 5 on an idle machine


def wait_for_blocks(ear: Ear, count: int) -> None:
    """Block until so many blocks were exchanged; the test's deadline is around it."""
    deadline = time.monotonic() + 10
    while len(ear.near) < count and time.monotonic() < deadline:
        time.sleep(0.005)


async def test_card_that_was_still_being_opened_is_closed_before_the_next_call_has_it(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "CLOSE_DEADLINE", 0.01)
    order: list[str] = []
    began, go_on, closed = asyncio.Event(), threading.Event(), asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    class Slow(CardStream):
        def open(self, block_ms: int) -> None:
            order.append("opens")
            loop.call_soon_threadsafe(began.set)
            go_on.wait(20)
            super().open(block_ms)

        def close(self) -> None:
            super().close()
            order.append("closed")
            loop.call_soon_threadsafe(closed.release)

    monkeypatch.setattr(audio, "CardStream", Slow)
    device = PyAudioDevice(CARDS, Latch())

    async def call() -> None:
        async with device.open(Ear(), never):
            order.append("open")

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(call())
        await began.wait()
        first.cancel()
        await asyncio.wait([first])
        second = tasks.create_task(call())
        await asyncio.sleep(0)
        go_on.set()
        await second
        for _ in range(2):  # the second may take longer than the deadline, too
            await closed.acquire()
    assert order == ["opens", "closed", "opens", "open", "closed"]


async def test_no_two_threads_are_in_portaudio_at_once(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs in a card's opening is not joined by that of the next call."""
    monkeypatch.setattr(audio, "OPEN_DEADLINE", 0.5)
    there, go_on = threading.Event(), threading.Event()
    together = threading.Semaphore(1)
    real = pyaudio.PyAudio

    class Hanging(real):  # type: ignore[misc, valid-type]  # a class that is found at run time
        def __init__(self) -> None:
            assert together.acquire(blocking=False), "two at once"
            there.set()
            go_on.wait(20)
            super().__init__()
            together.release()

    monkeypatch.setattr(pyaudio, "PyAudio", Hanging)
    first, second = Latch(), Latch()
    async with asyncio.timeout(30):
        for latch in (first, second):
            with pytest.raises(DeviceError, match="does not answer"):
                async with PyAudioDevice(CARDS, latch).open(Ear(), never):
                    pass
        assert there.is_set()
        assert first.held == ["microphone"]  # the hanging one may still open it
        go_on.set()
        await first.dark.wait()
        await second.dark.wait()
        monkeypatch.setattr(audio, "OPEN_DEADLINE", 20)
        ear = Ear()
        async with PyAudioDevice(CARDS, second).open(ear, never):
            await asyncio.to_thread(wait_for_blocks, ear, 5)


def test_cards_are_looked_for_once_none_is_half_plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    half = [True, True, False]
    monkeypatch.setattr(portaudio, "_LOOK", 0.0)
    monkeypatch.setattr(portaudio, "half_plugged", lambda: half.pop(0))
    with suppress(DeviceError):  # there need be no sound here
        list_devices()
    assert half == []
