"""The track of a call that goes out: the microphone as Opus packets."""

import asyncio
from typing import TYPE_CHECKING

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from typing_extensions import override

from appliance.media.engine import Engine
from appliance.media.opus import FRAME_BYTES, TIME_BASE, OpusEncoder
from appliance.media.timeline import Timeline

if TYPE_CHECKING:
    from av.stream import Stream

_SILENCE = bytes(FRAME_BYTES)


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
