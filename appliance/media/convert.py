"""Sound of any rate and channels to ours and back, by PyAV."""

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from appliance.media.pcm import RATE


class Converter:
    """Makes frames of any format into mono, s16le at `rate_hz`. Keeps state: one for a stream."""

    def __init__(self, rate_hz: int = RATE) -> None:
        self._resampler = AudioResampler(format="s16", layout="mono", rate=rate_hz)

    def convert(self, frame: AudioFrame | None) -> bytes:
        """Return what is ready of it; None gives the rest at the end of the stream."""
        return b"".join(
            bytes(memoryview(part.planes[0])[: 2 * part.samples])
            for part in self._resampler.resample(frame)
        )


class RateConverter:
    """Mono, s16le from one rate to another, piece by piece; bytes go through if they are equal."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._converter = Converter(to_hz) if from_hz != to_hz else None
        self._samples = 0

    def convert(self, pcm: bytes) -> bytes:
        """Return what is ready; over time as much sound as went in, a few ms later."""
        if self._converter is None or not pcm:
            return pcm
        count = len(pcm) // 2
        frame = AudioFrame("s16", "mono", count)
        frame.planes[0].update(pcm)
        frame.sample_rate = self._from_hz
        frame.pts = self._samples
        self._samples += count
        return self._converter.convert(frame)
