"""The official SDK as the sideband of a call: `URL CALL_ID`; runs in .venv-interop.

Registers a tool, types a request, runs the tool, waits for the answer. Prints one JSON object:
{"types": [...], "arguments": ..., "answer": ...}. Exit code 0 only if the round is complete.
"""

import asyncio
import json
import sys

from openai import AsyncOpenAI  # type: ignore[import-not-found]  # in .venv-interop only

TOOL = {
    "type": "function",
    "name": "delayed_add",
    "description": "Adds two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}
QUESTION = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "add two and five slowly"}],
}
PATIENCE = 30.0  # seconds; the machine may be busy


async def main(url: str, call_id: str) -> None:
    """Attach and complete the round."""
    client = AsyncOpenAI(
        api_key="sk-test", base_url=url, websocket_base_url=url.replace("http", "ws", 1)
    )
    types: list[str] = []
    arguments = answer = ""
    async with asyncio.timeout(PATIENCE), client.realtime.connect(call_id=call_id) as connection:
        await connection.session.update(session={"type": "realtime", "tools": [TOOL]})
        async for event in connection:
            types.append(event.type)
            if event.type == "session.updated":
                await connection.conversation.item.create(item=QUESTION)
                await connection.response.create()
            elif event.type == "response.function_call_arguments.done":
                arguments = event.arguments
                await connection.conversation.item.create(
                    item={
                        "type": "function_call_output",
                        "call_id": event.call_id,
                        "output": json.dumps({"sum": 7}),
                    }
                )
            elif event.type == "response.output_audio_transcript.done":
                answer = event.transcript
            elif event.type == "response.done":
                if types.count("response.done") > 1:
                    break
                await connection.response.create()
    print(json.dumps({"types": types, "arguments": arguments, "answer": answer}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
