"""A room around a virtual sound card: its microphone hears its speakers, a person and noise."""

import asyncio
import os
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import reduce
from typing import Final

import numpy as np

from appliance.emulator.voice import user_utterance
from appliance.hardware.virtual_card import VirtualCard
from appliance.media import pcm
from tests.bench.acoustics import Acoustics
from tests.bench.processes import at_once, like_others
from tests.bench.room import Room, spoken
from tests.bench.talk import SPOKEN_S
from tests.processes import stop

_VOICE_DBFS: Final = -45.0  # of a speaker's block: louder is a voice
_AHEAD_MS: Final = 40  # of sound on its way to the microphone, in the server
_WAITING_MS: Final = 80  # and before it: so long this process may be held up unheard


class LivedRoom:
    """Hears what the card's speakers play, block by block, and tells it to the microphone.

    It goes on with the speakers: each gives its next 10 ms, then the microphone gets its own.
    """

    def __init__(self, card: VirtualCard, room: Room, mouth: Callable[[bytes], None]) -> None:
        """`mouth`: takes what the microphone hears of speakers and noise."""
        self._card = card
        self._room = room
        self._acoustics = Acoustics(room)
        self._mouth = mouth
        self._ears: list[bytearray] = []  # what each speaker has played and nobody heard
        self.voiced = 0
        """Blocks of 10 ms in which a voice came out of the speakers."""
        self._went_on = asyncio.Event()
        self.sentences: list[tuple[float, float]] = []
        """When each sentence began and ended, in s of the monotonic clock."""

    @asynccontextmanager
    async def hearing(self, sink: str) -> AsyncIterator[None]:
        """Have this speaker in the room, until the context ends."""
        ear = bytearray()

        def heard(piece: bytes) -> None:
            ear.extend(piece)
            self._go_on()

        async with self._card.listen(heard, sink=sink):
            del ear[:]  # from now on, like the others
            self._ears.append(ear)
            try:
                yield
            finally:
                self._ears = [other for other in self._ears if other is not ear]

    async def say(self, words: str) -> None:
        """Say it to the machine; returns when it is said."""
        sound = np.frombuffer(await asyncio.to_thread(user_utterance, words), "<i2")
        there = spoken(self._room, sound.astype(float) / 32768)
        began = time.monotonic()
        await self._card.speak(there.tobytes())
        self.sentences.append((began, time.monotonic()))

    async def listen(self, seconds: float) -> None:
        """Return when a voice has come out of the speakers for so long, pauses not counted.

        Or after SPOKEN_S, if it has not.
        """
        enough = self.voiced + round(seconds * pcm.RATE / pcm.BLOCK_SAMPLES)
        with suppress(TimeoutError):
            async with asyncio.timeout(SPOKEN_S):
                while self.voiced < enough:
                    self._went_on.clear()
                    await self._went_on.wait()

    def _go_on(self) -> None:
        while self._ears and all(len(ear) >= pcm.BLOCK_BYTES for ear in self._ears):
            far = [bytes(ear[: pcm.BLOCK_BYTES]) for ear in self._ears]
            for ear in self._ears:
                del ear[: pcm.BLOCK_BYTES]
            mixed = reduce(pcm.mix, far)
            self.voiced += pcm.level_dbfs(mixed) > _VOICE_DBFS
            self._mouth(self._acoustics.hear(mixed, pcm.SILENCE))
        self._went_on.set()


@asynccontextmanager
async def lived(card: VirtualCard, room: Room) -> AsyncIterator[LivedRoom]:
    """Put the card into this room; which of its speakers are there is yet to be said."""
    at_once(card.pid)
    at_once(os.getpid())  # and with it what it starts: the card's players and recorders
    try:
        async with _mouth(card) as mouth:
            mouth(pcm.SILENCE * ((_AHEAD_MS + _WAITING_MS) // 10))
            yield LivedRoom(card, room, mouth)
    finally:
        like_others(os.getpid())


@asynccontextmanager
async def _mouth(card: VirtualCard) -> AsyncIterator[Callable[[bytes], None]]:
    """Yield what says a piece into the card's microphone at once, until the context ends.

    Of what has been said the server waits for _AHEAD_MS before it begins, and again whenever it had
    nothing left. What a server that has gone was told is lost.
    """
    form = ("--raw", "--format=s16le", f"--rate={pcm.RATE}", "--channels=1")
    process = await asyncio.create_subprocess_exec(
        *("pacat", "--playback", "--device=room", *form, f"--latency-msec={_AHEAD_MS}"),
        env={**os.environ, **card.environment},
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        assert process.stdin is not None
        yield process.stdin.write
    finally:
        await stop(process)
