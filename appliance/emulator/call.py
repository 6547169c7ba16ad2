"""One session of a client: brain, ears, mouth, eyes and channels tied together."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from typing_extensions import override

from appliance.emulator import faults, mouth
from appliance.emulator.brain import Brain
from appliance.emulator.channels import GOING_AWAY, NORMAL, Channel
from appliance.emulator.ears import Thinner
from appliance.emulator.eyes import PictureError, describe
from appliance.emulator.hearer import Hearer, Turns
from appliance.emulator.items import Said
from appliance.emulator.mouth import Mouth, Way
from appliance.emulator.recognizer import Recognizer
from appliance.emulator.vad import Weights
from appliance.emulator.voice import Voice
from appliance.emulator.wire import (
    Clear,
    Expire,
    Finish,
    Hush,
    Json,
    Listen,
    Look,
    Moment,
    Order,
    Recognize,
    Send,
    Speak,
)

T = TypeVar("T")
log = logging.getLogger(__name__)

_LOOK_DEADLINE: Final = (
    10.0  # seconds; a picture takes 60 ms, a waiting thread on a busy machine more
)


@dataclass(frozen=True, slots=True)
class Senses:
    """What all calls share. `voice`: None where none is installed; `silence`: 20 ms of Opus."""

    recognizer: Recognizer
    weights: Weights
    voice: Voice | None
    silence: bytes


@dataclass(slots=True)
class Record:
    """What happened in a call, for tests and curious people."""

    call_id: str
    kind: str  # "webrtc" or "websocket"
    created: float  # wall clock
    received: Counter[str] = field(default_factory=Counter)  # client events by type
    sent: Counter[str] = field(default_factory=Counter)  # server events by type
    ended: str = ""  # why; empty while it lasts
    hangups: int = 0
    sidebands: int = 0
    connected: bool = False
    sound_ms: int = 0


class Call(Turns, mouth.Listener):
    """One session. `run` lives as long as it does; everything else is called on the loop."""

    def __init__(
        self,
        brain: Brain,
        senses: Senses,
        record: Record,
        way: Callable[["Call"], Way],
        heard: Callable[[], dict[str, int]],
    ) -> None:
        """`way(call)` makes the way out for sound; `heard()` tells what of it was heard."""
        self.brain = brain
        self.record = record
        self.plan = faults.FaultPlan()
        self._senses = senses
        self._heard = heard
        self._channels: list[Channel] = []
        self._over = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._work: set[asyncio.Task[Any]] = set()  # begun by `start`, not yet done
        self._way = way(self)
        self._mouth = Mouth(senses.voice, self._way, self)
        self._thinner = Thinner()
        self._ears = Hearer(senses.recognizer, senses.weights, self, self.start)
        self._ears.configure(brain.turn_detection)

    @property
    def over(self) -> bool:
        """It has ended."""
        return self._over.is_set()

    @property
    def lonely(self) -> bool:
        """No client is attached."""
        return not self._channels

    def start(self, work: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
        """Run this as a task of the call; it ends with the call at the latest."""
        assert self._group is not None, "the call is not running"  # noqa: S101 - wiring
        task = self._group.create_task(work, name=name)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def run(self, beside: Iterable[Callable[[], Any]] = ()) -> None:
        """Live until `end`; `beside`: coroutine functions that run as long."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                tasks = [group.create_task(self._mouth.run(), name="mouth")]
                tasks += [group.create_task(work(), name=work.__name__) for work in beside]
                await self._over.wait()
                for task in (*tasks, *self._work):
                    task.cancel()
        finally:
            self._group = None

    def end(self, reason: str, code: int = NORMAL, sentence: str = "") -> None:
        """End the call; the first reason counts."""
        if self.over:
            return
        self.record.ended = reason
        log.debug("= %s ended: %s", self.record.call_id, reason)
        for channel in self._channels:
            channel.close(code, sentence)
        self._channels.clear()
        self._over.set()

    # -- channels

    def attach(self, channel: Channel, *, greet: bool) -> None:
        """A channel opened; a sideband is not greeted."""
        self._channels.append(channel)
        if greet:
            for order in self.brain.greeting():
                if isinstance(order, Send):
                    self._count(order.event)
                    channel.send(json.dumps(order.event))

    def detach(self, channel: Channel) -> None:
        """A channel closed."""
        if channel in self._channels:
            self._channels.remove(channel)

    def close_channels(self, name: str, code: int, reason: str) -> None:
        """Close the channels of this name only."""
        for channel in [c for c in self._channels if c.name == name]:
            channel.close(code, reason)

    def send_raw(self, text: str) -> None:
        """Give every channel this text, whatever it is."""
        for channel in self._channels:
            channel.send(text)

    def receive(self, data: str | bytes) -> None:
        """A frame of a client."""
        orders = self.brain.client(data, self.moment())
        self.record.received[self.brain.last_kind] += 1
        self._obey(orders)

    def expire(self, minutes: float) -> None:
        """The session reached its longest duration."""
        self._obey(self.brain.expire(minutes))

    def moment(self) -> Moment:
        """What is known now."""
        return Moment(self._ears.received_ms, self._heard())

    # -- sound in

    def sound(self, pcm48k: bytes) -> None:
        """The user's sound: mono, s16le, 48 kHz."""
        self.thin_sound(self._thinner.feed(pcm48k))

    def thin_sound(self, pcm16k: bytes) -> None:
        """The user's sound: mono, s16le, 16 kHz."""
        self._ears.feed(pcm16k)
        self.record.sound_ms = self._ears.received_ms

    @override
    def speech_started(self, start_ms: int) -> None:
        self._obey(self.brain.speech_started(start_ms, self.moment()))

    @override
    def speech_stopped(self, end_ms: int) -> None:
        self._obey(self.brain.speech_stopped(end_ms))

    @override
    def transcribed(self, item_id: str, text: str, seconds: float) -> None:
        if self.plan.take(faults.FailTranscription):
            self.not_transcribed(item_id, "A fault was asked for.")
        else:
            self._obey(self.brain.transcribed(item_id, text, seconds))

    @override
    def not_transcribed(self, item_id: str, reason: str) -> None:
        self._obey(self.brain.not_transcribed(item_id, reason))

    # -- sound out

    @override
    def spoken(self, item_id: str, word: Said) -> None:
        self._obey(self.brain.spoken(item_id, word))

    @override
    def said(self, item_id: str) -> None:
        self._obey(self.brain.said(item_id))

    @override
    def speechless(self, item_id: str, reason: str) -> None:
        self._obey(self.brain.speechless(item_id, reason))

    @override
    def sound_made(self, item_id: str, audio: str) -> None:
        self._obey(self.brain.sound(item_id, audio))

    def playback_started(self, response_id: str) -> None:
        """Playout began with this response."""
        self._obey(self.brain.playback_started(response_id))

    def playback_stopped(self, response_id: str) -> None:
        """Playout is done with this response."""
        self._obey(self.brain.playback_stopped(response_id))

    # -- orders

    def _obey(self, orders: list[Order]) -> None:
        for order in orders:
            if self.over:
                return
            match order:
                case Send():
                    self._send(order.event)
                case Speak():
                    self._speak(order)
                case Finish():
                    self._way.finish(order.response_id)
                case Clear():
                    self._way.clear()
                case Hush():
                    self._mouth.hush(order.response_id)
                case Recognize():
                    self._ears.recognize(order)
                case Look():
                    self.start(self._look(order), "look")
                case Listen():
                    self._ears.configure(self.brain.turn_detection)
                    if order.forget:
                        self._ears.reset()
                case Expire():
                    self.end("session_expired", GOING_AWAY, order.reason)

    def _speak(self, order: Speak) -> None:
        fault = self.plan.take(faults.FailResponse)
        if fault is not None:
            self._obey(self.brain.speechless(order.item_id, fault.message, fault.code))
        else:
            self._mouth.speak(order)

    def _send(self, event: Json) -> None:
        self._count(event)
        text = json.dumps(event)
        for channel in self._channels:
            channel.send(text)

    def _count(self, event: Json) -> None:
        self.record.sent[event["type"]] += 1

    async def _look(self, order: Look) -> None:
        try:
            async with asyncio.timeout(_LOOK_DEADLINE):
                found = await asyncio.to_thread(describe, order.picture)
            sentence = found.sentence
        except PictureError as error:
            sentence = f"I cannot see the picture. {error}"
        except TimeoutError:
            sentence = "I did not get to look at the picture in time."
        self._obey(self.brain.seen(order.item_id, sentence))
