"""openai-agents as a WebSocket client of the bare service; prints what it takes."""

import asyncio
import json
import sys
import time

from agents.realtime import RealtimeAgent, RealtimeRunner

from tests.bench.session import spoken


async def main(base_url: str, microphone: str) -> None:
    url = base_url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime-2.1"
    runner = RealtimeRunner(RealtimeAgent(name="bench", instructions="Be brief."))
    began = time.monotonic()
    session = await runner.run(model_config={"url": url, "api_key": "sk-bench"})
    async with session, asyncio.timeout(40):
        connected = time.monotonic() - began
        await session.send_message("hello")
        async for event in session:
            if event.type == "audio":
                break
        found = await spoken(session.send_audio, microphone)
        print(json.dumps(found | {"connect": connected}))


asyncio.run(main(*sys.argv[1:]))
