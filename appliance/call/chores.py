"""What goes on beside the talk of a call: the model's tools, and the goodbye it asked for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from appliance.call.talk import Talk
from appliance.ports import Tools
from appliance.realtime.tool_calls import ToolCall
from appliance.tools.runner import failure

GOODBYE_TIMEOUT = 15.0  # s for the last answer after the model asked to end the call
GOODBYE_PAUSE = 0.7  # s of quiet after which nothing more is coming
TOOLS_PENDING = 32  # tool calls begun and not answered; a model asks for one to four at a time

Start: TypeAlias = Callable[[Coroutine[Any, Any, None], str], None]

log = logging.getLogger(__name__)


class Chores:
    """Runs tools and says goodbye, each as a job of the call."""

    def __init__(self, talk: Talk, tools: Tools, start: Start) -> None:
        """`start`: runs a job, by name, until the call ends."""
        self._talk = talk
        self._tools = tools
        self._start = start
        self._pending = 0
        self.leaving = False
        """Whether the model has asked for the end of the call."""
        self.tools_run = 0

    def run_tool(self, call: ToolCall) -> None:
        """Run a tool; its output goes to the talk. Beyond TOOLS_PENDING it is refused."""
        if self._pending >= TOOLS_PENDING:
            self._talk.tool_done(call, failure("busy", "Too many tools are running."))
            return
        self._pending += 1
        self._start(self._run(call), f"tool {call.name[:64]}")

    def leave(self, hang_up: Callable[[], None]) -> None:
        """Call `hang_up` when the assistant's last words have been spoken, or take too long."""
        if not self.leaving:
            self.leaving = True
            self._start(self._leave(hang_up), "goodbye")

    async def _run(self, call: ToolCall) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        self._talk.mark("tool_started", tool=call.name)
        try:
            output = await self._tools.run(call)
        finally:
            self._pending -= 1
        self.tools_run += 1
        self._talk.mark("tool_done", tool=call.name, seconds=clock() - began)
        self._talk.tool_done(call, output)

    async def _leave(self, hang_up: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT):
                while not await self._stays_quiet():
                    await self._change()
        except TimeoutError:
            log.debug("% the goodbye takes too long")
        hang_up()

    async def _stays_quiet(self) -> bool:
        try:
            async with asyncio.timeout(GOODBYE_PAUSE):
                while self._talk.is_quiet():
                    await self._change()
        except TimeoutError:
            return True
        return False

    async def _change(self) -> None:
        self._talk.changed.clear()
        await self._talk.changed.wait()
