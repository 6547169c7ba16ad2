"""The Agents SDK with a tool: `URL [CALL_ID]`, typed request; runs in .venv-interop.

With a call id it is the sideband of that call, without one a WebSocket session of its own. Prints
one JSON object with the arguments of the tool and the words of the answer.
"""

import asyncio
import json
import sys
from typing import Any

from agents import function_tool  # type: ignore[import-not-found]  # in .venv-interop only
from agents.realtime import RealtimeAgent, RealtimeRunner  # type: ignore[import-not-found]
from agents.realtime.openai_realtime import (  # type: ignore[import-not-found]
    OpenAIRealtimeSIPModel,
    OpenAIRealtimeWebSocketModel,
)

PATIENCE = 40.0  # seconds; the machine may be busy
called: list[dict[str, float]] = []


@function_tool  # type: ignore[untyped-decorator]  # in .venv-interop only
def delayed_add(a: float, b: float) -> str:
    """Adds two numbers."""
    called.append({"a": a, "b": b})
    return json.dumps({"sum": a + b})


async def main(url: str, call_id: str | None) -> None:
    """Ask once and wait for the answer that follows the tool."""
    config: dict[str, Any] = {"api_key": "sk-test"}
    socket = f"{url.replace('http', 'ws', 1)}/realtime"
    if call_id:
        model = OpenAIRealtimeSIPModel()
        config |= {"call_id": call_id, "url": f"{socket}?call_id={call_id}"}
    else:
        model = OpenAIRealtimeWebSocketModel()
        config |= {"url": f"{socket}?model=gpt-realtime-2.1"}
    agent = RealtimeAgent(name="adder", instructions="Be brief.", tools=[delayed_add])
    session = await RealtimeRunner(agent, model=model).run(model_config=config)
    answer, sound = "", 0
    async with asyncio.timeout(PATIENCE), session:
        await session.send_message("add two and five slowly")
        async for event in session:
            if event.type == "audio":
                sound += len(event.audio.data)
            if event.type == "error":
                raise RuntimeError(str(event.error))
            data: Any = getattr(event, "data", None)
            if data is not None and data.type == "raw_server_event":
                raw = data.data
                if raw["type"] == "response.output_audio_transcript.done":
                    answer = raw["transcript"]
                if raw["type"] == "response.done" and called and "seven" in answer:
                    break
    print(json.dumps({"called": called, "answer": answer, "sound": sound}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
