"""The one call there is: made, spoken to and ended, whatever it does."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable

from appliance.core.model import Problem
from appliance.core.problems import first_of, problem_of
from appliance.messages import PROBLEMS
from appliance.ports import Call

CANCEL_LIMIT = 3  # cancellations a call may ignore; then only a new process frees the microphone

log = logging.getLogger(__name__)


class StuckCallError(RuntimeError):
    """A call ignores every cancellation; only the end of the process releases what it holds."""


class RunningCall:
    """A call in a task of its own, a bulkhead: whatever happens inside becomes one `ended`.

    Loop thread only.
    """

    def __init__(
        self,
        call_no: int,
        make: Callable[[], Awaitable[Call]],
        tasks: asyncio.TaskGroup,
        ended: Callable[[Problem | None], None],
    ) -> None:
        """Begin to make the call, and run it then.

        `make`: may take its time, and raise; cancelling is safe. `ended`: told once, when the call
        holds nothing any more, with what it ended of if not by itself or as asked.
        """
        self.call_no = call_no
        self._call: Call | None = None  # until it is made
        self._untold: list[Callable[[Call], None]] = []
        self._cancels = 0
        self._broken: Problem | None = None
        self._ended = ended
        self._task = tasks.create_task(self._run(make), name=f"call-{call_no}")
        # A callback, because a task cancelled before its first step never reaches a `finally`.
        self._task.add_done_callback(self._done)

    def tell(self, tell: Callable[[Call], None]) -> None:
        """Have `tell` speak to the call, once it is made."""
        if self._call is None:
            self._untold.append(tell)
            return
        try:
            tell(self._call)
        except Exception as error:  # noqa: BLE001 - bulkhead: a call that breaks when spoken to
            self._broken = self._broken or report(self.call_no, error)
            self._task.cancel()

    def close(self) -> None:
        """Ask for the end. What is not made yet never will be."""
        if self._call is None:
            self._cancel()
        else:
            self.tell(lambda call: call.close())

    def cut(self) -> None:
        """End a call that was asked to, and does not.

        Raises StuckCallError after CANCEL_LIMIT times in vain.
        """
        if self._cancels >= CANCEL_LIMIT:
            raise StuckCallError(f"call {self.call_no} ignores its end")
        log.warning("The call had to be cut off.", extra={"CALL_NO": self.call_no})
        self._cancel()

    def _cancel(self) -> None:
        self._cancels += 1
        self._task.cancel()

    async def _run(self, make: Callable[[], Awaitable[Call]]) -> Problem | None:
        try:
            call = await make()
            while self._untold:
                self._untold.pop(0)(call)
            self._call = call
            await call.run()
        except Exception as error:  # noqa: BLE001 - bulkhead: a call ends, the appliance goes on
            return report(self.call_no, error)
        return None

    def _done(self, task: "asyncio.Task[Problem | None]") -> None:
        problem = self._broken
        if not task.cancelled() and task.exception() is None:
            problem = problem or task.result()
        elif problem is None and not self._cancels:
            problem = problem_of(asyncio.CancelledError())
        self._ended(problem)


def report(call_no: int, error: Exception) -> Problem:
    """Log the error and return it as a problem.

    A bug leaves its trace, without texts that may be private.
    """
    problem = problem_of(error)
    trace = traceback.format_tb(first_of(error).__traceback__) if problem.kind == "bug" else []
    number = PROBLEMS[problem.kind]
    extra = {"CALL_NO": call_no, "PROBLEM": problem.kind, "MESSAGE_ID": number}
    log.warning("%s%s", problem.cause, "".join(["\n", *trace]).rstrip(), extra=extra)
    return problem
