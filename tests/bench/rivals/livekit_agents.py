"""livekit-agents as a WebSocket client of the bare service; prints memory and connect time."""

import asyncio
import json
import sys
import time

from livekit.plugins import openai

from tests.bench.weigh import resident


async def main(base_url: str) -> None:
    imported = resident()
    began = time.monotonic()
    model = openai.realtime.RealtimeModel(
        base_url=base_url, api_key="sk-bench", model="gpt-realtime-2.1"
    )
    session = model.session()
    created = asyncio.Event()
    session.on("openai_server_event_received", lambda _: created.set())
    async with asyncio.timeout(20):
        await created.wait()
        connected = time.monotonic() - began
        await asyncio.sleep(1)
        print(json.dumps({"imported": imported, "resident": resident(), "connect": connected}))
        await session.aclose()
        await model.aclose()


asyncio.run(main(sys.argv[1]))
