"""The ways to the service in one call: the offer, the peer connection and the sideband."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aiortc import MediaStreamTrack
from typing_extensions import override

from appliance.call.lines import Line, Lines
from appliance.call.parts import Parts
from appliance.call.peer import Peer, is_loopback
from appliance.call.sideband import MESSAGE_LIMIT, Closed, Listener, Sideband
from appliance.call.talk import Talk
from appliance.core.model import Problem
from appliance.errors import ApplianceError, ClosedError, ServiceError, UnreachableError
from appliance.media.packet import Packet

if TYPE_CHECKING:
    from appliance.ports import Answer

SIDEBAND_PATIENCE = 5.0  # s until the owner is told that the data channel has to do alone
SPEECHLESS_LIMIT = 5.0  # s of a call in which neither channel is open
STUCK_LIMIT = 5.0  # s for the sideband to come back for a message too long for the data channel
_LOOK = 1.0  # s between looks at the channels

NOT_SENT = Problem("network", "Something did not reach the service.", "Say or show it again.")

log = logging.getLogger(__name__)


class Host(Protocol):
    """What a link needs of its call. Nothing here raises."""

    @property
    def talk(self) -> Talk:
        """What is said in the call."""
        ...

    def start(self, job: Coroutine[Any, Any, None], name: str) -> None:
        """Run a job until the call ends."""
        ...

    def failed(self, problem: Problem) -> None:
        """Tell the person that what was said or shown did not reach the service."""
        ...

    def stop(self, error: ApplianceError) -> None:
        """End the call because of `error`."""
        ...


class Link(Listener):
    """Dials once and holds what that opened; `release` on every way out."""

    def __init__(self, parts: Parts, host: Host, *, needs_channel: bool) -> None:
        """`needs_channel`: a call whose data channel does not open has failed."""
        self._parts = parts
        self._host = host
        self._needs_channel = needs_channel
        self._peer: Peer | None = None
        self._sideband: Sideband | None = None
        self._answer: Answer | None = None
        self._refusal: ServiceError | None = None
        self._answered = asyncio.Event()
        self._released = False
        self.channel_failed = False
        """Whether the data channel did not open; the next call can do without it."""
        self.round_trip_ms: float | None = None
        """At the end of a call, if the service's reports told."""
        self.lines = Lines(
            Line(
                lambda: self._sideband is not None and self._sideband.is_open,
                lambda: MESSAGE_LIMIT if self._sideband is not None else 0,
                self._by_sideband,
            ),
            Line(
                lambda: self._peer is not None and self._peer.is_open,
                lambda: self._peer.message_limit if self._peer is not None else 0,
                self._by_channel,
            ),
            lost=self._lost,
        )

    @property
    def call_id(self) -> str | None:
        """The service's name for the call, once it has told it."""
        return self._answer.call_id if self._answer else None

    async def dial(
        self, near: MediaStreamTrack, far: Callable[[Packet], None], session: bytes
    ) -> Peer:
        """Offer the call and return the peer when sound flows; its packets go to `far`.

        Raises ServiceError. Cancelling is safe before `release`.
        """
        service = self._parts.service
        self._peer = peer = Peer(
            near,
            far,
            lambda message: self._host.talk.received(message, "data channel"),
            ice_servers=service.ice_servers,
            loopback=is_loopback(service.base_url),
        )
        offer = await peer.offer()
        self._host.talk.mark("offer_posted")
        # The service may create the call although nobody waits for its answer any more: the
        # request goes on without us, so that this call can be hung up too.
        self._parts.errand("offer", partial(self._post, offer, session))
        await self._answered.wait()
        if self._answer is None:
            raise self._refusal or ServiceError("The service gave no answer.")
        self._host.talk.mark("answered")
        self._open_sideband(self._answer.call_id)
        await peer.accept(self._answer.sdp)
        await peer.connected()
        self._host.start(self._watch_channel(peer), "data channel")
        self._host.start(self._watch_lines(), "channels")
        return peer

    async def release(self) -> None:
        """Hang up at the service, as an errand, and close the peer connection; ≤ 0.1 s.

        The sideband ends with its job.
        """
        self._released = True
        if self._answer is not None:
            self._parts.errand("hang-up", self._hang_up)
        if self._peer is not None:
            if round_trip := await self._peer.round_trip():
                self.round_trip_ms = round(round_trip * 1000, 1)
            await self._peer.close()

    async def _post(self, offer: str, session: bytes) -> None:
        try:
            self._answer = await self._parts.signaling.offer(offer, session)
        except ServiceError as error:
            self._refusal = error
        finally:
            self._answered.set()
        if self._released:
            await self._hang_up()

    async def _hang_up(self) -> None:
        if self.call_id is not None:
            await self._parts.signaling.hang_up(self.call_id)

    # The data channel

    async def _watch_channel(self, peer: Peer) -> None:
        if await peer.channel_open():
            self._host.talk.mark("data_channel_open")
            self.lines.flush()
            return
        if peer.is_over:
            return
        self.channel_failed = True
        if self._needs_channel:
            self._host.stop(UnreachableError("The service's data channel does not open."))
        else:
            log.warning("the data channel does not open; going on with the sideband alone")

    async def _watch_lines(self) -> None:
        """End a call in which nothing can be said or heard but sound; let nothing wait for ever."""
        clock = asyncio.get_running_loop().time
        open_at = moving_at = clock()
        while True:
            await asyncio.sleep(_LOOK)
            if self.lines.any_open:
                open_at = clock()
            elif clock() - open_at >= SPEECHLESS_LIMIT:
                self._host.stop(UnreachableError("The service's events do not arrive any more."))
                return
            if not self.lines.stuck:
                moving_at = clock()
            elif clock() - moving_at >= STUCK_LIMIT:
                self.lines.drop_first()

    def _lost(self) -> None:
        self._host.failed(NOT_SENT)

    def _by_channel(self, message: str) -> bool:
        return self._peer is not None and self._peer.send(message)

    # The sideband

    def _open_sideband(self, call_id: str | None) -> None:
        if call_id is None:
            log.warning("the service names no call; going on with the data channel alone")
            return
        service = self._parts.service
        self._sideband = Sideband(service.base_url, call_id, self._parts.key, listener=self)
        self._host.start(self._sideband.run(), "sideband")
        self._host.start(self._miss_sideband(self._sideband), "sideband watch")

    async def _miss_sideband(self, sideband: Sideband) -> None:
        await asyncio.sleep(SIDEBAND_PATIENCE)
        if not sideband.is_open:
            log.warning("the sideband does not open; tools and photos take the data channel")

    def _by_sideband(self, message: str) -> bool:
        return self._sideband is not None and self._sideband.send(message)

    @override
    def sideband_opened(self) -> str:
        self._host.talk.mark("sideband_open")
        asyncio.get_running_loop().call_soon(self.lines.flush)  # after this one
        return self._host.talk.session()

    @override
    def sideband_received(self, message: str) -> None:
        self._host.talk.received(message, "sideband")

    @override
    def sideband_closed(self, closed: Closed) -> bool:
        if closed.expired:
            self._host.stop(ClosedError("The session reached its longest duration."))
            return False
        if self._sideband is not None and closed.opened:
            unsent = self._sideband.take_unsent()
            self.lines.hold_again([*self._host.talk.unanswered(unsent), *unsent])
        return True
