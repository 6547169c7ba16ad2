"""Sound of any rate, width and channels to ours and back; rates by PyAV."""

from array import array
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from appliance.media.pcm import RATE, mono, samples, spread

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

Width: TypeAlias = Literal["s16", "s24", "s32", "float"]
"""Of a sample: integers of 2, 3 (packed) and 4 bytes, little-endian, or IEEE floats of -1 to 1."""

WIDTH_BYTES: dict[Width, int] = {"s16": 2, "s24": 3, "s32": 4, "float": 4}
_LOUDEST = 32767 / 32768


class Converter:
    """Makes frames of any format into mono, s16le at `rate_hz`. Keeps state: one for a stream."""

    def __init__(self, rate_hz: int = RATE) -> None:
        from av.audio.resampler import AudioResampler  # noqa: PLC0415 - loads FFmpeg

        self._resampler = AudioResampler(format="s16", layout="mono", rate=rate_hz)

    def convert(self, frame: "AudioFrame | None") -> bytes:
        """Return what is ready of it; None gives the rest at the end of the stream."""
        return b"".join(
            bytes(memoryview(part.planes[0])[: 2 * part.samples])
            for part in self._resampler.resample(frame)
        )


class RateConverter:
    """Mono, s16le from one rate to another, piece by piece; bytes go through if they are equal."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._converter = None
        self._samples = 0
        if from_hz != to_hz:
            from av.audio.frame import AudioFrame  # noqa: PLC0415 - loads FFmpeg

            self._converter = Converter(to_hz)
            self._new_frame = partial(AudioFrame, "s16", "mono")

    def convert(self, pcm: bytes) -> bytes:
        """Return what is ready; over time as much sound as went in, a few ms later."""
        if self._converter is None or not pcm:
            return pcm
        count = len(pcm) // 2
        frame = self._new_frame(count)
        frame.planes[0].update(pcm)
        frame.sample_rate = self._from_hz
        frame.pts = self._samples
        self._samples += count
        return self._converter.convert(frame)


def narrow(data: bytes, width: Width) -> bytes:
    """Return samples of any width as s16le; what 16 bits do not hold is cut off."""
    match width:
        case "s16":
            return data
        case "s24":
            narrowed = bytearray(len(data) // 3 * 2)
            narrowed[0::2], narrowed[1::2] = data[1::3], data[2::3]
            return bytes(narrowed)
        case "s32":
            return samples(data)[1::2].tobytes()
        case "float":
            values = array("f", data)
            inside = (max(-1.0, min(value, _LOUDEST)) for value in values)
            return array("h", [int(32768 * value) for value in inside]).tobytes()


def widen(pcm: bytes, width: Width) -> bytes:
    """Return s16le samples in any width."""
    match width:
        case "s16":
            return pcm
        case "s24":
            packed = bytearray(len(pcm) // 2 * 3)
            packed[1::3], packed[2::3] = pcm[0::2], pcm[1::2]
            return bytes(packed)
        case "s32":
            wide = array("h", bytes(2 * len(pcm)))
            wide[1::2] = samples(pcm)
            return wide.tobytes()
        case "float":
            return array("f", [value / 32768 for value in samples(pcm)]).tobytes()


def gather(pcm: bytes, channels: int) -> bytes:
    """Return what a card with so many channels hears, as one: both of two, the first of more.

    Microphone arrays carry the processed voice in the first channel, single capsules and what the
    speaker plays in others (Seeed's ReSpeaker USB arrays with six-channel firmware).
    """
    return mono(pcm, channels) if channels <= 2 else samples(pcm)[::channels].tobytes()


def scatter(pcm: bytes, channels: int) -> bytes:
    """Return mono `pcm` for a card with so many channels: on the first two, which are the front."""
    if channels <= 2:
        return spread(pcm, channels)
    values = samples(pcm)
    wide = array("h", bytes(2 * channels * len(values)))
    wide[0::channels] = wide[1::channels] = values
    return wide.tobytes()
