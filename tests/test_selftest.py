"""The self-test finds what is there: in rooms that are known, and through a virtual sound card."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.abc import MetaPathFinder
from pathlib import Path

import numpy as np
import pytest
from typing_extensions import override

from appliance import selftest
from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.findings import Report, problems
from appliance.hardware.audio import PyAudioDevice
from appliance.hardware.buffers import SIZES_MS
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard
from appliance.media import pcm, probe
from appliance.media.pcm import BLOCK_BYTES, RATE
from appliance.ports import AudioStats, AudioStream, Exchange
from appliance.selftest import Script
from appliance.tester import SelfTester
from tests.bench.lateness import lateness
from tests.sound import Latch

FINE = Report(
    noise_dbfs=-65.0, delay=0.06, echo_dbfs=-40.0, return_loss_db=17.0, voice_dbfs=-28.0, gain_db=2
)


class Room:
    """A sound card whose speaker is heard by its microphone, as fast as the test can go.

    `delay` in samples; `loss`: a factor; `voice`: a factor of noise in the last part, 0 is nobody.
    """

    def __init__(
        self, *, delay: int = 1800, loss: float = 0.1, noise: float = 1e-4, voice: float = 0.02
    ) -> None:
        self.delay, self.loss, self.noise, self.voice = delay, loss, noise, voice
        self.breaks_at = self.stumbles_at = -1  # blocks
        self.open_now = False
        self.opened = asyncio.Event()
        self._xruns = 0

    def stats(self) -> AudioStats:
        return AudioStats(underruns=self._xruns)

    @asynccontextmanager
    async def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AsyncIterator[AudioStream]:
        self.open_now = True
        self.opened.set()
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(self._play(exchange, failed))
            try:
                yield self
            finally:
                playing.cancel()
                self.open_now = False

    async def _play(self, exchange: Exchange, failed: Callable[[DeviceError], None]) -> None:
        rng = np.random.default_rng(3)
        line = np.zeros(self.delay, np.float32)
        for block in range(3000):
            if block == self.breaks_at:
                failed(DeviceError("The sound card has stopped."))
            self._xruns += block == self.stumbles_at
            near = self.noise * rng.standard_normal(480)
            near += self.voice * rng.standard_normal(480) * (block > 900)
            near[: len(line)] += self.loss * line[:480]
            far = exchange(probe.to_pcm(near.astype(np.float32)))
            line = np.concatenate([line[480:], probe.from_pcm(far)])
            await asyncio.sleep(0)


@pytest.mark.parametrize(("delay", "loss_db"), [(1800, 20.0), (12_000, 6.0), (480, 34.0)])
async def test_delay_and_return_loss_of_a_known_room_are_found(delay: int, loss_db: float) -> None:
    room = Room(delay=delay, loss=10 ** (-loss_db / 20))
    report = await selftest.run(room, 100, 0)
    assert report.delay == pytest.approx(delay / RATE, abs=1e-4)
    assert report.return_loss_db == pytest.approx(loss_db, abs=0.5)
    assert report.echo_dbfs == pytest.approx(-23.2 - loss_db, abs=0.5)
    assert report.noise_dbfs == pytest.approx(-80, abs=1)
    assert (report.clipped, report.xruns) == (0.0, 0)


async def test_voice_that_is_too_quiet_gets_the_gain_it_needs() -> None:
    report = await selftest.run(Room(voice=0.01), 100, 0)
    assert report.voice_dbfs == pytest.approx(-40, abs=0.5)
    assert report.gain_db == 14
    assert len(report.problems) == 1
    assert "at -40 dBFS: an audio.input_gain of 14 dB is right" in report.verdict
    again = await selftest.run(Room(voice=0.01), 100, 14)
    assert again.problems == ()


async def test_nobody_speaking_is_told_and_gives_no_gain() -> None:
    report = await selftest.run(Room(voice=0.0), 100, 0)
    assert (report.voice_dbfs, report.gain_db) == (None, None)
    assert len(report.problems) == 1
    assert "No voice was heard" in report.verdict


async def test_voice_that_no_gain_can_mend_is_told() -> None:
    report = await selftest.run(Room(voice=6e-4, noise=1e-4, loss=0.25), 100, 9)
    assert report.voice_dbfs == pytest.approx(-64.5, abs=0.5)
    assert report.gain_db == 9  # the echo allows no more
    assert len(report.problems) == 1
    assert "too faint even with the highest audio.input_gain" in report.verdict
    assert "move the speaker away" in report.verdict
    assert "raise" not in report.verdict, "the echo would be clipped"


async def test_speaker_that_is_hardly_heard_is_told() -> None:
    report = await selftest.run(Room(loss=10 ** (-52 / 20), noise=1e-5), 100, 8)
    assert report.return_loss_db == pytest.approx(52, abs=0.5)
    assert len(report.problems) == 1
    assert "hardly hears the speaker, 52 dB weaker" in report.verdict


async def test_quiet_speaker_gives_the_same_return_loss() -> None:
    reports = [await selftest.run(Room(noise=3e-5), volume, 0) for volume in (100, 50)]
    assert reports[0].return_loss_db == pytest.approx(20, abs=0.5)
    assert reports[1].return_loss_db == pytest.approx(20, abs=1.0)
    assert reports[0].echo_dbfs is not None
    assert reports[1].echo_dbfs == pytest.approx(reports[0].echo_dbfs - 18, abs=1.0)


async def test_microphone_that_does_not_hear_the_speaker_is_told() -> None:
    report = await selftest.run(Room(loss=0.0), 60, 0)
    assert report.delay is None
    assert "does not hear the speaker, at a volume of 60 %" in report.verdict


async def test_muted_microphone_is_told_and_nothing_else() -> None:
    report = await selftest.run(Room(loss=0.0, noise=0.0, voice=0.0), 100, 0)
    assert len(report.problems) == 1
    assert "digital silence" in report.verdict


async def test_overloaded_microphone_is_told() -> None:
    report = await selftest.run(Room(loss=20.0), 100, 0)
    assert report.clipped > 0.1
    assert "overloaded" in report.verdict
    assert "louder at the microphone" in report.verdict


async def test_sound_that_the_card_loses_is_counted_from_when_it_has_settled() -> None:
    room = Room()
    room.stumbles_at = 10
    assert (await selftest.run(room, 100, 0)).xruns == 0
    room = Room()
    room.stumbles_at = 500
    report = await selftest.run(room, 100, 0)
    assert report.xruns == 1
    assert "lost at the card" in report.verdict


async def test_card_that_stops_ends_the_test_with_its_reason() -> None:
    room = Room()
    room.breaks_at = 200
    with pytest.raises(DeviceError, match="has stopped"):
        await selftest.run(room, 100, 0)
    assert not room.open_now


@pytest.mark.looptime
async def test_card_that_stands_still_ends_the_test() -> None:
    class Still(Room):
        async def _play(self, exchange: Exchange, failed: Callable[[DeviceError], None]) -> None:
            await asyncio.Event().wait()

    with pytest.raises(DeviceError, match="too slow"):
        await selftest.run(Still(), 100, 0)


async def test_warning_comes_first_and_nothing_is_louder_than_speech() -> None:
    script = Script(asyncio.get_running_loop(), 100)
    played = b"".join(script.exchange(pcm.SILENCE) for _ in range(1300))
    first, last = (at for at in script._parts["sweep"])
    assert pcm.peak(played[first:last]) < 0.11 * 32768
    before = pcm.peak(played[:first])
    assert before > 3000
    assert pcm.peak(played[first - 40 * BLOCK_BYTES : first]) == 0
    assert pcm.peak(played) < 0.3 * 32768


# Words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"noise_dbfs": -40.0}, "noisy"),
        ({"delay": 0.5}, "too late for the echo canceller"),
        ({"return_loss_db": -3.0}, "further apart"),
        ({"return_loss_db": 52.0}, "headphones"),
        ({"return_loss_db": None, "delay": None, "echo_dbfs": None}, "headphones"),
        ({"voice_dbfs": None, "gain_db": None}, "No voice was heard"),
        ({"voice_dbfs": -75.0, "gain_db": 30, "gain_now_db": 30}, "raise the microphone's own"),
        ({"voice_dbfs": -64.0, "gain_db": 10, "gain_now_db": 10}, "10 dB: speak from closer"),
        ({"voice_dbfs": -64.0, "gain_db": 10, "gain_now_db": 0}, "too faint"),
        ({"clipped": 0.01}, "overloaded"),
        ({"xruns": 2}, "2 times"),
        ({"gain_db": -12}, "-12 dB is right"),
    ],
)
def test_each_fault_has_its_sentence(change: dict[str, float | None], words: str) -> None:
    told = list(problems(replace(FINE, **change)))  # type: ignore[arg-type]  # by name
    assert len(told) == 1
    assert words in told[0]


def test_good_line_is_told_in_one_sentence() -> None:
    assert list(problems(FINE)) == []
    assert FINE.verdict == "Microphone and speaker are right."


# Between calls


async def test_test_ends_when_a_call_begins() -> None:
    room = Room()
    tester = SelfTester(room)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_refused(tester))
        await room.opened.wait()
        tester.stop()
        tester.stop()
        assert (await task).cause == "A call began."
    assert not room.open_now
    assert (await tester.run(100, 0)).delay is not None  # and then there is time again


class Loaders(MetaPathFinder):
    """Notes on which thread something is loaded."""

    def __init__(self) -> None:
        self.seen: set[threading.Thread] = set()

    @override
    def find_spec(self, fullname: str, *_: object) -> None:
        self.seen.add(threading.current_thread())


async def test_loop_neither_loads_nor_prepares_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    loaders, makers = Loaders(), set[threading.Thread]()

    def sweep(loudness: float) -> probe.Sound:
        makers.add(threading.current_thread())
        return made(loudness)

    made = probe.sweep
    monkeypatch.setattr(probe, "sweep", sweep)
    monkeypatch.setattr("appliance.selftest", selftest)  # as it is found again after the test
    monkeypatch.delitem(sys.modules, "appliance.selftest")
    monkeypatch.setattr(sys, "meta_path", [loaders, *sys.meta_path])
    await SelfTester(Room()).run(100, 0)
    assert loaders.seen
    assert makers
    assert threading.main_thread() not in loaders.seen | makers


async def test_one_test_at_a_time() -> None:
    room = Room()
    tester = SelfTester(room)
    tester.stop()  # nothing to stop
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(tester.run(100, 0))
        await room.opened.wait()
        assert (await _refused(tester)).cause == "A self-test is under way."
    assert first.result().delay is not None


async def _refused(tester: SelfTester) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await tester.run(100, 0)
    return caught.value


# Real PyAudio


STOCK_S = 3 * SIZES_MS[0] / 1000  # of the card: who is later loses sound


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_loop_through_a_virtual_card_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Once more, if the computer was too late for a sound card meanwhile."""
    async with asyncio.timeout(50), VirtualCard(hears_itself=True) as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        # A cube, as PulseAudio has it: half is -18.06 dB (pa_sw_volume_to_linear).
        await card.control("set-source-volume", "microphone", "50%")
        device = PyAudioDevice(AudioConfig(input=MICROPHONE, output=SPEAKER), Latch())
        for _ in range(2):
            with lateness() as measured:
                report = await selftest.run(device, 100, 0)
            if _is_that_of_the_card(report):
                return
            assert measured.longest > STOCK_S, report
    pytest.skip("this computer is too busy to be a sound card")


def _is_that_of_the_card(report: Report) -> bool:
    return (
        report.return_loss_db == pytest.approx(18.06, abs=0.5)
        and report.echo_dbfs == pytest.approx(-23.2 - 18.06, abs=0.5)
        and report.delay is not None
        and 0.01 < report.delay < 0.4  # PulseAudio's own business
        and report.noise_dbfs == pcm.FLOOR_DBFS
        and (report.clipped, report.voice_dbfs) == (0.0, None)
    )
