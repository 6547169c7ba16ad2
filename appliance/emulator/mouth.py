"""Speaks what the brain orders: words to the brain, their sound to the call's way out."""

import asyncio
import base64
from collections import deque
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from typing_extensions import override

from appliance.emulator.engines import VoiceError
from appliance.emulator.items import Said
from appliance.emulator.playout import FRAME_MS, RATE, OpusVoice, Playout, Sound
from appliance.emulator.voice import Speech, Voice
from appliance.emulator.wire import Speak

_BYTES_PER_MS: Final = RATE // 1000 * 2
# The voice takes a breath before it speaks: 150 ms of near silence, of which this much is kept.
_QUIET: Final = 200  # of 32768
_BREATH_MS: Final = 40
# A plain WebSocket client is given this much sound ahead of real time.
_WEBSOCKET_LEAD: Final = 5.0  # seconds
# The service makes speech several times faster than it is heard (recorded traffic, July 2026).
_SPEED: Final = 8


class Way(Protocol):
    """Where sound goes."""

    async def piece(self, order: Speak, speech: Speech) -> None:
        """A sentence begins; called before its words."""
        ...

    async def word(self, order: Speak, start_ms: int, end_ms: int) -> None:
        """This part of the item goes out now; waits when too far ahead of the listener."""
        ...

    def finish(self, response_id: str) -> None:
        """Nothing more comes of this response."""
        ...

    def clear(self) -> None:
        """Drop what was not heard."""
        ...


class Listener(Protocol):
    """Who is told what was said."""

    def spoken(self, item_id: str, word: Said) -> None:
        """A word was made."""
        ...

    def said(self, item_id: str) -> None:
        """An item is complete."""
        ...

    def speechless(self, item_id: str, reason: str) -> None:
        """The voice failed."""
        ...

    def sound_made(self, item_id: str, audio: str) -> None:
        """Sound for channels that carry it as events, base64."""
        ...


class Mouth:
    """One call's speech, one order after the other."""

    def __init__(self, voice: Voice | None, way: Way, listener: Listener) -> None:
        """`voice`: None where none is installed; then nothing may be ordered."""
        self._voice = voice
        self._way = way
        self._listener = listener
        self._orders: deque[Speak] = deque()
        self._some = asyncio.Event()
        self._current: Speak | None = None

    def speak(self, order: Speak) -> None:
        """Queue an order."""
        self._orders.append(order)
        self._some.set()

    def hush(self, response_id: str) -> None:
        """Forget this response's orders, also the one being spoken."""
        self._orders = deque(o for o in self._orders if o.response_id != response_id)
        if self._current is not None and self._current.response_id == response_id:
            self._current = None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._orders:
                self._current = order = self._orders.popleft()
                try:
                    await self._speak(order)
                except VoiceError as error:
                    self._listener.speechless(order.item_id, str(error))
                self._current = None

    async def _speak(self, order: Speak) -> None:
        if self._voice is None:
            return
        saved = 0
        async for piece in self._voice.stream(order.text):
            saved = saved or quiet_lead_ms(piece.pcm)
            speech = sooner(piece, saved)
            await self._way.piece(order, speech)
            at = speech.start_ms
            last = len(speech.words) - 1
            for index, word in enumerate(speech.words):
                if self._current is not order:
                    return
                # The pause behind a sentence belongs to its last word.
                end = speech.start_ms + speech.duration_ms if index == last else word.end_ms
                self._listener.spoken(order.item_id, Said(word.text, word.start_ms, end))
                await self._way.word(order, at, end)
                at = max(end, at)
        if self._current is order:
            self._listener.said(order.item_id)


def quiet_lead_ms(pcm48k: bytes) -> int:
    """How much of a sentence's beginning nobody would miss, in whole packets."""
    loud = np.abs(np.frombuffer(pcm48k, "<i2").astype(np.int32)) > _QUIET
    if not loud.any():
        return 0
    lead_ms = int(loud.argmax()) * 1000 // RATE - _BREATH_MS
    return max(lead_ms, 0) // FRAME_MS * FRAME_MS


def sooner(speech: Speech, by_ms: int) -> Speech:
    """The same speech when its text as a whole begins this much earlier."""
    first = not speech.start_ms
    words = tuple(
        replace(w, start_ms=max(w.start_ms - by_ms, 0), end_ms=w.end_ms - by_ms)
        for w in speech.words
    )
    pcm = speech.pcm[by_ms * _BYTES_PER_MS :] if first else speech.pcm
    return replace(speech, pcm=pcm, words=words, start_ms=max(speech.start_ms - by_ms, 0))


class RtpWay(Way):
    """Sound to a paced track."""

    def __init__(self, playout: Playout) -> None:
        """`playout`: of the call."""
        self._playout = playout
        self._encoder = OpusVoice()
        self._packets: deque[bytes] = deque()
        self._at = 0
        self._item = ""

    @override
    async def piece(self, order: Speak, speech: Speech) -> None:
        if order.item_id != self._item:
            self._item, self._at = order.item_id, 0
            self._packets.clear()
        self._packets.extend(await asyncio.to_thread(self._encoder.encode, speech.pcm))

    @override
    async def word(self, order: Speak, start_ms: int, end_ms: int) -> None:
        while self._packets and self._at < end_ms:
            self._at += FRAME_MS
            packet = self._packets.popleft()
            self._playout.push(
                Sound(packet, order.response_id, order.item_id, min(self._at, end_ms))
            )
        if self._playout.live:
            await asyncio.sleep((end_ms - start_ms) / 1000 / _SPEED)
            await self._playout.room()

    @override
    def finish(self, response_id: str) -> None:
        self._playout.finish(response_id)

    @override
    def clear(self) -> None:
        self._packets.clear()
        self._playout.clear()


class EventWay(Way):
    """Sound as `response.output_audio.delta` events, 24 kHz, faster than it is heard."""

    def __init__(self, listener: Listener) -> None:
        """`listener`: is given the sound."""
        self._listener = listener
        self._pcm = b""
        self._base = 0
        self._sent = 0.0  # seconds of sound
        self._since: float | None = None

    @override
    async def piece(self, order: Speak, speech: Speech) -> None:
        self._pcm, self._base = thinned(speech.pcm), speech.start_ms

    @override
    async def word(self, order: Speak, start_ms: int, end_ms: int) -> None:
        scale = _BYTES_PER_MS // 2
        part = self._pcm[(start_ms - self._base) * scale : (end_ms - self._base) * scale]
        if not part:
            return
        self._listener.sound_made(order.item_id, base64.b64encode(part).decode())
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._since is None or now - self._since > self._sent:
            self._since, self._sent = now, 0.0  # the listener has heard everything
        self._sent += (end_ms - start_ms) / 1000
        ahead = self._sent - (now - self._since) - _WEBSOCKET_LEAD
        if ahead > 0:
            await asyncio.sleep(ahead)

    @override
    def finish(self, response_id: str) -> None:
        pass

    @override
    def clear(self) -> None:
        self._since = None


def thinned(pcm48k: bytes) -> bytes:
    """48 kHz to 24 kHz: the mean of two samples; speech has next to nothing above 12 kHz."""
    samples = np.frombuffer(pcm48k[: len(pcm48k) // 4 * 4], "<i2").astype(np.int32)
    return bytes(((samples[0::2] + samples[1::2]) // 2).astype("<i2"))
