import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import DeviceError
from appliance.hardware.virtual_card import VirtualCard
from appliance.media.pcm import RATE, wav_header
from tests.sound import heard_at, sine

pytestmark = pytest.mark.timeout(60)


async def test_the_server_and_its_files_go_with_the_card() -> None:
    async with asyncio.timeout(30):
        async with VirtualCard() as card:
            pid, folder = card.pid, Path(card.environment["ALSA_CONFIG_PATH"]).parent
            assert running(pid)
            assert folder.is_dir()
    assert not running(pid)
    assert not folder.is_dir()


async def test_the_server_goes_when_the_work_with_it_fails(tmp_path: Path) -> None:
    card = VirtualCard()

    async def work() -> None:
        async with asyncio.timeout(30), card, card.record(tmp_path / "out.wav"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    assert not running(card.pid)


async def test_what_is_spoken_does_not_come_out_of_the_speaker(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(30),
        VirtualCard() as card,
        card.record(tmp_path / "silence.wav"),
    ):
        await card.speak(sine(440, 0.3))
    assert not any((tmp_path / "silence.wav").read_bytes()[44:])


async def test_a_sound_file_can_be_spoken_and_a_missing_one_is_named(tmp_path: Path) -> None:
    sound = sine(440, 0.3)
    (tmp_path / "hello.wav").write_bytes(wav_header(len(sound)) + sound)
    async with asyncio.timeout(30), VirtualCard() as card:
        await card.speak(tmp_path / "hello.wav")
        with pytest.raises(DeviceError, match=r"nothing\.wav"):
            await card.speak(tmp_path / "nothing.wav")


async def test_speaking_to_a_dead_card_is_an_error(tmp_path: Path) -> None:
    async with asyncio.timeout(30), VirtualCard() as card:
        os.kill(card.pid, signal.SIGKILL)
        with pytest.raises(DeviceError):
            await card.speak(sine(440, 5.0))
        with pytest.raises(DeviceError):
            async with card.record(tmp_path / "out.wav"):
                pass


async def test_without_pulseaudio_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="apt install pulseaudio"):
        async with VirtualCard():
            pass


PROGRAM = """
import asyncio, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
from appliance.hardware.virtual_card import VirtualCard

async def main():
    async with VirtualCard() as card:
        print(card.pid, card.environment["PULSE_RUNTIME_PATH"], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_process_does_not_leave_its_server_behind(how: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        server, folder = process.stdout.readline().decode().split()
        fd = os.pidfd_open(int(server))
        try:
            os.kill(process.pid, how)
            process.wait(timeout=20)
            assert gone(fd)
        finally:
            os.close(fd)
            shutil.rmtree(folder, ignore_errors=True)  # a killed process cannot


def gone(fd: int) -> bool:
    """Wait until the process behind a pidfd has ended (the descriptor becomes readable)."""
    import select  # noqa: PLC0415

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(20_000))


async def test_speech_reaches_a_listener_whole() -> None:
    heard: list[bytes] = []
    play = ("pacat", "--playback", "--device=speaker")
    async with (
        asyncio.timeout(30),
        VirtualCard() as card,
        card.listen(heard.append),
        card._client(*play, latency_ms=500, stdin=asyncio.subprocess.PIPE) as client,
    ):  # far ahead: a busy computer must not put holes into what is listened to
        await client.communicate(sine(440, 1.0))
    assert heard_at(440, b"".join(heard)).count(True) >= 8


async def test_speech_has_no_holes_though_the_player_is_held_up() -> None:
    """As by a busy processor: a quarter of a second in the middle of the sound."""
    heard = bytearray()
    loop = asyncio.get_running_loop()
    held_up: list[int] = []

    def listen(piece: bytes) -> None:
        heard.extend(piece)
        if len(heard.strip(b"\0")) > SECOND // 5 and not held_up:
            held_up.extend(pid for pid in children("pacat") if b"--playback" in arguments(pid))
            for pid in held_up:
                os.kill(pid, signal.SIGSTOP)
                loop.call_later(0.25, os.kill, pid, signal.SIGCONT)

    async with asyncio.timeout(30), VirtualCard() as card, card.listen(listen, sink="room"):
        await card.speak(sine(440, 2.0))
    assert held_up
    sounding = heard.strip(b"\0")
    assert len(sounding) > SECOND
    assert bytes(SECOND // 200) not in sounding  # 5 ms


SECOND = 2 * RATE  # bytes


def children(name: str) -> list[int]:
    """The processes of this name that we started."""
    ours = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for file in ours for pid in file.read_text().split()]
    return [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == name]


def arguments(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def running(pid: int) -> bool:
    """Whether there is such a process; one that was not waited for counts too."""
    return Path(f"/proc/{pid}").exists()
