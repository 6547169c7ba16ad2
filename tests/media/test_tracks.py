import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import av
import pytest
from aiortc.mediastreams import MediaStreamError

from appliance.media import pcm
from appliance.media.convert import Converter
from appliance.media.cues import render_all
from appliance.media.engine import Engine
from appliance.media.opus import FRAME_SAMPLES, TIME_BASE, OpusDecoder, find_opus
from appliance.media.tracks import NearTrack
from tests.media.loopback import call, loopback_only
from tests.media.plain import PlainDecoder
from tests.sound import heard_at, sine, strength_of

__all__ = ["loopback_only"]
CUES = render_all()


def make() -> Engine:
    return Engine(asyncio.get_running_loop(), CUES, PlainDecoder())


@asynccontextmanager
async def card(
    engine: Engine, sound: bytes = b"", heard: Callable[[bytes], None] = lambda _far: None
) -> AsyncIterator[None]:
    """A sound card on the loop's clock whose microphone repeats `sound`.

    `heard`: given each block for the speaker.
    """

    async def beat() -> None:
        loop, count = asyncio.get_running_loop(), 0
        blocks = list(pcm.blocks(sound)) or [pcm.SILENCE]
        start = loop.time()
        while True:
            heard(engine.exchange(blocks[count % len(blocks)]))
            count += 1
            await asyncio.sleep(start + count * 0.01 - loop.time())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(beat())
        try:
            yield
        finally:
            task.cancel()


async def test_without_a_sound_card_silence_goes_out_at_a_steady_pace() -> None:
    engine = make()
    track = NearTrack(engine)
    async with asyncio.timeout(5):
        packets = [await track.recv() for _ in range(10)]
    assert [packet.pts for packet in packets] == [i * FRAME_SAMPLES for i in range(10)]
    assert {packet.time_base for packet in packets} == {TIME_BASE}
    assert track.filled == 10


async def test_sound_before_the_first_packet_stays_unheard() -> None:
    engine = make()
    for _ in range(8):
        engine.exchange(sine(440, 0.01))
    track = NearTrack(engine)
    await track.recv()
    assert track.filled == 1


async def test_a_stopped_track_ends() -> None:
    track = NearTrack(make())
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()


async def test_packets_decode_to_what_was_said() -> None:
    engine = make()
    track = NearTrack(engine)
    decoder = av.CodecContext.create("libopus", "r")
    converter = Converter()
    heard = b""
    async with asyncio.timeout(10), card(engine, sine(440, 1.0)):
        for _ in range(40):
            packet = await track.recv()
            heard += b"".join(converter.convert(decoded) for decoded in decoder.decode(packet))
    assert track.filled <= 2
    assert strength_of(440, heard[-38400:]) > 0.8


@pytest.mark.slow
@pytest.mark.timeout(40)
@pytest.mark.usefixtures("loopback_only", "no_leftover_tasks")
async def test_a_spoken_tone_is_heard_at_the_other_end_of_a_real_call() -> None:
    """And a release of aiortc that keeps its packets elsewhere fails here."""
    heard: list[bytes] = []
    enough = asyncio.Event()

    def note(far: bytes) -> None:
        heard.append(far)
        if len(heard) == 120:
            enough.set()

    loop = asyncio.get_running_loop()
    speaker = make()
    listener = Engine(loop, CUES, OpusDecoder(find_opus()))
    async with (
        call(NearTrack(speaker), listener.receive),
        card(speaker, sine(440, 1.0)),
        card(listener, heard=note),
    ):
        await enough.wait()
    assert heard_at(440, b"".join(heard[-80:])).count(True) >= 4  # 8 where nothing else runs
    told = listener.counters().heard
    assert (told.lost, told.late) == (0, 0)
