"""The runner: each call once, a few at a time, whatever goes wrong told to the model."""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from appliance.config import ToolsConfig
from appliance.errors import DeviceError, ToolError
from appliance.realtime.tool_calls import ToolCall
from appliance.tools.registry import Registry, tool
from appliance.tools.runner import (
    ARGUMENTS_LIMIT,
    OUTPUT_LIMIT,
    PARALLEL_LIMIT,
    REMEMBERED,
    Runner,
    bounded,
)


def runner(function: Callable[..., Awaitable[object]], timeout: float = 5.0) -> Runner:
    function.__name__ = "work"
    function.__doc__ = function.__doc__ or "Work."
    return Runner(Registry([tool(function)]), ToolsConfig(timeout=timeout))


def call(arguments: str = "{}", *, call_id: str = "call_1", name: str = "work") -> ToolCall:
    return ToolCall(call_id, name, arguments)


def error_of(output: str) -> tuple[str, str]:
    error = json.loads(output)["error"]
    return error["code"], error["message"]


async def answer(value: Any) -> str:
    async def work() -> object:
        return value

    return await runner(work).run(call())


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ({"sum": 7}, '{"sum": 7}'),
        ("größer", '"größer"'),
        (None, "null"),
        ([1.5, True], "[1.5, true]"),
    ],
    ids=["object", "text", "nothing", "list"],
)
async def test_result_is_told_as_json(value: object, output: str) -> None:
    assert await answer(value) == output


async def test_unknown_tool_is_explained() -> None:
    async def work() -> object:
        return 1

    code, message = error_of(await runner(work).run(call(name="wrok")))

    assert (code, message) == ("failed", "There is no tool wrok. Did you mean work?")


async def test_bad_arguments_are_explained() -> None:
    async def work(count: Annotated[int, Meta(description="How many.")]) -> object:
        return count

    _, message = error_of(await runner(work).run(call('{"count": "two"}')))

    assert message == "count: Expected `int`, got `str`. The arguments are: count."


async def test_endless_arguments_are_refused_unread() -> None:
    async def work() -> object:
        return 1

    code, _ = error_of(await runner(work).run(call(" " * (ARGUMENTS_LIMIT + 1))))

    assert code == "bad_arguments"


async def test_own_errors_reach_the_model_in_their_words() -> None:
    async def work() -> object:
        raise ToolError("The lamp is unplugged.", "Plug it in.")

    assert error_of(await runner(work).run(call()))[1] == "The lamp is unplugged. Plug it in."


async def test_device_errors_reach_the_model_in_their_words() -> None:
    async def work() -> object:
        raise DeviceError("There is no camera.")

    assert error_of(await runner(work).run(call()))[1] == "There is no camera."


async def test_raising_tool_is_explained_without_its_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> object:
        raise KeyError("sk-secret")

    with caplog.at_level(logging.WARNING):
        output = await runner(work).run(call())

    assert error_of(output) == ("failed", "The tool failed unexpectedly (KeyError).")
    assert len(caplog.records) == 1


async def test_exiting_tool_does_not_end_the_appliance() -> None:
    async def work() -> object:
        sys.exit(3)

    assert error_of(await runner(work).run(call()))[0] == "failed"


@pytest.mark.looptime
async def test_hanging_tool_is_stopped() -> None:
    stopped = asyncio.Event()

    async def work() -> object:
        try:
            return await asyncio.Event().wait()
        finally:
            stopped.set()

    began = asyncio.get_running_loop().time()
    code, _ = error_of(await runner(work, timeout=7.0).run(call()))

    assert code == "timeout"
    assert stopped.is_set()
    assert asyncio.get_running_loop().time() - began == pytest.approx(7.0, abs=0.1)


@pytest.mark.looptime
async def test_limit_of_the_tool_goes_before_the_setting() -> None:
    @tool(timeout=60.0)
    async def patient() -> object:
        """Take your time."""
        await asyncio.sleep(50)
        return "done"

    runs = Runner(Registry([patient]), ToolsConfig(timeout=1.0))

    assert await runs.run(call(name="patient")) == '"done"'


async def test_wait_that_runs_out_inside_the_tool_is_no_timeout_of_ours() -> None:
    async def work() -> object:
        raise TimeoutError

    assert error_of(await runner(work).run(call()))[0] == "failed"


async def test_tool_that_cancels_itself_is_explained() -> None:
    async def work() -> object:
        raise asyncio.CancelledError

    assert error_of(await runner(work).run(call()))[0] == "failed"


def _circle() -> list[object]:
    circle: list[object] = []
    circle.append(circle)
    return circle


def _deep() -> object:
    deep: object = None
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {"at": object()}, b"bytes", {1, 2}, "\ud800", _circle()],
    ids=["nan", "infinite", "object", "bytes", "set", "surrogate", "circle"],
)
async def test_result_that_is_no_json_is_an_error(value: object) -> None:
    assert error_of(await answer(value))[0] == "failed"


async def test_bottomless_result_is_bounded_or_an_error() -> None:
    output = json.loads(await answer(_deep()))

    assert "error" in output or output["truncated"]


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000_000, "ü" * OUTPUT_LIMIT, '"' * OUTPUT_LIMIT, ["word"] * 1_000_000, "\x00" * 9000],
    ids=["text", "wide", "quotes", "list", "escapes"],
)
async def test_huge_result_is_cut_and_says_so(value: object) -> None:
    output = await answer(value)

    assert len(output.encode()) <= OUTPUT_LIMIT
    assert len(output.encode()) > OUTPUT_LIMIT * 0.9
    assert json.loads(output)["truncated"] is True


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)
        ),
    )
)
def test_every_json_value_survives(value: object) -> None:
    assert json.loads(bounded(value)) == value


async def test_same_call_runs_once_and_is_answered_again() -> None:
    runs = 0

    async def work() -> object:
        nonlocal runs
        runs += 1
        return runs

    once = runner(work)

    assert [await once.run(call()), await once.run(call()), await once.run(call())] == ["1"] * 3
    assert await once.run(call(call_id="call_2")) == "2"


async def test_same_call_arriving_twice_at_once_runs_once() -> None:
    runs = 0
    go = asyncio.Event()

    async def work() -> object:
        nonlocal runs
        runs += 1
        await go.wait()
        return runs

    once = runner(work)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(once.run(call())) for _ in range(2)]
        await asyncio.sleep(0)
        go.set()

    assert [task.result() for task in both] == ["1", "1"]


async def test_cancelled_call_is_not_run_again() -> None:
    runs = 0
    started = asyncio.Event()

    async def work() -> object:
        nonlocal runs
        runs += 1
        started.set()
        return await asyncio.Event().wait()

    once = runner(work)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(once.run(call()))
        await started.wait()
        first.cancel()

    assert first.cancelled()
    assert error_of(await once.run(call()))[0] == "cancelled"
    assert runs == 1


async def test_only_a_few_run_at_once() -> None:
    running = most = 0
    go = asyncio.Event()
    full = asyncio.Event()

    async def work() -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == PARALLEL_LIMIT:
            full.set()
        await go.wait()
        running -= 1
        return running

    many = runner(work)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for number in range(3 * PARALLEL_LIMIT):
            tasks.create_task(many.run(call(call_id=f"call_{number}")))
        await full.wait()
        await asyncio.sleep(0)
        go.set()

    assert most == PARALLEL_LIMIT


async def test_memory_of_answers_is_bounded() -> None:
    runs = 0

    async def work() -> object:
        nonlocal runs
        runs += 1
        return runs

    many = runner(work)
    for number in range(REMEMBERED + 1):
        await many.run(call(call_id=f"call_{number}"))

    assert await many.run(call(call_id=f"call_{REMEMBERED}")) == str(REMEMBERED + 1)
    assert len(many._answers) == REMEMBERED
