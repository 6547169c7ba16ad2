"""A bad line from the service to its client, the same for everybody, and what it carries."""

import asyncio
import random
import wave
from abc import abstractmethod
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av
import numpy as np
from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack
from typing_extensions import override

from appliance.media.opus import FRAME_BYTES, TIME_BASE, OpusEncoder
from appliance.media.packet import Packet
from appliance.media.pcm import RATE
from appliance.media.tap import tap

if TYPE_CHECKING:
    from av.stream import Stream

FRAME = 0.02  # s
QUEUED = 50  # packets to be echoed; a second
PITCH = 3000.0  # Hz of the tone: far from those that the appliance itself plays
STRENGTH = 0.3  # of full scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens to the packets of a call, by their number; always the same for one seed.

    `loss`: share lost at random. `bad`, `good`: chances that a burst of loss begins, and ends
    (Gilbert). `lose`: these numbers. `jitter`: most seconds of delay. `freeze`: first number and
    how many are held until the last of them is sent. `carries`: a sound file; or, with "echo", what
    the client sends, at once; or, with "tone", a tone that can be switched. `copies`: of the packet
    before, in each (in-band error correction).
    """

    carries: str
    seed: int = 1
    loss: float = 0.0
    bad: float = 0.0
    good: float = 1.0
    lose: tuple[int, ...] = ()
    jitter: float = 0.0
    freeze: tuple[int, int] = (0, 0)
    copies: bool = True


@dataclass
class Fate:
    """Decides for one packet after the other - pure."""

    plan: Plan
    _number: int = -1
    _burst: bool = False
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.plan.seed)  # noqa: S311 - the same line each time

    def next(self) -> float | None:
        """Return for how many seconds the next packet is held; None: it is lost."""
        plan, rng = self.plan, self._rng
        self._number += 1
        chance, wait = rng.random(), rng.random() * plan.jitter
        self._burst = rng.random() >= plan.good if self._burst else rng.random() < plan.bad
        if self._burst or chance < plan.loss or self._number in plan.lose:
            return None
        first, count = plan.freeze
        held = first + count - self._number if first <= self._number < first + count else 0
        return wait + held * FRAME


def impair(sender: RTCRtpSender, plan: Plan) -> None:
    """Have the plan's fate happen to each RTP packet this sender sends, in its own process."""
    transport = sender.transport
    send = transport._send_rtp
    fate = Fate(plan)
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[None]] = set()

    async def deliver(data: bytes) -> None:
        with suppress(ConnectionError):  # the call has ended meanwhile
            await send(data)

    def go(data: bytes) -> None:
        task = loop.create_task(deliver(data))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def impaired(data: bytes) -> None:
        if 64 <= data[1] & 0x7F < 96:  # RTCP (RFC 5761, 4)
            await send(data)
        elif (held := fate.next()) is not None:
            if held:
                loop.call_later(held, go, data)
            else:
                await send(data)

    setattr(transport, "_send_rtp", impaired)  # noqa: B010 - so is mypy content


class Paced(MediaStreamTrack):
    """Packets of 20 ms, each sent when it is due."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._number = -1
        self._began = 0.0

    async def recv(self) -> "av.Packet[Stream]":
        """Return the next packet when it is due."""
        loop = asyncio.get_running_loop()
        if self._number < 0:
            self._began = loop.time()
        self._number += 1
        await asyncio.sleep(self._began + self._number * FRAME - loop.time())
        return _packet(self.payload(self._number), self._number * 960)

    @abstractmethod
    def payload(self, number: int) -> bytes:
        """Return what the packet with this number holds."""


class Speaking(Paced):
    """A sound file (mono, 48 kHz, 16 bits) as 20 ms Opus packets with error correction, paced."""

    def __init__(self, path: str, *, copies: bool) -> None:
        super().__init__()
        encoder = OpusEncoder(copies=copies, full_band=True)
        with wave.open(path) as file:
            sound = file.readframes(file.getnframes())
        parts = [sound[at : at + FRAME_BYTES] for at in range(0, len(sound), FRAME_BYTES)]
        self._packets = [encoder.encode(part.ljust(FRAME_BYTES, b"\0")) for part in parts]
        self._silence = encoder.encode(bytes(FRAME_BYTES))

    @override
    def payload(self, number: int) -> bytes:
        return self._packets[number] if number < len(self._packets) else self._silence


class Echoing(MediaStreamTrack):
    """Sends each packet of the client straight back."""

    kind = "audio"

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        super().__init__()
        self._packets: deque[Packet] = deque(maxlen=QUEUED)
        self._some = asyncio.Event()
        tap(receiver, self._take)

    def _take(self, packet: Packet) -> None:
        self._packets.append(packet)
        self._some.set()

    async def recv(self) -> "av.Packet[Stream]":
        """Return the next packet as soon as it is there."""
        while not self._packets:
            self._some.clear()
            await self._some.wait()
        packet = self._packets.popleft()
        return _packet(packet.payload, packet.timestamp)


class Tone(Paced):
    """A tone from the first packet on, paced as speech; silence while it is switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.sounding = True
        self._encoder = OpusEncoder(full_band=True)
        turns = np.arange(FRAME_BYTES // 2) * PITCH / RATE  # whole ones in a frame
        sine = STRENGTH * 32767 * np.sin(2 * np.pi * turns)
        self._frame = sine.astype("<i2").tobytes()

    @override
    def payload(self, number: int) -> bytes:
        return self._encoder.encode(self._frame if self.sounding else bytes(FRAME_BYTES))


def track_for(plan: Plan | None, receiver: RTCRtpReceiver) -> MediaStreamTrack:
    """Return what the service sends."""
    if plan is None:
        return AudioStreamTrack()
    match plan.carries:
        case "echo":
            return Echoing(receiver)
        case "tone":
            return Tone()
        case path:
            return Speaking(path, copies=plan.copies)


def _packet(payload: bytes, pts: int) -> "av.Packet[Stream]":
    packet = av.Packet(payload)
    packet.pts = pts
    packet.time_base = TIME_BASE
    return packet
