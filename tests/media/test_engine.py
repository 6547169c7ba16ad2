import asyncio
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from appliance.core.model import Cue
from appliance.media import pcm
from appliance.media.cues import render_all
from appliance.media.echo import NoEcho
from appliance.media.engine import NEAR_FRAMES, Engine
from appliance.media.packet import Packet
from tests.media.plain import LOUD, PACKET, PlainDecoder, packets

CUES = render_all()
SPEECH = LOUD * 10  # 100 ms
SECOND = 100  # blocks


def make(
    *,
    levels: Callable[[float, float], None] | None = None,
    muted: bool = False,
) -> Engine:
    loop = asyncio.get_running_loop()
    return Engine(loop, CUES, PlainDecoder(), levels=levels, muted=muted)


def push(engine: Engine, sound: bytes) -> None:
    """Have sound come in, all at once."""
    for number, packet in enumerate(packets(sound)):
        engine.receive(Packet(number, number * PACKET, packet))


def run(engine: Engine, blocks: int, near: bytes = pcm.SILENCE) -> bytes:
    return b"".join(engine.exchange(near) for _ in range(blocks))


async def test_far_end_sound_reaches_the_speaker_whole() -> None:
    engine = make()
    push(engine, SPEECH)
    heard = run(engine, 20)
    assert len(heard) == 20 * pcm.BLOCK_BYTES
    start = heard.index(b"\x00\x40")
    assert heard[start:].count(b"\x00\x40") >= 10 * pcm.BLOCK_SAMPLES - 240  # 5 ms fade in


async def test_volume_is_heard_in_voice_and_tones_and_known_to_the_canceller() -> None:
    echo = Ducking()
    loop = asyncio.get_running_loop()
    engine = Engine(loop, CUES, PlainDecoder(), echo=echo)
    engine.set_volume(0)
    push(engine, SPEECH)
    engine.play(Cue.CONNECTED)
    run(engine, 1)  # on its way down
    assert run(engine, 8) == pcm.SILENCE * 8
    assert echo.far[-1] == pcm.SILENCE


@pytest.mark.parametrize(("percent", "decibels"), [(100, 0), (50, -18), (25, -36)])
async def test_half_the_volume_is_18_db(percent: int, decibels: int) -> None:
    engine = make()
    engine.set_volume(percent)
    push(engine, LOUD * 30)
    heard = run(engine, 20)
    assert pcm.level_dbfs(heard[-pcm.BLOCK_BYTES :]) == pytest.approx(-6 + decibels, abs=0.3)


class Ducking(NoEcho):
    """Wants the speaker at a tenth after its first block; notes what it is told of the speaker."""

    def __init__(self) -> None:
        super().__init__()
        self.far: list[bytes] = []

    def process(self, near: bytes, far: bytes) -> bytes:
        self.far.append(far)
        return near

    @property
    def gain(self) -> float:
        return 0.1 if self.far else 1.0


async def test_speaker_goes_down_without_a_click_as_the_canceller_wants_and_it_knows() -> None:
    echo = Ducking()
    loop = asyncio.get_running_loop()
    engine = Engine(loop, CUES, PlainDecoder(), echo=echo)
    push(engine, LOUD * 30)
    heard = run(engine, 12)
    start = heard.index(b"\x00\x40")
    values = pcm.samples(heard[start:])
    assert max(abs(a - b) for a, b in pairwise(values)) < 200
    assert pcm.peak(heard[-pcm.BLOCK_BYTES :]) == 0x4000 // 10
    assert b"".join(echo.far) == heard


async def test_silence_is_played_when_nothing_comes() -> None:
    assert run(make(), 5) == pcm.SILENCE * 5


async def test_clear_silences_the_speaker_within_one_block() -> None:
    engine = make()
    push(engine, SPEECH)
    run(engine, 4)
    engine.clear()
    after = run(engine, 4)
    assert pcm.level_dbfs(after[: pcm.BLOCK_BYTES]) > pcm.FLOOR_DBFS  # the fade
    assert after[pcm.BLOCK_BYTES :] == pcm.SILENCE * 3


async def test_a_tone_goes_on_when_the_voice_is_cleared() -> None:
    engine = make()
    engine.play(Cue.CONNECTED)
    push(engine, SPEECH)
    run(engine, 4)
    engine.clear()
    assert pcm.peak(run(engine, 4)[pcm.BLOCK_BYTES :]) > 1000


async def test_tones_are_played_one_after_another() -> None:
    engine = make()
    engine.play(Cue.SHUTTER)
    engine.play(Cue.MUTED)
    heard = run(engine, SECOND)
    shutter = CUES[Cue.SHUTTER]
    blocks_of_shutter = -(-len(shutter) // pcm.BLOCK_BYTES) * pcm.BLOCK_BYTES
    assert heard[: len(shutter)] == shutter
    assert heard[blocks_of_shutter:].startswith(CUES[Cue.MUTED])


async def test_tone_and_voice_are_mixed() -> None:
    engine = make()
    push(engine, SPEECH)
    run(engine, 1)  # past the fade
    engine.play(Cue.CONNECTED)
    expected = pcm.mix(LOUD, CUES[Cue.CONNECTED][: pcm.BLOCK_BYTES])
    assert engine.exchange(pcm.SILENCE) == expected


async def test_the_microphone_is_handed_over_in_frames_of_20_ms() -> None:
    engine = make()
    run(engine, 3, LOUD)
    async with asyncio.timeout(5):
        await engine.near_ready()
    frame = engine.take_near()
    assert frame is not None
    assert (frame.index, frame.pcm) == (0, LOUD * 2)
    assert engine.take_near() is None


async def test_a_muted_microphone_hands_over_silence() -> None:
    engine = make(muted=True)
    run(engine, 2, LOUD)
    engine.muted = False
    run(engine, 2, LOUD)
    first, second = engine.take_near(), engine.take_near()
    assert first is not None
    assert second is not None
    assert (first.pcm, second.pcm) == (pcm.SILENCE * 2, LOUD * 2)


async def test_a_slow_loop_loses_the_oldest_microphone_and_counts_it() -> None:
    engine = make()
    run(engine, 2 * (NEAR_FRAMES + 3))
    frame = engine.take_near()
    assert frame is not None
    assert frame.index == 3
    assert engine.counters().near_dropped == 3
    assert engine.near_waiting == NEAR_FRAMES - 1


async def test_skipped_microphone_is_not_counted_as_lost() -> None:
    engine = make()
    run(engine, 10)
    engine.skip_near(keep=1)
    frame = engine.take_near()
    assert frame is not None
    assert frame.index == 4
    assert engine.counters().near_dropped == 0


async def test_levels_are_told_on_the_loop_every_100_ms() -> None:
    told: list[tuple[float, float]] = []
    heard = asyncio.Event()
    where: list[threading.Thread] = []

    def levels(near: float, far: float) -> None:
        told.append((near, far))
        where.append(threading.current_thread())
        heard.set()

    engine = make(levels=levels)
    thread = threading.Thread(target=run, args=(engine, 10, LOUD))
    thread.start()
    async with asyncio.timeout(5):
        await heard.wait()
    thread.join()
    assert told == [(pcm.level_dbfs(LOUD), pcm.FLOOR_DBFS)]
    assert where == [threading.main_thread()]


async def test_drained_returns_when_everything_has_been_played() -> None:
    engine = make()
    push(engine, SPEECH)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(engine.drained())
        while not task.done():
            run(engine, 2)
            await asyncio.sleep(0)
    assert engine.is_drained()
    assert engine.counters().blocks >= 10


async def test_first_sound_is_told_once_and_silence_is_not_sound() -> None:
    told: list[int] = []
    loop = asyncio.get_running_loop()
    engine = Engine(loop, CUES, PlainDecoder(), first_sound=lambda: told.append(1))
    push(engine, pcm.SILENCE * 4 + LOUD * 6)
    run(engine, 2)
    await asyncio.sleep(0)
    before = list(told)
    run(engine, 18)
    await asyncio.sleep(0)
    run(engine, 4)
    await asyncio.sleep(0)
    assert (before, told) == ([], [1])


async def test_drained_waits_for_tones_too() -> None:
    engine = make()
    engine.play(Cue.SHUTTER)
    assert not engine.is_drained()
    run(engine, 11)
    assert engine.is_drained()


def test_a_closed_loop_does_not_disturb_the_sound_card() -> None:
    loop = asyncio.new_event_loop()
    engine = Engine(loop, CUES, PlainDecoder())
    loop.close()
    assert run(engine, 4) == pcm.SILENCE * 4


async def test_receiving_and_playing_from_two_threads_breaks_nothing() -> None:
    engine = make()
    heard: list[bytes] = []
    card = threading.Thread(target=lambda: heard.extend(engine.exchange(LOUD) for _ in range(2000)))
    card.start()
    push(engine, LOUD * 1000)
    card.join()
    counters = engine.counters()
    assert counters.blocks == 2000
    assert counters.heard.received == 500
    assert {len(block) for block in heard} == {pcm.BLOCK_BYTES}


async def test_microphone_is_amplified_before_its_echo_is_cancelled() -> None:
    seen: list[bytes] = []

    class Canceller(NoEcho):
        def process(self, near: bytes, far: bytes) -> bytes:
            seen.append(near)
            return near

    loop = asyncio.get_running_loop()
    engine = Engine(loop, CUES, PlainDecoder(), echo=Canceller(), near_gain=2.0)
    block = b"\x00\x20" * pcm.BLOCK_SAMPLES
    run(engine, 2, block)
    frame = engine.take_near()
    assert seen == [b"\x00\x40" * pcm.BLOCK_SAMPLES] * 2
    assert frame is not None
    assert frame.pcm == b"\x00\x40" * 2 * pcm.BLOCK_SAMPLES
