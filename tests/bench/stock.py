"""A stock aiortc call, to compare with: `python -m tests.bench.stock BASE_URL` makes one call."""

import asyncio
import json
import sys
import time

import aiohttp
import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from tests.bench.weigh import resident


async def main(base_url: str) -> None:
    """Dial, wait for session.created, stay a second, hang up; print the memory in the call."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(AudioStreamTrack())
    channel = peer.createDataChannel("oai-events")
    created = asyncio.Event()
    channel.on("message", lambda _: created.set())
    await peer.setLocalDescription(await peer.createOffer())
    form = aiohttp.FormData()
    form.add_field("sdp", peer.localDescription.sdp, content_type="application/sdp")
    form.add_field("session", '{"type": "realtime"}', content_type="application/json")
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer sk-bench"}) as client,
        asyncio.timeout(20),
    ):
        async with client.post(f"{base_url}/realtime/calls", data=form) as response:
            answer = RTCSessionDescription(await response.text(), "answer")
        await peer.setRemoteDescription(answer)
        await created.wait()
        await asyncio.sleep(1)  # as long as our own call has lived when it is weighed
        print(json.dumps({"resident": resident(), "at": time.monotonic()}))
        await peer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
