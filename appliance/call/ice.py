"""What aioice's agent lacks for us: loopback, no pause, a heart-beat in silence, a clean end."""

import asyncio
from typing import Any

from aioice import Candidate
from aioice.ice import CandidatePair
from aioice.stun import TransactionError
from aiortc import RTCIceTransport, RTCSctpTransport

LOOPBACK = "127.0.0.1"
SETTLE_TIMEOUT = (
    0.5  # s; after its end a connect() in flight needs one pause of 20 ms (aioice 0.13)
)
_TURNS = 8  # of the loop, for what follows connect() inside aiortc
# Bytes that asyncio makes room for before each datagram: no DTLS record has more than 18 KB (RFC
# 6347, 4.1), no RTP packet as many. Its own 256 KiB glibc maps and unmaps each time: 16 us.
_ROOM = 32 * 1024


class IceAgent:
    """Watches over the one ICE agent of a peer connection, from before it gathers to its end."""

    def __init__(self, transport: RTCIceTransport, *, loopback: bool) -> None:
        """`loopback`: offer 127.0.0.1 too, which aioice leaves out by itself."""
        # aiortc shows the agent nowhere. We only wrap methods with public names.
        self._agent = transport._connection  # noqa: SLF001
        self._retired = False
        self._gathering = asyncio.Event()  # cleared while it works
        self._connecting = asyncio.Event()
        self._found = asyncio.Event()  # a path, or that there is none
        self._gathering.set()
        self._connecting.set()
        self.guard(transport)
        self._gather = self._agent.gather_candidates
        self._connect = self._agent.connect
        self._check_complete = self._agent.check_complete
        self._query_consent = self._agent.query_consent
        self._close = self._agent.close
        self._candidates = self._agent.get_component_candidates
        setattr(self._agent, "gather_candidates", self._gather_shielded)  # noqa: B010
        setattr(self._agent, "connect", self._connect_at_once)  # noqa: B010
        setattr(self._agent, "check_complete", self._check_complete_told)  # noqa: B010
        setattr(self._agent, "query_consent", self._query_consent_until_retired)  # noqa: B010
        setattr(self._agent, "close", self._close_for_good)  # noqa: B010
        if loopback:
            setattr(self._agent, "get_component_candidates", self._with_loopback)  # noqa: B010

    async def is_reachable(self) -> bool:
        """Ask the other side for a sign of life, as ICE does to keep a path open; ≤ 1.5 s.

        Between its answers the service may send nothing at all, and consent (RFC 7675) is asked
        for only every 5 s. A STUN binding request must always be answered (RFC 8445, 7.3).
        """
        pair = self._agent._nominated.get(1)  # noqa: SLF001 - the path in use has no public name
        password = self._agent.remote_password
        if pair is None or password is None:
            return False
        request = self._agent.build_request(pair, nominate=False)
        try:
            await pair.protocol.request(
                request, pair.remote_addr, integrity_key=password.encode(), retransmissions=1
            )
        except (TransactionError, ConnectionError):
            return False
        return True

    def guard(self, part: RTCIceTransport | RTCSctpTransport) -> None:
        """Let this part of the peer connection not start any more once we are retired.

        aiortc 1.16 starts one after the other on a task that nobody awaits, also when it has been
        closed meanwhile. Then that task fails, for the log alone, or what it starts never ends.
        """
        start = part.start

        async def start_unless_retired(*arguments: Any) -> None:  # noqa: ANN401 - as it takes
            if not self._retired:
                await start(*arguments)

        setattr(part, "start", start_unless_retired)  # noqa: B010 - so is mypy content

    def retire(self) -> None:
        """Say, before the peer connection is closed, that nothing new may begin."""
        self._retired = True

    async def gathered(self) -> None:
        """Return when no gathering is in flight: only at its end aioice knows its sockets."""
        await self._gathering.wait()

    async def settled(self) -> None:
        """Return when what was in flight at the close has ended; at most SETTLE_TIMEOUT."""
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT):
                await self._connecting.wait()
        except TimeoutError:
            return
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def _gather_shielded(self) -> None:
        self._gathering.clear()
        await asyncio.shield(self._gather_to_the_end())

    async def _gather_to_the_end(self) -> None:
        try:
            await self._gather()
        finally:
            self._gathering.set()

    async def _connect_at_once(self) -> None:
        """Return once there is a path, or raise ConnectionError.

        aioice 0.13 pauses for 20 ms after each check, also after the one that finds the path, and
        DTLS would wait for that. So its end comes behind.
        """
        self._connecting.clear()
        ended = asyncio.shield(self._connect_to_the_end())
        ended.add_done_callback(lambda _: self._found.set())
        await self._found.wait()
        if ended.done():
            ended.result()
        if self._retired:
            raise ConnectionError("closed while connecting")

    async def _connect_to_the_end(self) -> None:
        try:
            await self._connect()
        finally:
            self._connecting.set()

    def _check_complete_told(self, pair: CandidatePair) -> None:
        self._check_complete(pair)
        if chosen := self._agent._nominated.get(1):  # noqa: SLF001 - as in is_reachable
            setattr(chosen.protocol.transport, "max_size", _ROOM)  # noqa: B010 - typeshed has none
            self._found.set()

    async def _query_consent_until_retired(self) -> None:
        # A close() that meets connect() at its end cannot cancel this task: it is made after it,
        # and would ask for consent for ever (aioice 0.13, Connection.connect and close).
        if not self._retired:
            await self._query_consent()

    async def _close_for_good(self) -> None:
        self._retired = True  # aiortc closes by itself too, once the other side has
        await self._close()

    async def _with_loopback(self, component: int, addresses: list[str]) -> list[Candidate]:
        return await self._candidates(component, [*addresses, LOOPBACK])
