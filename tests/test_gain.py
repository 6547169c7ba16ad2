"""The microphone is as loud in a call as the configuration, or the last self-test, wants it."""

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from appliance import app, warmup
from appliance.app import Assembly, assemble
from appliance.config import load
from appliance.core.events import Dial, HangUp, Shutdown
from appliance.credentials import Secret
from appliance.findings import Report
from appliance.hardware.file_audio import FileAudio
from appliance.media import pcm
from appliance.media.echo import NoEcho
from appliance.tester import SelfTester

SPOKEN = 1000  # of 32 767
pytestmark = pytest.mark.timeout(60)


class Ear(NoEcho):
    """In place of the echo canceller: tells how loud the first sound of the microphone is."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self.heard: asyncio.Future[int] = self._loop.create_future()

    @override
    def process(self, near: bytes, far: bytes) -> bytes:
        if peak := pcm.peak(near):
            self._loop.call_soon_threadsafe(self._tell, peak)
        return near

    def _tell(self, peak: int) -> None:
        if not self.heard.done():
            self.heard.set_result(peak)


class QuickTest(SelfTester):
    """A self-test that finds that the microphone wants 12 dB more."""

    @override
    async def run(
        self, volume: int, gain_db: int, begins: Callable[[str], None] = lambda _part: None
    ) -> Report:
        return Report(noise_dbfs=-60, gain_db=gain_db + 12, gain_now_db=gain_db)


@asynccontextmanager
async def silent_service() -> AsyncIterator[str]:
    """A service that takes calls and says nothing, at this URL: they dial until they are ended."""
    callers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(
        lambda _reader, writer: callers.append(writer), "127.0.0.1", 0
    )
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for caller in callers:
            caller.close()


@asynccontextmanager
async def appliance(folder: Path, gain: int) -> AsyncIterator[Assembly]:
    """An assembled appliance whose microphone hears SPOKEN for two seconds."""
    with wave.open(str(folder / "spoken.wav"), "wb") as file:
        file.setparams((1, 2, pcm.RATE, 0, "NONE", ""))
        file.writeframes(SPOKEN.to_bytes(2, "little") * 2 * pcm.RATE)
    async with silent_service() as url:
        config = load(
            Path("/dev/null"),
            [
                "panel.driver=none", "camera.driver=none", f"service.base_url={url}",
                f"audio.input_gain={gain}", f"audio.input_file={folder}/spoken.wav",
            ],
            "desktop",
        ).config  # fmt: skip
        async with assemble(config, lambda: Secret("sk-none")) as assembly:
            yield assembly


async def level_of_a_call(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> int:
    """Call, and return the level that the echo canceller is given."""
    ear = Ear()
    monkeypatch.setattr(app, "make_echo", lambda _config: ear)
    async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
        tasks.create_task(assembly.supervisor.run())
        assembly.supervisor.post(Dial())
        level = await ear.heard
        assembly.supervisor.post(HangUp())
        assembly.supervisor.post(Shutdown())
    return level


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files in place of a card, although the configuration has one: else there is no self-test."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(warmup, "WARM_PATIENCE", 0.0)
    monkeypatch.setattr(app, "make_audio", FileAudio)
    monkeypatch.setattr(app, "SelfTester", QuickTest)


@pytest.mark.parametrize(("gain", "level"), [(-20, 100), (0, SPOKEN), (12, 3981)])
async def test_microphone_is_amplified_by_the_configured_gain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gain: int, level: int
) -> None:
    async with appliance(tmp_path, gain) as assembly:
        assert await level_of_a_call(assembly, monkeypatch) == pytest.approx(level, abs=2)


async def test_gain_that_the_self_test_saves_is_that_of_the_next_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with appliance(tmp_path, 0) as assembly:
        await assembly.selftest(save=True)
        assert await level_of_a_call(assembly, monkeypatch) == pytest.approx(3981, abs=2)
    async with appliance(tmp_path, 0) as restarted:
        assert await level_of_a_call(restarted, monkeypatch) == pytest.approx(3981, abs=2)
    async with appliance(tmp_path, 6) as configured_anew:
        assert await level_of_a_call(configured_anew, monkeypatch) == pytest.approx(1995, abs=2)


async def test_gain_that_a_self_test_does_not_save_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with appliance(tmp_path, 0) as assembly:
        await assembly.selftest(save=False)
        assert await level_of_a_call(assembly, monkeypatch) == SPOKEN
