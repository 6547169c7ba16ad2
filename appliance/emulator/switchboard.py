"""All calls of the process: made, found by id, hung up, remembered."""

import asyncio
import logging
import time
from collections import deque
from typing import Any, Final

from appliance.emulator import faults
from appliance.emulator.brain import Brain, Traits
from appliance.emulator.call import Call, Record, Senses
from appliance.emulator.ids import RandomIds
from appliance.emulator.options import Options
from appliance.emulator.rtc_call import RtcCall
from appliance.emulator.session import default_session, merged
from appliance.emulator.socket_call import SocketCall
from appliance.emulator.wire import Json, Refusal

log = logging.getLogger(__name__)

_REMEMBERED: Final = 200  # calls that ended


class Switchboard:
    """Makes calls and keeps them alive in its task group."""

    def __init__(
        self,
        options: Options,
        senses: Senses,
        ids: RandomIds,
        plan: faults.FaultPlan,
        group: asyncio.TaskGroup,
    ) -> None:
        """`group`: in which calls live; cancelling it ends them."""
        self._options = options
        self._senses = senses
        self._ids = ids
        self._plan = plan
        self._group = group
        self._calls: dict[str, tuple[str, Call]] = {}  # by id: the key that made it, the call
        self._past: deque[Json] = deque(maxlen=_REMEMBERED)

    async def open(self, offer: str, session: Json, key: str) -> tuple[str, str]:
        """Make a WebRTC call; returns its id and the SDP answer.

        Raises:
            Refusal: offer or session is not acceptable.
        """
        suffix = f"u0_{self._ids.suffix()}"
        call_id, now = f"rtc_{suffix}", time.time()
        brain = self._brain(session, f"sess_{suffix}")
        record = Record(call_id, "webrtc", now)
        rtc = RtcCall(brain, self._senses, record, self._options, self._plan)
        try:
            answer = await rtc.answer(offer, abs(hash(suffix)), int(now))
        except BaseException:
            await rtc.close()
            raise
        self._calls[call_id] = (key, rtc.call)
        self._group.create_task(self._live(rtc), name=call_id)
        return call_id, answer

    async def talk(self, session: Json, make: Any) -> None:  # noqa: ANN401 - see SocketCall.run
        """Run a plain WebSocket session until it ends."""
        session_id = self._ids.make("sess")
        record = Record(session_id, "websocket", time.time())
        talk = SocketCall(
            self._brain(session, session_id), self._senses, record, self._options, self._plan
        )
        self._calls[session_id] = ("", talk.call)
        try:
            await talk.run(make)
        finally:
            self._forget(talk.call)

    def find(self, call_id: str, key: str) -> Call:
        """The call this key may attach to.

        Raises:
            Refusal: there is none, or no longer.
        """
        owner, call = self._calls.get(call_id, ("", None))
        # An ephemeral key may start a call but not attach to it (reported since September 2026).
        if call is None or call.over or owner != key or call.record.kind != "webrtc":
            message = "No session found for the provided call_id"
            raise Refusal("call_id_not_found", message, "")
        return call

    def hang_up(self, call_id: str, key: str) -> None:
        """End a call.

        Raises:
            Refusal: there is none, or no longer.
        """
        call = self.find(call_id, key)
        call.record.hangups += 1
        call.end("hung up")

    def full_session(self, session: Json, session_id: str, expires_at: int) -> Json:
        """The effective session of what a client configured.

        Raises:
            Refusal: it contradicts itself.
        """
        return merged(default_session(session_id, session["model"], expires_at), session)

    def records(self) -> list[Json]:
        """What happened in all calls, the oldest first."""
        live = [call for _, call in self._calls.values()]
        return [*self._past, *map(_told, live)]

    def end_all(self) -> None:
        """End every call."""
        for _, call in list(self._calls.values()):
            call.end("emulator stopped", 1001, "")

    def _brain(self, session: Json, session_id: str) -> Brain:
        expires_at = int(time.time() + self._options.session_seconds)
        traits = Traits(
            strict=self._options.strict,
            voice=self._senses.voice is not None,
            echo_pictures=self._options.echo_pictures,
        )
        return Brain(self.full_session(session, session_id, expires_at), self._ids, traits)

    async def _live(self, rtc: RtcCall) -> None:
        try:
            await rtc.run()
        # bulkhead: a call
        except Exception:
            log.exception("call %s broke", rtc.call.record.call_id)
            rtc.call.end("broken")
        finally:
            self._forget(rtc.call)

    def _forget(self, call: Call) -> None:
        call.end("emulator stopped")
        if self._calls.pop(call.record.call_id, None):
            self._past.append(_told(call))  # not the call itself: it holds a minute of sound


def _told(call: Call) -> Json:
    record = call.record
    return {
        "id": record.call_id,
        "kind": record.kind,
        "created": record.created,
        "ended": record.ended,
        "connected": record.connected,
        "hangups": record.hangups,
        "sidebands": record.sidebands,
        "sound_ms": record.sound_ms,
        "received": dict(record.received),
        "sent": dict(record.sent),
        "session": call.brain.session,
        "items": [
            {**item.public(pictures=False), "words": item.words, "seen": item.seen}
            for item in call.brain.conversation
        ],
    }
