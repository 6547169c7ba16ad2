"""The control API: what it answers, refuses and streams, over its real Unix socket."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from appliance.console import api
from appliance.console.server import control_socket
from appliance.console.views import SOCKET_NAME, GapView, LevelsView, LineView, MarkView, ModelView
from appliance.control import connect
from appliance.core.model import Model, Photo, Text
from appliance.errors import (
    ConfigError,
    DeviceError,
    QuotaError,
    RefusedError,
)
from appliance.hub import READER_LIMIT, Levels, Mark
from appliance.realtime.conversation import Entry
from tests.console.stage import REPORT, Stage, stage

ENTRY = Entry("item_1", 0, "user", "hello", final=True)


async def test_call_answers_when_it_is_live(tmp_path: Path) -> None:
    async with stage(tmp_path) as (_, control):
        assert (await control.call()).phase == "live"
        assert (await control.status()).model.calls_made == 1


async def test_call_that_fails_says_why_and_what_to_do(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        scene.error = QuotaError("Your account has no quota left.", "Add credit.")
        with pytest.raises(RefusedError, match="no quota left"):
            await control.call()


async def test_call_without_wait_answers_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as (_, control):
        assert (await control.call(wait=False)).phase in {"dialing", "live"}


@pytest.mark.parametrize("live", [False, True])
async def test_wish_that_changes_nothing_is_answered_at_once(tmp_path: Path, live: bool) -> None:
    async with stage(tmp_path) as (_, control), asyncio.timeout(1.5):
        if live:
            await control.call()
            assert (await control.call()).phase == "live"
            assert (await control.say("and again")).phase == "live"
        else:
            assert (await control.hang_up()).phase == "idle"


async def test_call_that_is_hung_up_meanwhile_did_not_work(tmp_path: Path) -> None:
    scene = Stage(tmp_path)

    def hang_up_instead(_event: object) -> None:
        scene.hub.publish(Model(calls_made=1))

    doors = scene.appliance(hang_up_instead)
    async with control_socket(doors, tmp_path), connect(tmp_path) as control:
        with pytest.raises(RefusedError, match="did not become live"):
            await control.call()


async def test_photo_that_fails_says_why_and_what_to_do(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        scene.camera_error = DeviceError("The camera is gone.", "Check its cable.")
        with pytest.raises(RefusedError, match=r"camera is gone.*cable"):
            await control.photo()


async def test_photo_answers_when_it_is_taken(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        await control.call()
        await control.photo()
        assert scene.sent == [Photo("photo-0001")]


async def test_hang_up_answers_when_the_call_is_over(tmp_path: Path) -> None:
    async with stage(tmp_path) as (_, control):
        await control.call()
        assert (await control.hang_up()).phase == "idle"


async def test_typed_text_reaches_the_call(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        await control.call()
        await control.say("  good morning ")
        assert scene.sent == [Text("good morning")]


@pytest.mark.parametrize("text", ["", "   ", "x" * 4097])
async def test_empty_or_endless_text_is_refused(tmp_path: Path, text: str) -> None:
    async with stage(tmp_path) as (scene, control):
        with pytest.raises(RefusedError, match="empty or too long"):
            await control.say(text)
        assert scene.hub.model.calls_made == 0


@pytest.mark.parametrize("body", [b"", b"[]", b'{"text": 1}', b'{"text": "a", "x": 1}', b"\xff"])
async def test_unreadable_text_is_refused_with_an_example(tmp_path: Path, body: bytes) -> None:
    async with (
        stage(tmp_path),
        raw(tmp_path) as session,
        session.post("/api/say", data=body) as response,
    ):
        assert response.status == 400
        assert "text" in (await response.json())["cure"]


async def test_mute_changes_the_microphone(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        await control.call()
        assert (await control.mute()).muted
        assert scene.muted[-1] is True


async def test_volume_reaches_the_call_and_the_one_after_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        await control.call()
        assert scene.volumes == [100]
        assert (await control.volume(35)).volume == 35
        assert scene.volumes == [100, 35]
        await control.hang_up()
        await control.call()
        assert scene.volumes == [100, 35, 35]


async def test_volume_that_is_not_taken_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "TAKEN_TIMEOUT", 0.01)
    appliance = Stage(tmp_path).appliance(post=lambda _event: None)
    async with control_socket(appliance, tmp_path), connect(tmp_path) as control:
        with pytest.raises(RefusedError, match="in time"):
            await control.volume(35)


async def test_volume_that_is_not_kept_is_not_acknowledged(tmp_path: Path) -> None:
    async def settled() -> None:
        raise DeviceError("It is not kept.")

    scene = Stage(tmp_path)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.supervisor.run())
        appliance = replace(scene.appliance(), settled=settled)
        async with control_socket(appliance, tmp_path), connect(tmp_path) as control:
            with pytest.raises(RefusedError, match="not kept"):
                await control.volume(35)
        running.cancel()


@pytest.mark.parametrize("percent", [-1, 101])
async def test_volume_beyond_its_range_is_refused(tmp_path: Path, percent: int) -> None:
    async with stage(tmp_path) as (scene, control):
        with pytest.raises(RefusedError, match="cannot be read"):
            await control.volume(percent)
        assert (await control.status()).model.volume == 100
        assert scene.volumes == []


async def test_self_test_is_done_and_its_report_comes_back_whole(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        assert await control.selftest() == REPORT
        assert await control.selftest(save=True) == REPORT
        assert scene.saved == [False, True]


async def test_self_test_that_cannot_be_done_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        scene.deaf = DeviceError("The appliance is in a call.", "Hang up, and try again.")
        with pytest.raises(RefusedError, match="in a call") as caught:
            await control.selftest()
        assert caught.value.cure == "Hang up, and try again."
        answer = await control._session.post("/api/selftest", data=b"{")
        assert answer.status == 400


async def test_transcript_is_what_the_appliance_remembers(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        scene.entries.append(ENTRY)
        assert await control.transcript() == [LineView("item_1", 0, "user", "hello", final=True)]


async def test_stream_begins_with_the_model_and_carries_everything(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control), asyncio.timeout(5):
        events = control.events()
        assert isinstance(await anext(events), ModelView)
        scene.hub.publish(ENTRY)
        scene.hub.publish(Levels(-20.04, -60.0))
        scene.hub.publish(Mark("photo_sent", 1.5, 3, {"bytes": 7}))
        assert await anext(events) == LineView("item_1", 0, "user", "hello", final=True)
        assert await anext(events) == LevelsView(-20.0, -60.0)
        assert await anext(events) == MarkView("photo_sent", 1.5, 3, {"bytes": 7})
        await events.aclose()


async def test_slow_reader_is_told_of_the_gap(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control), asyncio.timeout(5):
        events = control.events()
        await anext(events)
        for _ in range(READER_LIMIT + 1):
            scene.hub.publish(ENTRY)
        assert isinstance(await anext(events), GapView)
        await events.aclose()


async def test_unknown_route_is_an_explained_error(tmp_path: Path) -> None:
    async with (
        stage(tmp_path),
        raw(tmp_path) as session,
        session.get("/api/nothing") as response,
    ):
        assert response.status == 404
        assert "/api/nothing" in (await response.json())["cause"]


async def test_bug_in_a_handler_stays_in_the_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Stage(tmp_path)

    def broken(_event: object) -> None:
        raise KeyError("bug")

    async with control_socket(scene.appliance(broken), tmp_path), connect(tmp_path) as control:
        with pytest.raises(RefusedError, match="bug of ours"):
            await control.mute()
        assert (await control.status()).version == "0"
    assert "failed" in caplog.text


async def test_socket_is_for_owner_and_group_and_gone_afterwards(tmp_path: Path) -> None:
    async with stage(tmp_path):
        assert (tmp_path / SOCKET_NAME).stat().st_mode & 0o777 == 0o660
    assert not (tmp_path / SOCKET_NAME).exists()


async def test_second_appliance_is_refused(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control):
        with pytest.raises(ConfigError, match="already running"):
            async with control_socket(scene.appliance(), tmp_path):
                pass
        assert (await control.status()).version == "0"


async def test_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    async with stage(tmp_path) as (_, control):
        assert (await control.status()).version == "0"


def raw(directory: Path) -> aiohttp.ClientSession:
    connector = aiohttp.UnixConnector(path=str(directory / SOCKET_NAME))
    return aiohttp.ClientSession("http://appliance", connector=connector)
