"""The two tracks of a call: the microphone as Opus packets, the service's voice into the engine."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.audio.frame import AudioFrame
from typing_extensions import override

from appliance.media import pcm
from appliance.media.convert import Converter
from appliance.media.engine import Engine
from appliance.media.opus import FRAME_BYTES, TIME_BASE, OpusEncoder
from appliance.media.timeline import Timeline

if TYPE_CHECKING:
    from av.stream import Stream

_SILENCE = bytes(FRAME_BYTES)
# Decoders leave a few steps of noise in digital silence; speech is far above -54 dBFS.
_SOUND_PEAK = 64


class NearTrack(MediaStreamTrack):
    """The microphone for aiortc, which only wraps our packets in RTP (aiortc 1.16, `Encoder.pack`).

    Paced by the sound card; if it delivers nothing, silence goes out by the loop's clock.
    """

    kind = "audio"

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._encoder = OpusEncoder()
        self._timeline = Timeline()
        self._started = False
        self.packets = 0
        """Packets sent."""
        self.filled = 0
        """Packets of silence sent because the sound card gave nothing."""

    @override
    async def recv(self) -> "av.Packet[Stream]":
        """Return the next 20 ms. Raises MediaStreamError once the track is stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        if not self._started:
            self._started = True
            self._engine.skip_near()  # what was said before the call was up stays unheard
        pts, sound = await self._next()
        packet = av.Packet(self._encoder.encode(sound))
        packet.pts = pts
        packet.time_base = TIME_BASE
        self.packets += 1
        return packet

    async def _next(self) -> tuple[int, bytes]:
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(self._timeline.deadline(clock())):
                await self._engine.near_ready()
        except TimeoutError:
            if not self._engine.near_waiting:
                self.filled += 1
                return self._timeline.silence(clock()), _SILENCE
        if self._timeline.filling:
            self._engine.skip_near(keep=1)  # its time has been filled with silence
        frame = self._engine.take_near()
        assert frame is not None  # noqa: S101 - near_ready promised it, and nobody else takes
        pts = self._timeline.frame(frame.index, clock(), self._engine.near_waiting)
        return pts, frame.pcm


async def pump(
    track: MediaStreamTrack, engine: Engine, first_sound: Callable[[], None] | None = None
) -> None:
    """Play the service's track until it ends. `first_sound` is called once, at the first sound.

    Has no deadline: a silent track is no failure by itself, and the call watches the packets.
    It waits for nothing but the track, so that aiortc's unbounded queue stays empty; a backlog
    ends at the engine's limit of 0.5 s. Cancelling is safe.
    """
    converter: Converter | None = None
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if not isinstance(frame, AudioFrame):
            continue
        if frame.format.name == "s16" and frame.sample_rate == pcm.RATE:
            sound = _as_mono(frame)
        else:  # a service that chose another codec than Opus
            converter = converter or Converter()
            sound = converter.convert(frame)
        if first_sound is not None and pcm.peak(sound) >= _SOUND_PEAK:
            first_sound()
            first_sound = None
        engine.push(sound)


def _as_mono(frame: AudioFrame) -> bytes:
    channels = frame.layout.nb_channels
    size = 2 * channels * frame.samples  # the plane may be longer
    return pcm.mono(bytes(memoryview(frame.planes[0])[:size]), channels)
