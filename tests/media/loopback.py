"""Two real aiortc peers in this process, on loopback only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aioice.ice
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets aioice use 127.0.0.1, which it drops by itself, and nothing else."""

    def only_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return ["127.0.0.1"] if use_ipv4 else []

    monkeypatch.setattr(aioice.ice, "get_host_addresses", only_loopback)


@asynccontextmanager
async def call(track: MediaStreamTrack) -> AsyncIterator[MediaStreamTrack]:
    """Send `track` from one peer to another; yields what the other receives."""
    here, there = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    arrived: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
    there.on("track", arrived.set_result)
    try:
        here.addTrack(track)
        await here.setLocalDescription(await here.createOffer())
        await there.setRemoteDescription(here.localDescription)
        await there.setLocalDescription(await there.createAnswer())
        await here.setRemoteDescription(there.localDescription)
        async with asyncio.timeout(15):
            yield await arrived
    finally:
        await here.close()
        await there.close()
