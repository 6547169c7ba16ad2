"""A thread of its own for driver calls that may hang: neither loop nor exit waits for it."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Runs one call after another on a daemon thread, which ends with the call given to `last`.

    Unlike the loop's executor it is never joined: a call that hangs in C keeps its thread and
    nothing else, and the process can still exit.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Run `call` after those before it; the future has its result or its exception.

        Cancelling the future lets the call go on and drops its result.
        """
        future: asyncio.Future[T] = self._loop.create_future()

        def job() -> None:
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 - carried over to whoever awaits the future
                self._tell(_fail, future, error)
            else:
                self._tell(_finish, future, result)

        self._jobs.put(job)
        return future

    def last(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Run `call`, and then end the thread."""
        future = self.run(call)
        self._jobs.put(None)
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _tell(self, report: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(report, *values)


def _finish(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
