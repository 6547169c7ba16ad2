"""Calls against the emulator: what a person does, and each misfortune it can play."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources

import pytest

from appliance.config import SessionConfig
from appliance.core.events import CallUp, MediaBack, MediaLost, SendFailed
from appliance.core.model import Photo, Text
from appliance.emulator.options import Options
from appliance.emulator.server import Emulator
from appliance.emulator.server import running as emulating
from appliance.errors import (
    AuthError,
    BusyError,
    ClosedError,
    QuotaError,
    ServiceError,
)
from appliance.media import pcm
from appliance.tools.builtin import delayed_add, echo_upper
from tests.call.stage import Stage, calling, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PATIENCE = 60  # s; sentences are spoken in real time, on a busy machine


@asynccontextmanager
async def emulated(*faults: str) -> AsyncIterator[tuple[Emulator, Stage]]:
    async with (
        asyncio.timeout(PATIENCE),
        emulating(Options(faults=faults)) as emulator,
        staged(emulator.url) as stage,
    ):
        stage.tools = [delayed_add, echo_upper]
        stage.album["photo-0001"] = _picture()
        yield emulator, stage


def _picture() -> bytes:
    folder = resources.files("appliance.hardware").joinpath("pictures")
    return next(file for file in folder.iterdir() if file.name.endswith(".jpg")).read_bytes()


def _says(stage: Stage, *words: str) -> bool:
    said = "\n".join(stage.transcript()).lower()
    return all(word in said for word in words)


async def test_visit_is_greeted_answered_shown_and_interrupted(no_leftover_tasks: None) -> None:
    async with emulated() as (_, stage):
        stage.session = SessionConfig()
        async with calling(stage) as running:
            await stage.until(lambda: _says(stage, "hello"))
            await stage.until(lambda: pcm.peak(bytes(stage.card.heard)) > 1000)
            running.call.send(Text("add two and five slowly"))
            await stage.until(lambda: _says(stage, "plus five is seven"))
            running.call.send(Photo("photo-0001"))
            await stage.until(lambda: _says(stage, "i see a picture"))
            running.call.send(Text("please count from one to twenty"))
            await stage.until(lambda: _says(stage, "three"))
            running.call.send(Text("make hello world upper case"))
            await stage.until(lambda: _says(stage, "in upper case that is hello world"))
        await stage.run_errands()

    assert running.error is None
    (counted,) = [entry for entry in stage.entries() if entry.text.startswith("One.")]
    assert counted.interrupted  # its words come faster than they are heard, perhaps all of them
    assert stage.marks().count("tool_output_sent") == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ('{"fault": "refuse_call", "status": 401, "code": "invalid_api_key"}', AuthError),
        ('{"fault": "refuse_call", "status": 429, "code": "insufficient_quota"}', QuotaError),
        ('{"fault": "refuse_call", "status": 429, "code": "rate_limit_exceeded"}', BusyError),
        ('{"fault": "refuse_call", "status": 500}', BusyError),
        ('{"fault": "expire_session", "after": 0.5}', ClosedError),
        ('{"fault": "hang_up", "after": 0.5}', ClosedError),
    ],
    ids=["key", "quota", "rate", "broken", "expired", "hung-up"],
)
async def test_misfortune_ends_the_call_with_its_reason(
    fault: str, error: type[ServiceError]
) -> None:
    async with emulated(fault) as (_, stage), calling(stage) as running:
        await running.over.wait()

    assert type(running.error) is error


@pytest.mark.parametrize(
    "fault",
    [
        '{"fault": "no_location"}',
        '{"fault": "double_location"}',
        '{"fault": "refuse_sideband", "status": 404, "times": 2}',
        '{"fault": "refuse_sideband", "status": 500, "times": 0}',
        '{"fault": "close_channel", "after": 0.1}',
        '{"fault": "close_sideband", "after": 0.1, "code": 1006}',
        '{"fault": "close_sideband", "after": 0.1, "code": 1000}',
        '{"fault": "garble", "after": 0.1, "kind": "not_json"}',
        '{"fault": "garble", "after": 0.1, "kind": "unknown_event"}',
        '{"fault": "garble", "after": 0.1, "kind": "missing_keys"}',
    ],
    ids=range(10),
)
async def test_misfortune_does_not_keep_a_tool_from_answering(fault: str) -> None:
    async with emulated(fault) as (_, stage), calling(stage) as running:
        running.call.send(Text("add two and five slowly"))
        await stage.until(lambda: _says(stage, "plus five is seven"))
        assert not running.over.is_set()

    assert stage.marks().count("tool_started") == 1


async def test_failed_answer_is_asked_for_again() -> None:
    async with emulated('{"fault": "fail_response"}') as (_, stage), calling(stage) as running:
        running.call.send(Text("tell me a joke"))
        await stage.mark("response_created", times=2)
        await stage.mark("playback_started")


async def test_answer_that_fails_twice_is_told_and_the_call_goes_on() -> None:
    fault = '{"fault": "fail_response", "times": 2}'
    async with emulated(fault) as (_, stage), calling(stage) as running:
        running.call.send(Text("tell me a joke"))
        failed = await stage.event(SendFailed)
        running.call.send(Text("tell me a joke"))
        await stage.mark("playback_started")
        assert not running.over.is_set()

    assert isinstance(failed, SendFailed)
    assert failed.problem.cause.startswith("The service is busy: Rate limit reached.")
    assert failed.problem.cure == "Say it again in a moment."
    assert sum(isinstance(event, SendFailed) for event in stage.events) == 1


async def test_question_left_open_is_answered_in_the_next_call() -> None:
    async with emulated() as (_, stage):
        async with calling(stage) as broken:
            broken.call.send(Text("add two and five slowly"))
            await stage.mark("tool_started")
        async with calling(stage, stage.open_call(2, broken.call)):
            await stage.until(lambda: _says(stage, "plus five is seven"))

    assert stage.marks().count("text_sent") == 1
    assert stage.marks().count("tool_started") == 2


async def test_dead_line_is_noticed_in_time() -> None:
    async with (
        emulated('{"fault": "drop_media", "after": 1.0}') as (_, stage),
        calling(stage) as running,
    ):
        up = asyncio.get_running_loop().time()
        await stage.event(MediaLost)
        noticed = asyncio.get_running_loop().time() - up
        assert not running.over.is_set()

    assert MediaBack(1) not in stage.events
    assert 3.0 < noticed < 10.0  # from 1 s on nothing comes; a busy machine is late


async def test_service_that_never_answers_is_left_by_the_button() -> None:
    async with emulated('{"fault": "ignore_call"}') as (_, stage):
        async with calling(stage, up=False) as running:
            await stage.mark("offer_posted")
        assert running.error is None
        for errand in stage.errands:
            errand.cancel()  # the supervisor gives it 20 s

    assert not any(isinstance(event, CallUp) for event in stage.events)
