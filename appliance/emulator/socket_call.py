"""A session over a plain WebSocket: sound in and out as events."""

import asyncio
import base64
import json
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any, Final

import av
import numpy as np

from appliance.emulator.brain import Brain
from appliance.emulator.call import Call, Record, Senses
from appliance.emulator.channels import SocketChannel
from appliance.emulator.faults import ExpireSession, FaultPlan
from appliance.emulator.mouth import EventWay
from appliance.emulator.options import Options

_APPEND: Final = "input_audio_buffer.append"
_RATES: Final = {"audio/pcm": 24_000, "audio/pcmu": 8000, "audio/pcma": 8000}
_CODECS: Final = {"audio/pcmu": "pcm_mulaw", "audio/pcma": "pcm_alaw"}


class SocketCall:
    """One plain WebSocket session."""

    def __init__(
        self, brain: Brain, senses: Senses, record: Record, options: Options, plan: FaultPlan
    ) -> None:
        """`plan`: the process's faults."""
        self._options = options
        self._plan = plan
        self.call = Call(brain, senses, record, EventWay, dict)
        self.call.plan = plan
        self._decoder: Decoder | None = None

    async def run(self, make: Callable[[Any], SocketChannel]) -> None:
        """Live until the socket or the session ends; `make(receive)` makes the channel."""
        channel = make(self._receive)

        async def talk() -> None:
            self.call.attach(channel, greet=True)
            await channel.run()
            self.call.detach(channel)
            self.call.end("socket closed")

        await self.call.run((talk, self._expire))

    def _receive(self, data: str | bytes) -> None:
        self.call.receive(data)
        if self.call.brain.last_kind != _APPEND or self.call.over:
            return
        event = json.loads(data)
        kind = self.call.brain.session["audio"]["input"]["format"]["type"]
        if self._decoder is None or self._decoder.kind != kind:
            self._decoder = Decoder(kind)
        try:
            sound = base64.b64decode(event.get("audio", ""), validate=True)
        except (Base64Error, TypeError, ValueError):
            return
        self.call.thin_sound(self._decoder.decode(sound))

    async def _expire(self) -> None:
        fault = self._plan.take(ExpireSession)
        if fault is not None:
            await asyncio.sleep(fault.after)
            self.call.expire(fault.minutes)
        else:
            await asyncio.sleep(self._options.session_seconds)
            self.call.expire(self._options.session_seconds / 60)


class Decoder:
    """Sound of a client, in the format of its session, to mono s16le 16 kHz."""

    def __init__(self, kind: str) -> None:
        """`kind`: audio/pcm (24 kHz), audio/pcmu or audio/pcma (8 kHz)."""
        self.kind = kind
        self._codec = _codec(kind) if kind in _CODECS else None
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        self._odd = b""

    def decode(self, sound: bytes) -> bytes:
        """What of it is ready."""
        if self._codec is not None:
            frames = self._codec.decode(av.Packet(sound)) if sound else []
            return b"".join(self._thin(frame) for frame in frames)
        sound = self._odd + sound
        whole = len(sound) // 2 * 2
        self._odd = sound[whole:]
        if not whole:
            return b""
        samples = np.frombuffer(sound[:whole], "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = _RATES[self.kind]
        return self._thin(frame)

    def _thin(self, frame: av.AudioFrame) -> bytes:
        frame.pts = None
        return b"".join(
            bytes(thin.to_ndarray().astype("<i2")) for thin in self._resampler.resample(frame)
        )


def _codec(kind: str) -> av.AudioCodecContext:
    codec = av.CodecContext.create(_CODECS[kind], "r")
    assert isinstance(codec, av.AudioCodecContext)  # noqa: S101 - narrows what the factory returns
    codec.sample_rate = _RATES[kind]
    codec.layout = "mono"
    return codec
