"""livekit-agents as a WebSocket client of the bare service; prints what it takes."""

import asyncio
import json
import sys
import time

from livekit import rtc
from livekit.plugins import openai

from tests.bench.session import RATE, spoken


async def main(base_url: str, microphone: str) -> None:
    began = time.monotonic()
    model = openai.realtime.RealtimeModel(
        base_url=base_url, api_key="sk-bench", model="gpt-realtime-2.1"
    )
    session = model.session()
    created = asyncio.Event()
    session.on("openai_server_event_received", lambda _: created.set())
    async with asyncio.timeout(40):
        await created.wait()
        connected = time.monotonic() - began

        async def send(sound: bytes) -> None:
            session.push_audio(rtc.AudioFrame(sound, RATE, 1, len(sound) // 2))

        found = await spoken(send, microphone)
        print(json.dumps(found | {"connect": connected}))
        await session.aclose()
        await model.aclose()


asyncio.run(main(*sys.argv[1:]))
