"""Watches for signs of life of the service: silence is no failure, nothing at all is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from appliance.call.peer import Received

TICK = 0.5  # s between looks
PROBE_AFTER = 1.0  # s without a packet; then the service is asked, as Chrome asks weak connections
LOST_AFTER = 2.5  # s; a person is told after 3, the time to ask "are you there?"


@dataclass(slots=True)
class Signs:
    """Folds packet counts into whether the service is heard - pure. Times in seconds."""

    heard_at: float
    rtp_at: float
    looked_at: float
    last: Received = field(default_factory=Received)
    speaking: bool = False

    def look(self, received: Received, now: float, *, speaking: bool) -> None:
        """Take in the counts. `speaking`: the service says that its voice is being sent."""
        late = max(now - self.looked_at - 2 * TICK, 0.0)
        self.looked_at = now
        # If we could not look, the machine slept or was busy: what came meanwhile is not read yet.
        self.heard_at += late
        self.rtp_at += late
        if received.packets != self.last.packets:
            self.heard_at = now
        if received.rtp != self.last.rtp or (speaking and not self.speaking):
            self.rtp_at = now
        self.last, self.speaking = received, speaking

    def answered(self, now: float) -> None:
        """Take in an answer to a probe."""
        self.heard_at = now

    def quiet(self, now: float) -> float:
        """Return for how long nothing at all has come."""
        return now - self.heard_at

    def is_lost(self, now: float) -> bool:
        """Whether the service is gone, or its voice is."""
        voiceless = self.speaking and now - self.rtp_at >= LOST_AFTER
        return voiceless or self.quiet(now) >= LOST_AFTER


class Watched(Protocol):
    """What is asked of a peer."""

    async def received(self) -> Received:
        """Return what has come so far."""
        ...

    async def is_reachable(self) -> bool:
        """Ask the service for a sign of life."""
        ...


async def watch(peer: Watched, speaking: Callable[[], bool], tell: Callable[[bool], None]) -> None:
    """Watch a connected peer for ever; `tell(lost)` at each change. Cancelling is safe."""
    clock = asyncio.get_running_loop().time
    signs = Signs(clock(), clock(), clock())
    lost = False

    async def ask() -> None:
        if await peer.is_reachable():
            signs.answered(clock())

    async with asyncio.TaskGroup() as tasks:
        asking: asyncio.Task[None] | None = None  # beside the looks: it may take three of them
        while True:
            await asyncio.sleep(TICK)
            signs.look(await peer.received(), clock(), speaking=speaking())
            if signs.quiet(clock()) >= PROBE_AFTER and (asking is None or asking.done()):
                asking = tasks.create_task(ask(), name="probe")
            if signs.is_lost(clock()) != lost:
                lost = not lost
                tell(lost)
