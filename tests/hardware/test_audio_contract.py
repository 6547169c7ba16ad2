"""What every AudioDevice promises, asked of each driver."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.audio import PyAudioDevice
from appliance.hardware.file_audio import FileAudio
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard
from appliance.ports import BLOCK_BYTES, AudioDevice, CaptureLatch
from tests.sound import Latch

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("no_leftover_tasks")]

Make = Callable[[CaptureLatch], AudioDevice]


@pytest.fixture(params=["file", "pyaudio"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def working(
    driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Make]:
    if driver == "file":
        config = AudioConfig(driver="file", output_file=str(tmp_path / "out.wav"))
        yield lambda latch: FileAudio(config, latch)
        return
    async with VirtualCard() as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        config = AudioConfig(input=MICROPHONE, output=SPEAKER)
        yield lambda latch: PyAudioDevice(config, latch)


@pytest.fixture
def missing(driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    config = AudioConfig(input_file=str(tmp_path / "none.wav"))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "none.conf"))
    if driver == "file":
        yield lambda latch: FileAudio(config, latch)
    else:
        yield lambda latch: PyAudioDevice(config, latch)


class Beat:
    """An exchange that counts, and tells the loop when it has counted enough."""

    def __init__(self, enough: int = 10) -> None:
        self._loop = asyncio.get_running_loop()
        self._enough = enough
        self.sizes: set[int] = set()
        self.count = 0
        self.threads: set[threading.Thread] = set()
        self.reached = asyncio.Event()

    def __call__(self, near: bytes) -> bytes:
        self.sizes.add(len(near))
        self.threads.add(threading.current_thread())
        self.count += 1
        if self.count == self._enough:
            self._loop.call_soon_threadsafe(self.reached.set)
        return near


def never(error: DeviceError) -> None:
    raise AssertionError(error)


@asynccontextmanager
async def limit() -> AsyncIterator[None]:
    async with asyncio.timeout(30):
        yield


async def test_blocks_of_10_ms_are_exchanged_at_the_clock_of_the_card(working: Make) -> None:
    beat = Beat(enough=50)
    clock = asyncio.get_running_loop().time
    async with limit(), working(Latch()).open(beat, never) as stream:
        began = clock()
        await beat.reached.wait()
        took = clock() - began
        assert stream.stats().blocks >= 49  # the last is counted when it is over
    assert beat.sizes == {BLOCK_BYTES}
    assert took > 0.3  # and not as fast as it can: half a second, less what the card had in stock


async def test_the_loop_is_not_the_audio_thread(working: Make) -> None:
    beat = Beat()
    async with limit(), working(Latch()).open(beat, never):
        await beat.reached.wait()
    assert threading.main_thread() not in beat.threads


async def test_the_light_is_on_from_before_the_first_block_until_after_the_last(
    working: Make,
) -> None:
    latch, beat = Latch(), Beat()
    dark = []

    def exchange(near: bytes) -> bytes:
        if not latch.held:
            dark.append(beat.count)
        return beat(near)

    async with limit(), working(latch).open(exchange, never):
        assert latch.held == ["microphone"]
        await beat.reached.wait()
    assert latch.history == ["+microphone", "-microphone"]
    assert dark == []


async def test_after_leaving_nothing_is_exchanged_any_more(working: Make) -> None:
    beat = Beat()
    async with limit():
        async with working(Latch()).open(beat, never):
            await beat.reached.wait()
        count = beat.count
        await asyncio.sleep(0.1)  # ten blocks of a clock that should have stopped
    assert beat.count == count


async def test_a_device_can_be_opened_again(working: Make) -> None:
    device = working(Latch())
    async with limit():
        for _ in range(3):
            beat = Beat()
            async with device.open(beat, never):
                await beat.reached.wait()


async def test_cancelling_releases_the_device_and_the_light(working: Make) -> None:
    latch, beat = Latch(), Beat()

    async def listen() -> None:
        async with working(latch).open(beat, never):
            await asyncio.Event().wait()

    async with limit(), asyncio.TaskGroup() as group:
        task = group.create_task(listen())
        await beat.reached.wait()
        task.cancel()
    assert latch.held == []


async def test_cancelling_while_it_opens_turns_the_light_off_too(working: Make) -> None:
    latch = Latch()

    async def listen() -> None:
        async with working(latch).open(Beat(), never):
            await asyncio.Event().wait()

    async with limit(), asyncio.TaskGroup() as group:
        task = group.create_task(listen())
        await latch.used.wait()
        task.cancel()
    assert latch.history == ["+microphone", "-microphone"]


async def test_an_error_inside_passes_and_releases_the_device(working: Make) -> None:
    latch = Latch()
    with pytest.raises(ZeroDivisionError):
        async with limit(), working(latch).open(Beat(), never):
            raise ZeroDivisionError
    assert latch.held == []


async def test_a_missing_device_is_an_error_with_a_cure_and_no_light(missing: Make) -> None:
    latch = Latch()
    with pytest.raises(DeviceError) as caught:
        async with limit(), missing(latch).open(Beat(), never):
            pass
    assert caught.value.cause
    assert caught.value.cure
    assert latch.held == []
