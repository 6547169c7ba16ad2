"""Sounds for the tests of the senses, and how well a sentence was understood."""

import re

import av
import numpy as np
from numpy.typing import NDArray

from appliance.emulator.ears import Thinner

Samples = NDArray[np.int16]

# What cannot be told apart by ear, and spellings that mean the same.
SAME = {"to": "two", "too": "two", "for": "four", "1": "one", "20": "twenty", "goodby": "goodbye"}


def samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2")


def silence(seconds: float, rate: int = 16_000) -> bytes:
    return bytes(round(seconds * rate) * 2)


def tone(hz: float, seconds: float, rate: int = 16_000, peak: float = 8000) -> bytes:
    t = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * hz * t) * peak).astype("<i2").tobytes()


def noise(seconds: float, rms: float, rate: int = 16_000, seed: int = 1) -> bytes:
    draw = np.random.default_rng(seed).normal(0, rms, round(seconds * rate))
    return np.clip(draw, -32768, 32767).astype("<i2").tobytes()


def mixed(one: bytes, other: bytes) -> bytes:
    length = min(len(one), len(other)) // 2
    total = samples(one)[:length].astype(np.int32) + samples(other)[:length]
    return bytes(np.clip(total, -32768, 32767).astype("<i2"))


def thin(pcm48k: bytes) -> bytes:
    return Thinner().feed(pcm48k)


def through_opus(pcm48k: bytes, bit_rate: int = 32_000) -> bytes:
    """Encoded and decoded again in packets of 20 ms, as a call does."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.bit_rate = 48_000, bit_rate
    encoder.layout, encoder.format = "mono", "s16"
    encoder.options = {"application": "voip"}
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    sound = samples(pcm48k + bytes(-len(pcm48k) % 1920))
    packets = []
    for start in range(0, len(sound), 960):
        piece = sound[start : start + 960].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    shaper = av.AudioResampler(format="s16", layout="mono", rate=48_000)
    decoded = [frame for packet in packets for frame in decoder.decode(packet)]
    return b"".join(
        shaped.to_ndarray().tobytes() for frame in decoded for shaped in shaper.resample(frame)
    )


def words(text: str) -> list[str]:
    plain = re.sub(
        r"[^a-z0-9' ]", " ", text.lower().replace("-", "").replace("uppercase", "upper case")
    )
    return [SAME.get(word, word) for word in plain.split()]


def wrong_words(said: str, heard: str) -> int:
    """Words to insert, drop or change until what was heard is what was said."""
    want, got = words(said), words(heard)
    row = list(range(len(got) + 1))
    for i, a in enumerate(want, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(got, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]
