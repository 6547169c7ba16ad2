"""The microphone's voice as Opus: one 20 ms packet for 20 ms of sound."""

from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext

from appliance.media.pcm import RATE

FRAME_SAMPLES = 960  # 20 ms, what WebRTC sends (RFC 7587, section 4.2)
FRAME_BYTES = 2 * FRAME_SAMPLES
TIME_BASE = Fraction(1, RATE)

# Wide-band speech with in-band error correction (RFC 7587, sections 3.1.1 and 3.3): libopus spends
# part of the rate on a copy of the last packet, as much as the expected loss asks for.
_BIT_RATE = 32_000  # bit/s
_OPTIONS = {
    "application": "voip",
    "frame_duration": "20",
    "fec": "1",
    "packet_loss": "10",
    "compression_level": "5",
}


class OpusEncoder:
    """Encodes one voice: mono, s16le, 48 kHz. Keeps state, so one for each stream."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext)  # noqa: S101 - narrows what PyAV's factory returns
        codec.sample_rate = RATE
        codec.format = "s16"
        codec.layout = "mono"
        codec.bit_rate = _BIT_RATE
        codec.time_base = TIME_BASE
        codec.options = dict(_OPTIONS)
        self._codec = codec
        self._samples = 0

    def encode(self, pcm: bytes) -> bytes:
        """Return the packet for 20 ms of sound (FRAME_BYTES)."""
        frame = av.AudioFrame("s16", "mono", FRAME_SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate = RATE
        frame.time_base = TIME_BASE
        frame.pts = self._samples
        self._samples += FRAME_SAMPLES
        (packet,) = self._codec.encode(frame)
        return bytes(packet)
