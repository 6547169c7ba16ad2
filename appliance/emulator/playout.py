"""The reply's sound on its way out: Opus packets in real time, and what of it was heard."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.audio.codeccontext import AudioCodecContext

RATE: Final = 48_000  # Hz, the clock of Opus in RTP (RFC 7587)
FRAME: Final = 960  # samples, 20 ms
FRAME_MS: Final = 20
TIME_BASE: Final = Fraction(1, RATE)
_SETTLED: Final = 50  # frames of silence after which nothing rings any more
# Sound that waits for a listener who never comes is dropped beyond this.
_MOST_WAITING: Final = 60_000 // FRAME_MS
# The service makes speech faster than it is heard; this far ahead of the listener.
LEAD_MS: Final = 3000


class OpusVoice:
    """Encodes one voice: mono s16le 48 kHz in, packets of 20 ms out."""

    def __init__(self) -> None:
        """A fresh encoder, set up like the service's: speech with error correction."""
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext)  # noqa: S101 - narrows what the factory returns
        codec.sample_rate = RATE
        codec.format = "s16"
        codec.layout = "mono"
        codec.bit_rate = 32_000
        codec.time_base = TIME_BASE
        codec.options = {"application": "voip", "frame_duration": "20", "fec": "1",
                         "packet_loss": "5", "compression_level": "5"}  # fmt: skip
        self._codec = codec
        self._at = 0

    def encode(self, pcm: bytes) -> list[bytes]:
        """Packets of this sound; the last one is filled up with silence."""
        size = FRAME * 2
        pcm += bytes(-len(pcm) % size)
        packets: list[bytes] = []
        for start in range(0, len(pcm), size):
            frame = av.AudioFrame("s16", "mono", FRAME)
            frame.planes[0].update(pcm[start : start + size])
            frame.sample_rate, frame.time_base, frame.pts = RATE, TIME_BASE, self._at
            self._at += FRAME
            packets += [bytes(packet) for packet in self._codec.encode(frame)]
        return packets


def silent_packet() -> bytes:
    """20 ms of silence, as the encoder writes it once it has settled."""
    return OpusVoice().encode(bytes(FRAME * 2 * _SETTLED))[-1]


@dataclass(frozen=True, slots=True)
class Sound:
    """A packet, and which millisecond of which item is over with it."""

    packet: bytes
    response_id: str
    item_id: str
    end_ms: int


@dataclass(frozen=True, slots=True)
class End:
    """Everything of this response is before this."""

    response_id: str


class Playout:
    """A queue that is emptied in real time. Only the event loop touches it."""

    def __init__(self, started: Callable[[str], None], stopped: Callable[[str], None]) -> None:
        """The callbacks get the id of a response that begins or ends to be heard."""
        self.live = False  # somebody listens
        self._started = started
        self._stopped = stopped
        self._queue: deque[Sound | End] = deque()
        self._waiting = 0  # packets in it
        self._heard: dict[str, int] = {}
        self._playing: str | None = None
        self._room = asyncio.Event()

    @property
    def heard(self) -> dict[str, int]:
        """Milliseconds of each item that were heard; nothing when nobody listens."""
        return dict(self._heard) if self.live else {}

    def push(self, sound: Sound) -> None:
        """Append a packet."""
        self._heard.setdefault(sound.item_id, 0)
        if self._waiting < _MOST_WAITING or self.live:
            self._queue.append(sound)
            self._waiting += 1

    def finish(self, response_id: str) -> None:
        """Nothing more will come of this response."""
        self._queue.append(End(response_id))
        if not self.live and not self._waiting:
            self._queue.clear()

    def clear(self) -> None:
        """Drop everything; nothing is told."""
        self._queue.clear()
        self._waiting = 0
        self._playing = None
        self._room.set()

    def next(self) -> bytes | None:
        """The packet whose time has come; None for silence."""
        while self._queue:
            head = self._queue.popleft()
            if isinstance(head, End):
                if self._playing == head.response_id:
                    self._playing = None
                    self._stopped(head.response_id)
                continue
            self._waiting -= 1
            if self._waiting * FRAME_MS < LEAD_MS:
                self._room.set()
            if self._playing != head.response_id:
                self._playing = head.response_id
                self._started(head.response_id)
            self._heard[head.item_id] = head.end_ms
            return head.packet
        return None

    async def room(self) -> None:
        """Wait until the listener is less than three seconds behind; at once when there is none.

        Ends with the call at the latest. Cancelling is safe.
        """
        while self.live and self._waiting * FRAME_MS >= LEAD_MS:
            self._room.clear()
            await self._room.wait()

    def wake(self) -> None:
        """Let `room` look again."""
        self._room.set()
