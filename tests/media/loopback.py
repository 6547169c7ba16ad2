"""Two real aiortc peers in this process, on loopback only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aioice.ice
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection

from appliance.media.packet import Packet
from appliance.media.tap import tap


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets aioice use 127.0.0.1, which it drops by itself, and nothing else."""

    def only_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return ["127.0.0.1"] if use_ipv4 else []

    monkeypatch.setattr(aioice.ice, "get_host_addresses", only_loopback)


@asynccontextmanager
async def call(track: MediaStreamTrack, deliver: Callable[[Packet], None]) -> AsyncIterator[None]:
    """Send `track` from one peer to another, whose packets are tapped; yields once connected."""
    here, there = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    connected = asyncio.Event()
    there.on("connectionstatechange", lambda: _tell(there, connected))
    try:
        here.addTrack(track)
        await here.setLocalDescription(await here.createOffer())
        await there.setRemoteDescription(here.localDescription)
        tap(there.getTransceivers()[0].receiver, deliver)
        await there.setLocalDescription(await there.createAnswer())
        await here.setRemoteDescription(there.localDescription)
        async with asyncio.timeout(15):
            await connected.wait()
        yield
    finally:
        await here.close()
        await there.close()


def _tell(peer: RTCPeerConnection, connected: asyncio.Event) -> None:
    if peer.connectionState == "connected":
        connected.set()
