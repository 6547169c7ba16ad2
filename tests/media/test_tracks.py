import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import av
import pytest
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.audio.frame import AudioFrame

from appliance.media import pcm
from appliance.media.convert import Converter
from appliance.media.cues import render_all
from appliance.media.engine import Engine
from appliance.media.opus import FRAME_SAMPLES, TIME_BASE
from appliance.media.tracks import NearTrack, pump
from tests.media.loopback import call, loopback_only
from tests.sound import sine, strength_of

__all__ = ["loopback_only"]
CUES = render_all()


class Source(MediaStreamTrack):
    """A remote track as aiortc gives it: frames one after another, then its end."""

    kind = "audio"

    def __init__(self, frames: list[AudioFrame]) -> None:
        super().__init__()
        self._frames = frames

    async def recv(self) -> AudioFrame:
        if not self._frames:
            self.stop()
            raise MediaStreamError
        await asyncio.sleep(0)
        return self._frames.pop(0)


def frame(sound: bytes, channels: int = 1, rate: int = pcm.RATE) -> AudioFrame:
    made = AudioFrame("s16", "mono" if channels == 1 else "stereo", len(sound) // 2 // channels)
    made.planes[0].update(sound)
    made.sample_rate = rate
    return made


@asynccontextmanager
async def card(engine: Engine, sound: bytes = b"") -> AsyncIterator[None]:
    """A sound card on the loop's clock whose microphone repeats `sound`."""

    async def beat() -> None:
        loop, count = asyncio.get_running_loop(), 0
        blocks = list(pcm.blocks(sound)) or [pcm.SILENCE]
        start = loop.time()
        while True:
            engine.exchange(blocks[count % len(blocks)])
            count += 1
            await asyncio.sleep(start + count * 0.01 - loop.time())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(beat())
        try:
            yield
        finally:
            task.cancel()


async def test_stereo_from_the_service_is_played_as_mono() -> None:
    engine = Engine(asyncio.get_running_loop(), CUES)
    tone = sine(440, 0.2)
    source = Source([frame(pcm.spread(part, 2), channels=2) for part in pcm.blocks(tone)])
    await pump(source, engine)
    heard = b"".join(engine.exchange(pcm.SILENCE) for _ in range(25))
    assert tone[pcm.BLOCK_BYTES :] in heard


async def test_another_rate_from_the_service_is_converted() -> None:
    engine = Engine(asyncio.get_running_loop(), CUES)
    tone = sine(440, 0.2, 8000)
    parts = [tone[at : at + 320] for at in range(0, len(tone), 320)]
    await pump(Source([frame(part, rate=8000) for part in parts]), engine)
    heard = b"".join(engine.exchange(pcm.SILENCE) for _ in range(25))
    assert len(heard.strip(b"\0")) == pytest.approx(0.2 * 2 * pcm.RATE, rel=0.1)
    assert strength_of(440, heard[7200:14400]) > 0.5


async def test_the_first_sound_is_told_once_and_silence_is_not_sound() -> None:
    engine = Engine(asyncio.get_running_loop(), CUES)
    told: list[float] = []
    parts = [pcm.SILENCE, pcm.SILENCE, sine(440, 0.01), sine(440, 0.01)]
    await pump(
        Source([frame(part) for part in parts]),
        engine,
        lambda: told.append(engine.counters().buffered),
    )
    assert told == [0.02]  # after two blocks of silence, before the first sound is played


async def test_a_backlog_ends_at_half_a_second() -> None:
    engine = Engine(asyncio.get_running_loop(), CUES)
    await pump(Source([frame(sine(440, 0.02)) for _ in range(100)]), engine)
    counters = engine.counters()
    assert counters.buffered <= 0.5
    assert counters.overruns > 0


async def test_without_a_sound_card_silence_goes_out_at_a_steady_pace() -> None:
    engine = Engine(asyncio.get_running_loop(), CUES)
    track = NearTrack(engine)
    async with asyncio.timeout(5):
        packets = [await track.recv() for _ in range(10)]
    assert [packet.pts for packet in packets] == [i * FRAME_SAMPLES for i in range(10)]
    assert {packet.time_base for packet in packets} == {TIME_BASE}
    assert track.filled == 10


async def test_sound_before_the_first_packet_stays_unheard() -> None:
    engine = Engine(asyncio.get_running_loop(), CUES)
    for _ in range(8):
        engine.exchange(sine(440, 0.01))
    track = NearTrack(engine)
    await track.recv()
    assert track.filled == 1


async def test_a_stopped_track_ends() -> None:
    track = NearTrack(Engine(asyncio.get_running_loop(), CUES))
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()


async def test_packets_decode_to_what_was_said() -> None:
    engine = Engine(asyncio.get_running_loop(), CUES)
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
    loop = asyncio.get_running_loop()
    speaker = Engine(loop, CUES)
    first = asyncio.Event()
    heard: list[bytes] = []
    enough = asyncio.Event()

    def tap(near: bytes, far: bytes) -> None:
        heard.append(far)
        if len(heard) == 80:
            enough.set()

    listener = Engine(loop, CUES, tap=tap)
    async with (
        call(NearTrack(speaker)) as remote,
        card(speaker, sine(440, 1.0)),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(pump(remote, listener, first.set))
        await first.wait()
        async with card(listener):
            await enough.wait()
        remote.stop()
    assert strength_of(440, b"".join(heard[-40:])) > 0.8
