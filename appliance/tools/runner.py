"""Runs tool calls: each once, a few at a time, in bounded time, with a bounded answer."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Sequence

from typing_extensions import override

from appliance.config import ToolsConfig
from appliance.errors import ApplianceError
from appliance.ports import Tools
from appliance.realtime.session import ToolSpec
from appliance.realtime.tool_calls import ToolCall
from appliance.tools.registry import Registry, Tool

ARGUMENTS_LIMIT = 64 * 1024  # bytes of JSON; more than a model writes on purpose
OUTPUT_LIMIT = 16 * 1024  # bytes of JSON; about 4,000 tokens, which every later answer pays for
PARALLEL_LIMIT = 4  # tools at once; a Raspberry Pi has four cores
REMEMBERED = 64  # answers kept to give again; with OUTPUT_LIMIT at most 1 MB

log = logging.getLogger(__name__)


class Runner(Tools):
    """Runs the tools of one appliance. Every failure becomes an answer the model can explain."""

    def __init__(self, registry: Registry, config: ToolsConfig) -> None:
        """`config.timeout`: seconds for a tool that names no limit of its own."""
        self._registry = registry
        self._timeout = config.timeout
        self._answers: OrderedDict[str, asyncio.Future[str]] = OrderedDict()
        self._slots = asyncio.Semaphore(PARALLEL_LIMIT)

    @override
    def specs(self) -> Sequence[ToolSpec]:
        return self._registry.specs()

    @override
    async def run(self, call: ToolCall) -> str:
        """Run a tool, or give the answer again that this `call_id` got before.

        A call that was cancelled stays so: its tool may have done half of its work.
        """
        if (known := self._answers.get(call.call_id)) is not None:
            return await asyncio.shield(known)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._remember(call.call_id, answer)
        try:
            async with self._slots:
                output = await self._run(call)
        except BaseException:
            answer.set_result(failure("cancelled", "The tool was stopped before it was done."))
            raise
        answer.set_result(output)
        return output

    async def _run(self, call: ToolCall) -> str:
        try:
            if len(call.arguments) > ARGUMENTS_LIMIT:
                return failure("bad_arguments", "The arguments are too long.")
            tool = self._registry.get(call.name)
            return bounded(await self._call(tool, call.arguments))
        except TimeoutError:
            log.warning("the tool took too long", extra={"TOOL": call.name})
            return failure("timeout", "The tool took too long and was stopped.")
        except ApplianceError as error:
            log.debug("the tool refused: %s", error, extra={"TOOL": call.name})
            return failure("failed", str(error))
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            return failure("failed", "The tool stopped itself.")
        except (Exception, SystemExit) as error:  # bulkhead: a tool call
            log.warning("the tool failed", exc_info=True, extra={"TOOL": call.name})
            return failure("failed", f"The tool failed unexpectedly ({type(error).__name__}).")

    async def _call(self, tool: Tool, arguments: str) -> object:
        """Run the function. A TimeoutError of its own is not ours."""
        limit = self._timeout if tool.timeout is None else tool.timeout
        async with asyncio.timeout(limit) as deadline:
            try:
                return await tool.call(arguments)
            except TimeoutError as error:
                if deadline.expired():
                    raise
                raise RuntimeError("a wait inside the tool ran out") from error

    def _remember(self, call_id: str, answer: asyncio.Future[str]) -> None:
        self._answers[call_id] = answer
        if len(self._answers) > REMEMBERED:
            # Running ones stay: forgetting them could run them twice.
            old = next((key for key, future in self._answers.items() if future.done()), None)
            if old is not None:
                del self._answers[old]


def bounded(result: object) -> str:
    """Return the result as JSON of at most OUTPUT_LIMIT bytes, cut and marked if need be.

    Raises TypeError or ValueError if it is no JSON: an object of ours, NaN, a circle, a lone
    surrogate. RecursionError if it is too deep.
    """
    text = result[: OUTPUT_LIMIT + 1] if isinstance(result, str) else result
    parts: list[str] = []
    size = 0
    for part in json.JSONEncoder(ensure_ascii=False, allow_nan=False).iterencode(text):
        parts.append(part)
        size += len(part)
        if size > OUTPUT_LIMIT:
            break
    encoded = "".join(parts)
    if len(encoded.encode()) <= OUTPUT_LIMIT:
        return encoded
    return _cut(result if isinstance(result, str) else encoded)


def failure(code: str, message: str) -> str:
    """Return an error answer. The model reads `message` and explains it."""
    clean = message.encode(errors="replace").decode()[:1000]
    return json.dumps({"error": {"code": code, "message": clean}}, ensure_ascii=False)


def _cut(text: str) -> str:
    keep = OUTPUT_LIMIT
    while True:
        answer = json.dumps({"truncated": True, "text": text[:keep]}, ensure_ascii=False)
        size = len(answer.encode())
        if size <= OUTPUT_LIMIT:
            return answer
        keep = keep * OUTPUT_LIMIT // size - 1


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
