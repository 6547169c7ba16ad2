"""pipecat as a WebSocket client of the bare service; prints what it takes."""

import asyncio
import json
import sys
import time

from pipecat.frames.frames import InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from tests.bench.session import RATE, spoken


class Watched(OpenAIRealtimeLLMService):
    """Says when the session is there."""

    created: asyncio.Event

    async def _handle_evt_session_created(self, evt: object) -> None:
        await super()._handle_evt_session_created(evt)
        self.created.set()


async def main(base_url: str, microphone: str) -> None:
    url = base_url.replace("http", "ws", 1) + "/realtime"
    began = time.monotonic()
    service = Watched(api_key="sk-bench", base_url=url)
    service.created = asyncio.Event()
    task = PipelineTask(Pipeline([service]))
    running = asyncio.ensure_future(PipelineRunner(handle_sigint=False).run(task))
    async with asyncio.timeout(40):
        await service.created.wait()
        connected = time.monotonic() - began

        async def send(sound: bytes) -> None:
            await task.queue_frame(
                InputAudioRawFrame(audio=sound, sample_rate=RATE, num_channels=1)
            )

        found = await spoken(send, microphone)
        print(json.dumps(found | {"connect": connected}))
        await task.cancel()
        await running


asyncio.run(main(*sys.argv[1:]))
