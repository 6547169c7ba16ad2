"""A room while it is lived in: block by block, from the speaker's sound to the microphone's."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from typing_extensions import override

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.file_audio import FileAudio
from appliance.media.pcm import BLOCK_BYTES, BLOCK_SAMPLES, RATE, SILENCE
from appliance.ports import AudioStream, CaptureLatch, Exchange
from tests.bench.room import FAR_DBFS, Room, Sound, bent, pink, response, treble

ROOM = "BENCH_ROOM"  # the variable that holds the room, as JSON

_PEAK: Final = 0.5  # of full scale, from which the loudspeaker is driven as in a played scene
_SPEAKER: Final = BLOCK_SAMPLES  # samples of the loudspeaker's own response
_NOISE_S: Final = 10.0  # then it begins again
_PIPE: Final = 1 << 16  # bytes that are read at once


class Convolver:
    """Convolves with a response, in blocks: each comes out when it goes in."""

    def __init__(self, answer: Sound) -> None:
        parts = np.pad(answer, (0, -len(answer) % BLOCK_SAMPLES)).reshape(-1, BLOCK_SAMPLES)
        self._parts = np.fft.rfft(parts, 2 * BLOCK_SAMPLES)
        self._past = np.zeros_like(self._parts)  # spectra of what went in, the newest first
        self._last = np.zeros(BLOCK_SAMPLES)

    def feed(self, block: Sound) -> Sound:
        """Return the sound of this block's time."""
        self._past[1:] = self._past[:-1]
        self._past[0] = np.fft.rfft(np.concatenate([self._last, block]))
        self._last = block
        sound: Sound = np.fft.irfft((self._parts * self._past).sum(0))[BLOCK_SAMPLES:]
        return sound


class Acoustics:
    """What a microphone hears in a room whose delay, clocks and volume stay as they are."""

    def __init__(self, room: Room) -> None:
        """Raises ValueError for a room that changes."""
        if room.drift or room.jumps or room.turns:
            raise ValueError("a room that is lived in has one clock, one delay and one volume")
        rng = np.random.default_rng(room.seed)
        # Of linear phase: what it is late by is taken from the way to the microphone.
        speaker = np.roll(np.fft.irfft(treble(_SPEAKER)), _SPEAKER // 2)
        self._drive = room.drive
        self._speaker = Convolver(speaker)
        walls = response(room.rt60, room.direct, rng) * 10 ** ((room.echo - FAR_DBFS) / 20)
        # The microphone hears a block one later than the speaker gets it.
        way = round(room.delay * RATE) - _SPEAKER // 2 - BLOCK_SAMPLES
        self._walls = Convolver(np.concatenate([np.zeros(way), walls]))
        noise = pink(round(_NOISE_S * RATE), rng) * 10 ** (room.noise / 20)
        self._noise = noise.reshape(-1, BLOCK_SAMPLES)
        self._number = 0

    def hear(self, far: bytes, person: bytes) -> bytes:
        """Return the microphone's next block; `far`: the speaker's last, `person`: at it."""
        loud = bent(self._speaker.feed(_sound(far)), self._drive, _PEAK)
        noise = self._noise[self._number % len(self._noise)]
        self._number += 1
        heard = np.clip(self._walls.feed(loud) + _sound(person) + noise, -1, 0.99997)
        return bytes(np.round(heard * 32767).astype("<i2").tobytes())


class RoomAudio(FileAudio):
    """The driver of sound files, with a room between its speaker and its microphone.

    `input_file` is a named pipe: what is written into it, a person says (mono, s16le, 48 kHz, as
    loud as the microphone hears it). The room is in the environment.
    """

    def __init__(self, config: AudioConfig, latch: CaptureLatch) -> None:
        super().__init__(msgspec.structs.replace(config, input_file=""), latch)
        self._pipe = Path(config.input_file)
        self._room = msgspec.convert(json.loads(os.environ[ROOM]), Room)

    @override
    @asynccontextmanager
    async def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AsyncIterator[AudioStream]:
        """See AudioDevice."""
        acoustics, said, far = Acoustics(self._room), bytearray(), SILENCE
        pipe = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)

        def in_the_room(_near: bytes) -> bytes:
            nonlocal far
            said.extend(_read(pipe))
            person = bytes(said[:BLOCK_BYTES]).ljust(BLOCK_BYTES, b"\0")
            del said[:BLOCK_BYTES]
            far = exchange(acoustics.hear(far, person))
            return far

        try:
            async with super().open(in_the_room, failed) as stream:
                yield stream
        finally:
            os.close(pipe)


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, _PIPE)
    except BlockingIOError:  # nobody speaks
        return b""


def _sound(block: bytes) -> Sound:
    return np.frombuffer(block, "<i2").astype(float) / 32768
