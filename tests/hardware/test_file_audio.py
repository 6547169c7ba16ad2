import asyncio
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.file_audio import FileAudio
from appliance.media import pcm
from tests.sound import Latch, sine

pytestmark = pytest.mark.timeout(60)


def write(path: Path, sound: bytes) -> Path:
    path.write_bytes(pcm.wav_header(len(sound)) + sound)
    return path


def read(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        sound: bytes = file.readframes(file.getnframes())
        return sound


class Echo:
    """An exchange that gives back what it hears, and tells after `enough` blocks."""

    def __init__(self, enough: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._enough = enough
        self.near = b""
        self.reached = asyncio.Event()

    def __call__(self, near: bytes) -> bytes:
        self.near += near
        if len(self.near) == self._enough * pcm.BLOCK_BYTES:
            self._loop.call_soon_threadsafe(self.reached.set)
        return near


def never(error: DeviceError) -> None:
    raise AssertionError(error)


async def test_the_microphone_file_is_heard_sample_by_sample_and_then_silence(
    tmp_path: Path,
) -> None:
    said = sine(440, 0.255)
    config = AudioConfig(
        input_file=str(write(tmp_path / "in.wav", said)), output_file=str(tmp_path / "out.wav")
    )
    echo = Echo(enough=40)
    async with asyncio.timeout(30), FileAudio(config, Latch()).open(echo, never):
        await echo.reached.wait()
    assert echo.near[: len(said)] == said
    assert not any(echo.near[len(said) :])
    assert read(tmp_path / "out.wav") == echo.near  # one clock: block for block


async def test_without_files_there_is_silence_on_the_same_clock() -> None:
    echo = Echo(enough=10)
    async with asyncio.timeout(30), FileAudio(AudioConfig(), Latch()).open(echo, never) as stream:
        await echo.reached.wait()
        assert stream.stats().blocks >= 9
    assert not any(echo.near)


async def test_the_clock_does_not_drift() -> None:
    echo, clock = Echo(enough=100), asyncio.get_running_loop().time
    async with asyncio.timeout(30), FileAudio(AudioConfig(), Latch()).open(echo, never):
        began = clock()
        await echo.reached.wait()
        took = clock() - began
    assert took >= 0.97  # never fast; how slow is the machine's affair


async def test_a_speaker_file_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    config = AudioConfig(output_file=str(tmp_path / "no" / "folder.wav"))
    with pytest.raises(DeviceError, match="cannot be written"):
        async with FileAudio(config, Latch()).open(Echo(1), never):
            pass


async def test_a_disk_that_is_full_from_the_start_is_an_error_in_words() -> None:
    with pytest.raises(DeviceError, match="No space left"):
        async with FileAudio(AudioConfig(output_file="/dev/full"), Latch()).open(Echo(1), never):
            pass


FULL = """
import asyncio, resource, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
from contextlib import nullcontext
from appliance.config import AudioConfig
from appliance.hardware.file_audio import FileAudio

class Latch:
    def hold(self, what):
        return nullcontext()

async def main():
    failures = asyncio.Queue()
    device = FileAudio(AudioConfig(output_file=sys.argv[1]), Latch())
    async with asyncio.timeout(20), device.open(lambda near: near, failures.put_nowait):
        error = await failures.get()
        await asyncio.sleep(0.1)
    print(error.cause, failures.qsize())

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the disk of a small machine
asyncio.run(main())
"""


def test_a_disk_that_fills_up_is_told_once(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", FULL, str(tmp_path / "out.wav")],
        capture_output=True, text=True, timeout=40, check=True,
    )  # fmt: skip
    assert done.stdout.endswith("out.wav cannot be written (File too large). 0\n")
    assert len(read(tmp_path / "out.wav")) > 10_000


PROGRAM = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
from contextlib import nullcontext
from appliance.config import AudioConfig
from appliance.hardware.file_audio import FileAudio

class Latch:
    def hold(self, what):
        return nullcontext()

async def main():
    count = 0
    def exchange(near):
        nonlocal count
        count += 1
        if count == 40:
            print("playing", flush=True)
        return b"\\x01\\x02" * 480
    async with FileAudio(AudioConfig(output_file=sys.argv[1]), Latch()).open(exchange, print):
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_process_leaves_a_valid_speaker_file(tmp_path: Path, how: signal.Signals) -> None:
    path = tmp_path / "out.wav"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"playing\n"
        os.kill(process.pid, how)
        process.wait(timeout=20)
    sound = read(path)
    assert len(sound) >= 30 * pcm.BLOCK_BYTES  # at most the last 100 ms are missing
    assert set(sound) == {1, 2}
