"""openai-agents as a WebSocket client of the bare service; prints memory and connect time."""

import asyncio
import json
import sys
import time

from agents.realtime import RealtimeAgent, RealtimeRunner

from tests.bench.weigh import resident


async def main(base_url: str) -> None:
    imported = resident()
    url = base_url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime-2.1"
    runner = RealtimeRunner(RealtimeAgent(name="bench", instructions="Be brief."))
    began = time.monotonic()
    session = await runner.run(model_config={"url": url, "api_key": "sk-bench"})
    async with session, asyncio.timeout(20):
        connected = time.monotonic() - began
        await session.send_message("hello")
        async for event in session:
            if event.type == "audio":
                break
        await asyncio.sleep(1)
        print(json.dumps({"imported": imported, "resident": resident(), "connect": connected}))


asyncio.run(main(sys.argv[1]))
