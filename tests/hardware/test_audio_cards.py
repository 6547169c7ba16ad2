"""The real driver over a virtual card with habits of its own: odd formats, moves, stumbles."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pyaudio
import pytest
import pytest_asyncio

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware import buffers, stream
from appliance.hardware.audio import PyAudioDevice
from appliance.hardware.cards import Card
from appliance.hardware.stream import RATES, formats
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard
from appliance.media import pcm
from appliance.media.blocks import Format
from appliance.ports import AudioStats, AudioStream
from tests.hardware.cards_tree import dongle
from tests.hardware.fake_portaudio import Machine
from tests.hardware.particular import particular
from tests.hardware.test_cards import machine
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
    """An exchange that says `voice` over and over, and tells when it hears a pitch."""

    def __init__(self, voice: bytes, pitch: float = 440) -> None:
        self._loop = asyncio.get_running_loop()
        self._voice = list(pcm.blocks(voice))
        self._near: list[bytes] = []
        self._pitch = pitch
        self.count = 0
        self.heard = asyncio.Event()

    def __call__(self, near: bytes) -> bytes:
        self.count += 1
        self._near.append(near)
        if self.count % 10 == 0:
            if any(heard_at(self._pitch, b"".join(self._near))):
                self._loop.call_soon_threadsafe(self.heard.set)
            self._near.clear()
        return self._voice[self.count % len(self._voice)]


class Stumbling(Ear):
    """An ear that makes the card wait again and again, until it gets larger blocks."""

    def __init__(self, voice: bytes) -> None:
        super().__init__(voice)
        self.larger = asyncio.Event()
        self._stats: Callable[[], AudioStats] = AudioStats

    def watch(self, stream: AudioStream) -> None:
        self._stats = stream.stats

    def __call__(self, near: bytes) -> bytes:
        if self._stats().block_ms > 10:
            self._loop.call_soon_threadsafe(self.larger.set)
        elif self.count % 40 == 39:
            time.sleep(0.15)  # a machine that is busy with something else
        return super().__call__(near)


async def plays(card: VirtualCard, pitch: float, *sinks: str) -> None:
    """Return once `pitch` comes out of one of the sinks; the test's deadline is around it."""
    there = asyncio.Event()

    def listener() -> Callable[[bytes], None]:
        sound = bytearray()

        def listen(piece: bytes) -> None:
            sound.extend(piece)
            if len(sound) > pcm.RATE // 5 * 2:
                if any(heard_at(pitch, bytes(sound))):
                    there.set()
                sound.clear()

        return listen

    async with AsyncExitStack() as stack:
        for sink in sinks or ("speaker",):
            await stack.enter_async_context(card.listen(listener(), sink=sink))
        await there.wait()


def never(error: DeviceError) -> None:
    raise AssertionError(error)


def habitual(monkeypatch: pytest.MonkeyPatch, near: Format, far: Format) -> None:
    monkeypatch.setattr(pyaudio, "PyAudio", particular(near, far))


@pytest.mark.parametrize(
    ("near", "far"),
    [
        pytest.param(Format(16_000, 1), Format(16_000, 1), id="a speakerphone of 16 kHz"),
        pytest.param(Format(44_100, 2), Format(44_100, 2), id="a CD-rate card"),
        pytest.param(Format(32_000, 1, "s24"), Format(48_000, 2, "s32"), id="two I2S cards"),
        pytest.param(Format(16_000, 1, "float"), Format(44_100, 2, "s16"), id="two odd cards"),
    ],
)
async def test_a_card_is_heard_and_played_in_the_format_it_wants(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, near: Format, far: Format
) -> None:
    habitual(monkeypatch, near, far)
    ear = Ear(sine(880, 1.0))
    async with (
        asyncio.timeout(40),
        PyAudioDevice(CARDS, Latch()).open(ear, never) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(plays(card, 880))
        tasks.create_task(card.speak(sine(440, 1.5)))
        await ear.heard.wait()
        stats = stream.stats()
    assert (stats.input_rate, stats.output_rate) == (near.rate_hz, far.rate_hz)


async def test_a_card_that_takes_nothing_is_an_error_in_words(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    habitual(monkeypatch, Format(7000, 1), Format(7000, 1))
    with pytest.raises(DeviceError, match="no sound format"):
        async with PyAudioDevice(CARDS, Latch()).open(Ear(sine(880, 0.1)), never):
            pass


async def test_a_speaker_that_the_server_moves_or_removes_plays_on(card: VirtualCard) -> None:
    """Where it plays after a move is the server's business, or that of ALSA's plugin."""
    ear = Ear(sine(880, 1.0))
    sink = ("module-null-sink", "rate=44100", "channels=2", "norewinds=1")
    async with asyncio.timeout(50), PyAudioDevice(CARDS, Latch()).open(ear, never):
        await plays(card, 880)
        module = await card.control("load-module", *sink, "sink_name=other")
        stream = (await card.control("list", "short", "sink-inputs")).split()[0]
        await card.control("move-sink-input", stream, "other")
        await plays(card, 880, "speaker", "other")
        await card.control("unload-module", module)
        await plays(card, 880, "speaker", "room")
        await card.control("unload-module", "0")  # the speaker itself, loaded first
        await plays(card, 880, "room")
        await card.control("load-module", *sink, "sink_name=speaker")
        await plays(card, 880, "speaker", "room")


async def test_a_card_that_stumbles_gets_larger_blocks_and_again_in_the_next_call(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffers, "SETTLING", 0.0)
    monkeypatch.setattr(buffers, "APART", 0.1)
    device = PyAudioDevice(CARDS, Latch())
    ear = Stumbling(sine(880, 1.0))
    async with asyncio.timeout(40):
        async with device.open(ear, never) as stream:
            ear.watch(stream)
            await ear.larger.wait()
            before = stream.stats()
            await plays(card, 880)
            after = stream.stats()
        async with device.open(ear, never) as stream:
            next_call = stream.stats()
    assert (before.block_ms, next_call.block_ms) == (20, 20)
    assert before.underruns + before.overruns >= buffers.BURST
    assert after.underruns >= before.underruns
    assert after.blocks > before.blocks


@pytest.mark.parametrize("block_ms", [10, 20, 40])
async def test_a_card_is_opened_with_blocks_of_the_configured_length(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block_ms: int
) -> None:
    plugged = Machine(tmp_path, dongle())
    plugged.install(monkeypatch)
    config = msgspec.convert({"block_ms": block_ms}, AudioConfig)
    ear = Ear(sine(880, 0.1))
    async with asyncio.timeout(40), PyAudioDevice(config, Latch()).open(ear, never) as stream:
        assert stream.stats().block_ms == block_ms
        assert [one.frames for one in plugged.streams] == [48 * block_ms]


# What is tried, in which order


def test_rates_that_the_card_tells_come_first(tmp_path: Path) -> None:
    (usb,) = machine(tmp_path, dongle())
    forms = list(formats(usb, "output"))
    assert forms[0] == Format(48_000, 1)
    assert [form.rate_hz for form in forms[::2][:2]] == [48_000, 44_100]
    assert {form.rate_hz for form in forms} >= set(RATES)


def test_a_card_that_tells_nothing_is_asked_for_48_khz_and_then_its_own_rate() -> None:
    jabra = Card(0, "Jabra (hw:USB,0)", 1, 2, 16_000)
    rates = dict.fromkeys(form.rate_hz for form in formats(jabra, "input"))
    assert list(rates)[:3] == [48_000, 16_000, 44_100]


def test_an_array_is_opened_with_all_its_channels_if_need_be() -> None:
    array = Card(0, "ReSpeaker (hw:Array,0)", 6, 2, 16_000)
    counts = dict.fromkeys(form.channels for form in formats(array, "input"))
    assert list(counts) == [1, 2, 6]


def test_samples_of_16_bits_are_asked_for_before_any_other() -> None:
    card = Card(0, "card (hw:card,0)", 1, 1, 48_000)
    widths = dict.fromkeys(form.width for form in formats(card, "input"))
    assert [str(width) for width in widths] == ["s16", "s32", "s24", "float"]


async def test_a_card_that_is_pulled_while_it_opens_is_said_to_be_gone(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio says of each format in turn that the card does not have it."""
    never_taken = Format(11_111, 7)
    habitual(monkeypatch, never_taken, never_taken)
    with pytest.raises(DeviceError, match="offers no sound format"):
        async with PyAudioDevice(CARDS, Latch()).open(Ear(b""), never):
            pass
    monkeypatch.setattr(stream, "vanished", lambda _card: True)
    with pytest.raises(DeviceError, match="is gone"):
        async with PyAudioDevice(CARDS, Latch()).open(Ear(b""), never):
            pass
