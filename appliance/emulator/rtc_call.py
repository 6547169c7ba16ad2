"""A call over WebRTC: the session, its peer, its playout, its faults and its end."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiortc import RTCDataChannel
from typing_extensions import override

from appliance.emulator import faults
from appliance.emulator.brain import Brain
from appliance.emulator.call import Call, Record, Senses
from appliance.emulator.channels import DataChannel
from appliance.emulator.mouth import RtpWay
from appliance.emulator.options import Options
from appliance.emulator.peer import Events, Peer
from appliance.emulator.playout import Playout

log = logging.getLogger(__name__)

_WATCH_EVERY: Final = 1.0  # seconds
# A call nobody connects to and nobody attaches to; how long the service keeps one is not known.
_LONELY: Final = 60.0  # seconds


class RtcCall(Events):
    """One WebRTC call. `answer`, then `run`; `close` always."""

    def __init__(
        self,
        brain: Brain,
        senses: Senses,
        record: Record,
        options: Options,
        plan: faults.FaultPlan,
    ) -> None:
        """`plan`: the process's faults; each call takes its share when it begins."""
        self._options = options
        self._plan = plan
        self._playout = Playout(
            started=self._playback_started,
            stopped=self._playback_stopped,
        )
        self.call = Call(
            brain, senses, record, lambda _call: RtpWay(self._playout), lambda: self._playout.heard
        )
        self.call.plan = plan
        suffix = record.call_id.rpartition("_")[2][:8]
        self._peer = Peer(
            self._playout, senses.silence if options.comfort_silence else None, self, f"u0/{suffix}"
        )
        self._last_sound = 0.0
        self._begun = asyncio.get_running_loop().time()

    async def answer(self, offer: str, number: int, started: int) -> str:
        """The SDP answer.

        Raises:
            Refusal: the offer is not acceptable.
        """
        return await self._peer.answer(offer, number, started)

    async def run(self) -> None:
        """Live until the call is over; releases everything. Cancelling is safe."""
        try:
            await self.call.run((self._watch, self._peer.hear, self._expire))
        finally:
            await self.close()

    async def close(self) -> None:
        """Release the peer."""
        await self._peer.close()

    def _playback_started(self, response_id: str) -> None:
        self.call.playback_started(response_id)

    def _playback_stopped(self, response_id: str) -> None:
        self.call.playback_stopped(response_id)

    # -- what the peer tells

    @override
    def connected(self) -> None:
        self._playout.live = True
        self._last_sound = asyncio.get_running_loop().time()
        self.call.record.connected = True
        if not self.call.over:
            self._later(self._plan.take(faults.DropMedia), self._drop_media)
            self._later(self._plan.take(faults.HangUp), lambda: self.call.end("hung up by fault"))

    @override
    def disconnected(self, reason: str) -> None:
        self._playout.live = False
        self._playout.wake()
        self.call.end(f"peer {reason}")

    @override
    def channel_opened(self, channel: RTCDataChannel) -> None:
        if self.call.over:
            return
        port = DataChannel(channel, self._options.channel_limit, self.call.receive)
        channel.on("close", lambda: self.call.detach(port))
        self.call.attach(port, greet=True)
        fault = self._plan.take(faults.CloseChannel)
        self._later(fault, lambda: self.call.close_channels(port.name, 1000, ""))
        garble = self._plan.take(faults.Garble)
        if garble is not None:
            self._later(garble, lambda: self.call.send_raw(garbled(garble)))

    @override
    def sound(self, pcm48k: bytes) -> None:
        self._last_sound = asyncio.get_running_loop().time()
        if not self.call.over:
            self.call.sound(pcm48k)

    # -- what happens by itself

    def _drop_media(self) -> None:
        self._playout.live = False
        self._playout.wake()
        self._peer.freeze()

    def _later(self, fault: faults.Timed | None, act: Callable[[], None]) -> None:
        if fault is None:
            return
        after = fault.after

        async def strike() -> None:
            await asyncio.sleep(after)
            log.debug("! fault %s", type(fault).__name__)
            act()

        self.call.start(strike(), "fault")

    async def _expire(self) -> None:
        fault = self._plan.take(faults.ExpireSession)
        if fault is None:
            await asyncio.sleep(self._options.session_seconds)
            self.call.expire(self._options.session_seconds / 60)
        else:
            await asyncio.sleep(fault.after)
            self.call.expire(fault.minutes)

    async def _watch(self) -> None:
        """Reap calls whose client is gone without a word."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            now = loop.time()
            if self.call.record.connected:
                silent = now - self._last_sound > self._options.media_timeout
                if self._peer.hears and silent:
                    self.call.end("no media")
            elif self._peer.state == "new" and now - self._begun > _LONELY and self.call.lonely:
                self.call.end("never connected")


def garbled(fault: faults.Garble) -> str:
    """A frame nobody can expect."""
    return {
        "not_json": '{"type": "response.created", "resp',
        "unknown_event": '{"type": "session.horoscope", "event_id": "event_x", "stars": [1]}',
        "missing_keys": '{"type": "response.output_audio_transcript.delta"}',
    }[fault.kind]
