"""The answering peer alone: what is left of it after its end."""

import asyncio

import pytest
from aiortc import AudioStreamTrack, RTCConfiguration, RTCDataChannel, RTCPeerConnection

from appliance.emulator.peer import Events, Peer
from appliance.emulator.playout import Playout

pytestmark = pytest.mark.usefixtures("no_leftover_tasks")


class Nobody(Events):
    def connected(self) -> None: ...

    def disconnected(self, reason: str) -> None: ...

    def channel_opened(self, channel: RTCDataChannel) -> None: ...

    def sound(self, pcm48k: bytes) -> None: ...


async def test_a_peer_closed_while_it_waits_for_its_client_leaves_nothing_running() -> None:
    client = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    client.addTrack(AudioStreamTrack())
    client.createDataChannel("oai-events")
    await client.setLocalDescription(await client.createOffer())
    peer = Peer(Playout(lambda _: None, lambda _: None), None, Nobody(), "u0/abc")
    try:
        await peer.answer(client.localDescription.sdp, 1, 1)
        await asyncio.sleep(0)  # a turn of the loop: connecting begins
        assert peer.state == "connecting"
    finally:
        await client.close()
        await peer.close()
