"""pipecat as a WebSocket client of the bare service; prints memory and connect time."""

import asyncio
import json
import sys
import time

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from tests.bench.weigh import resident


class Watched(OpenAIRealtimeLLMService):
    """Says when the session is there."""

    created: asyncio.Event

    async def _handle_evt_session_created(self, evt: object) -> None:
        await super()._handle_evt_session_created(evt)
        self.created.set()


async def main(base_url: str) -> None:
    imported = resident()
    url = base_url.replace("http", "ws", 1) + "/realtime"
    began = time.monotonic()
    service = Watched(api_key="sk-bench", base_url=url)
    service.created = asyncio.Event()
    task = PipelineTask(Pipeline([service]))
    running = asyncio.ensure_future(PipelineRunner(handle_sigint=False).run(task))
    async with asyncio.timeout(20):
        await service.created.wait()
        connected = time.monotonic() - began
        await asyncio.sleep(1)
        print(json.dumps({"imported": imported, "resident": resident(), "connect": connected}))
        await task.cancel()
        await running


asyncio.run(main(sys.argv[1]))
