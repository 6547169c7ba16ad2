"""A network of our making with a receiver behind it, and what is sent over it."""

import math
import random
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from appliance.media import pcm
from appliance.media.heard import Heard
from appliance.media.opus import OpusDecoder, OpusEncoder, find_opus
from appliance.media.packet import Packet
from appliance.media.receive import Receiver
from tests.media.plain import PACKET, PlainDecoder, packets

FRAME = 0.02  # s
BLOCK = 0.01  # s
ENDING = pcm.decay(0x4000, 4800) + bytes(9600)  # answers do not break off
TRIP = 0.03  # s, how long the fastest packet is on its way


@dataclass
class Line:
    """A receiver on a network. `heard`: every block, in order."""

    receiver: Receiver
    heard: list[bytes] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    targets: list[float] = field(default_factory=list)
    sequence: int = 65_500  # wraps soon

    def play(
        self,
        sent: Sequence[bytes],
        *,
        lost: Iterable[int] = (),
        late: dict[int, float] | Sequence[float] | None = None,
        first: int = 0,
        began: float = 0.0,
        skew: float = 0.0,
        tail: float = 0.3,
        at_once: int = 1,
    ) -> bytes:
        """Send packets every 20 ms, pull every 10 ms; return what was heard.

        `late`: seconds on top of TRIP, by number. `skew`: how much faster the sender's clock runs.
        `at_once`: blocks that the card pulls in a row.
        """
        gone = set(lost)
        lateness = dict(enumerate(late)) if isinstance(late, Sequence) else late or {}
        arrivals = sorted(
            (began + (n + 1) * FRAME / (1 + skew) + TRIP + lateness.get(n, 0.0), n)
            for n in range(len(sent))
            if n not in gone
        )
        start = len(self.heard)
        now, at, pulls = began, 0, 0
        while now < began + len(sent) * FRAME + TRIP + tail:
            while at < len(arrivals) and arrivals[at][0] <= now:
                came, n = arrivals[at]
                self.push(n, sent[n], came, first)
                at += 1
            self.heard.append(self.receiver.pull(now))
            self.delays.append(self.told.delay)
            self.targets.append(self.told.target)
            pulls += 1
            now += BLOCK * at_once * (pulls % at_once == 0)
        self.sequence += len(sent)
        return b"".join(self.heard[start:])

    def push(self, number: int, payload: bytes, now: float, first: int = 0) -> None:
        timestamp = (first + number * PACKET) % 2**32
        self.receiver.push(Packet((self.sequence + number) % 2**16, timestamp, payload), now)

    @property
    def told(self) -> Heard:
        return self.receiver.heard()


def plain() -> Line:
    return Line(Receiver(PlainDecoder()))


def opus() -> Line:
    return Line(Receiver(OpusDecoder(find_opus())))


def counting(seconds: float) -> bytes:
    """Return sound in which every sample is another: 1, 2, 3 … and never zero."""
    return array("h", [1 + n % 30_000 for n in range(round(seconds * pcm.RATE))]).tobytes()


@cache
def speech(*, copies: bool = True) -> tuple[bytes, ...]:
    """Return 12 s like speech, as Opus: voiced syllables of changing pitch, each with its pause."""
    sound = array("h")
    for number in range(40):
        pitch = 110 + 12 * (number * 7 % 11)
        for n in range(round(0.3 * pcm.RATE)):
            loud = min(1.0, n / 2400, (0.25 * pcm.RATE - n) / 2400) if n < 0.25 * pcm.RATE else 0.0
            phase = 2 * math.pi * pitch * n / pcm.RATE
            wave = math.sin(phase) + 0.5 * math.sin(2 * phase) + 0.3 * math.sin(5 * phase)
            sound.append(round(6000 * max(loud, 0.0) * wave))
    encoder = OpusEncoder(copies=copies, full_band=True)
    return tuple(encoder.encode(packet) for packet in packets(sound.tobytes()))


@cache
def hush(seconds: float) -> tuple[bytes, ...]:
    """Return silence as Opus."""
    encoder = OpusEncoder(full_band=True)
    return tuple(encoder.encode(bytes(2 * PACKET)) for _ in range(round(seconds / FRAME)))


@cache
def vowel(*, copies: bool = True) -> tuple[bytes, ...]:
    """Return 12 s of a voice that never pauses, as Opus, after 1.5 s in which the line is known."""
    sound = array("h", bytes(3 * pcm.RATE))
    for n in range(12 * pcm.RATE):
        phase = 2 * math.pi * (120 * n / pcm.RATE + math.sin(3 * n / pcm.RATE))
        sound.append(round(4000 * sum(math.sin(k * phase) / k for k in (1, 2, 3, 5))))
    encoder = OpusEncoder(copies=copies, full_band=True)
    return tuple(encoder.encode(packet) for packet in packets(sound.tobytes()))


def jitter(count: int, most: float, seed: int) -> list[float]:
    rng = random.Random(seed)  # noqa: S311 - the same jitter each time
    return [rng.random() * most for _ in range(count)]


def frozen(first: int, last: int) -> dict[int, float]:
    """Return the lateness of packets that come all at once with the one after the last."""
    return {n: (last + 1 - n) * FRAME for n in range(first, last + 1)}
