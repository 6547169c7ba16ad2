import asyncio
import threading

import pytest

from appliance.hardware.worker import Worker


async def test_calls_run_one_after_another_on_one_other_thread() -> None:
    worker = Worker(asyncio.get_running_loop(), "test")
    async with asyncio.timeout(5):
        first = worker.run(threading.current_thread)
        second = worker.run(threading.current_thread)
        thread = await worker.last(threading.current_thread)
        assert await first is await second is thread
    assert thread is not threading.main_thread()
    assert thread.daemon
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


async def test_an_error_comes_back_to_who_waits() -> None:
    worker = Worker(asyncio.get_running_loop(), "test")
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(5):
            await worker.run(lambda: 1 // 0)
    await worker.last(lambda: None)


async def test_a_call_nobody_waits_for_any_more_does_not_disturb_the_next() -> None:
    worker = Worker(asyncio.get_running_loop(), "test")
    gate = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await worker.run(lambda: gate.wait(5))
    last = worker.last(lambda: "closed")
    assert not last.done()
    gate.set()
    async with asyncio.timeout(5):
        assert await last == "closed"


def test_a_loop_that_has_gone_is_no_error() -> None:
    async def start() -> tuple[threading.Event, threading.Thread]:
        gate = threading.Event()
        worker = Worker(asyncio.get_running_loop(), "test")
        thread = await worker.run(threading.current_thread)
        worker.last(lambda: gate.wait(5))
        return gate, thread

    gate, thread = asyncio.run(start())
    gate.set()
    thread.join(5)
    assert not thread.is_alive()
