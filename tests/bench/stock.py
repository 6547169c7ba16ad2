"""A stock aiortc call, to compare with: `python -m tests.bench.stock BASE_URL` makes one call.

With a microphone's and a speaker's WAV behind it, and seconds, it speaks and listens for so long;
`out` is then when each 10 ms of the speaker's was played.
"""

import asyncio
import json
import sys
import time
import wave
from contextlib import suppress
from pathlib import Path

import aiohttp
import aioice.ice
import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack

from tests.bench.weigh import resident

RATE = 48_000
BLOCK = 0.01  # s


class Card:
    """A sound card of files on one clock, and what a simple client puts between it and aiortc."""

    def __init__(self, microphone: Path, speaker: Path) -> None:
        with wave.open(str(microphone)) as file:
            self.near = file.readframes(file.getnframes())
        self.far = bytearray()  # waits for the card
        self.played = bytearray()
        self.out: list[float] = []  # when each 10 ms of it was played
        self.began = asyncio.get_running_loop().time()
        self._speaker = speaker

    async def run(self) -> None:
        """Play what there is, every 10 ms."""
        loop, size = asyncio.get_running_loop(), int(BLOCK * RATE) * 2
        while True:
            await asyncio.sleep(self.began + len(self.out) * BLOCK - loop.time())
            self.played += bytes(self.far[:size]).ljust(size, b"\0")
            self.out.append(loop.time())
            del self.far[:size]

    def close(self) -> None:
        """Write what was played to the speaker's file."""
        with wave.open(str(self._speaker), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(self.played)

    async def listen(self, track: MediaStreamTrack) -> None:
        """Put what the track gives into the queue to the card."""
        with suppress(MediaStreamError):
            while isinstance(frame := await track.recv(), av.AudioFrame):
                wide = bytes(frame.planes[0])[: frame.samples * 4]  # stereo, both the same
                self.far += b"".join(wide[at : at + 2] for at in range(0, len(wide), 4))


class Microphone(MediaStreamTrack):
    """The microphone's file, on the card's clock."""

    kind = "audio"

    def __init__(self, card: Card) -> None:
        super().__init__()
        self._card = card
        self._number = -1

    async def recv(self) -> av.AudioFrame:
        """Return the 20 ms that are over now."""
        loop = asyncio.get_running_loop()
        if self._number < 0:
            self._number = int((loop.time() - self._card.began) / 0.02)
        self._number += 1
        await asyncio.sleep(self._card.began + self._number * 0.02 - loop.time())
        sound = self._card.near[(self._number - 1) * 1920 : self._number * 1920]
        frame = av.AudioFrame("s16", "mono", 960)
        frame.planes[0].update(sound.ljust(1920, b"\0"))
        frame.sample_rate = RATE
        frame.pts = self._number * 960
        return frame


async def main(base_url: str, *files: str) -> None:
    """Dial, wait for session.created, stay, hang up; print the memory in the call."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    seconds = float(files[2]) if files else 1.0  # our own call is as old when it is weighed
    card = Card(Path(files[0]), Path(files[1])) if files else None
    async with asyncio.TaskGroup() as tasks:
        running = []
        if card is not None:
            running.append(tasks.create_task(card.run()))
            heard = card.listen
            peer.on("track", lambda track: running.append(tasks.create_task(heard(track))))
        peer.addTrack(AudioStreamTrack() if card is None else Microphone(card))
        await _dialled(peer, base_url)
        await asyncio.sleep(seconds)
        told = {"resident": resident(), "at": time.monotonic()}
        print(json.dumps(told | {"out": card.out if card is not None else []}))
        for task in running:
            task.cancel()
        await peer.close()
    if card is not None:
        card.close()


async def _dialled(peer: RTCPeerConnection, base_url: str) -> None:
    """Offer, take the answer, and wait until the service has greeted."""
    channel = peer.createDataChannel("oai-events")
    created = asyncio.Event()
    channel.on("message", lambda _: created.set())
    await peer.setLocalDescription(await peer.createOffer())
    form = aiohttp.FormData()
    form.add_field("sdp", peer.localDescription.sdp, content_type="application/sdp")
    form.add_field("session", '{"type": "realtime"}', content_type="application/json")
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-bench"}) as client:
        async with client.post(f"{base_url}/realtime/calls", data=form) as response:
            answer = RTCSessionDescription(await response.text(), "answer")
        await peer.setRemoteDescription(answer)
        async with asyncio.timeout(20):
            await created.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
