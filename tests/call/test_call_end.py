"""How a call ends: by the person, the model, the service, a failure; at any moment."""

import asyncio
import random

import pytest

from appliance.call import call as call_module
from appliance.call import link
from appliance.call import sound as sound_module
from appliance.core.events import CallUp, SoundBack, SoundLost
from appliance.core.model import Cue, Problem
from appliance.errors import (
    AuthError,
    ClosedError,
    DeviceError,
    QuotaError,
    ServiceError,
    UnreachableError,
)
from appliance.media import pcm
from appliance.realtime.conversation import Entry
from appliance.tools.registry import tool
from tests.call.scenes import (
    NO_SIDEBAND,
    PATIENCE,
    call_events,
    live,
    scene,
    words,
)
from tests.call.small_service import Manners, small_service
from tests.call.stage import CUES, calling, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_running_tool_ends_with_the_call() -> None:
    stopped = asyncio.Event()

    @tool
    async def hang() -> object:
        """Hang."""
        try:
            return await asyncio.Event().wait()
        finally:
            stopped.set()

    async with scene() as (service, stage):
        stage.tools = [hang]
        async with calling(stage) as running:
            await stage.mark("data_channel_open")
            service.on_channel(*call_events("call_1", "hang"))
            await stage.mark("tool_started")
            running.call.close()
            await running.over.wait()

    assert stopped.is_set()


async def test_hanging_up_releases_everything_and_tells_the_service(
    no_leftover_tasks: None, no_leftover_resources: None
) -> None:
    async with live() as (service, stage, running):
        opened, held = stage.card.opened, stage.card.is_open
        running.call.close()
        await running.over.wait()
        assert (opened, held, stage.card.is_open) == (1, True, False)
        assert running.error is None
        await stage.run_errands()

    assert service.hung_up == ["rtc_small_1"]
    await asyncio.get_running_loop().shutdown_default_executor()  # the service may encode there


@pytest.mark.parametrize("lost", [False, True])
async def test_transcript_ends_with_the_call(lost: bool) -> None:
    async with live() as (service, stage, running):
        service.on_channel(*words("item_1", "Once upon"))
        await stage.until(lambda: stage.transcript() == ["assistant: Once upon"])
        if lost:
            await service.peer.close()
        else:
            running.call.close()
        await running.over.wait()

    last = [message for message in stage.messages if isinstance(message, Entry)][-1]
    assert (last.text, last.final, last.interrupted) == ("Once upon", True, True)


async def test_hanging_up_in_mid_sentence_silences_the_speaker_at_once() -> None:
    async with live() as (_, stage, running):
        await stage.mark("first_sound")
        heard = len(stage.card.heard)
        running.call.cue(Cue.ENDED)
        running.call.close()
        await running.over.wait()

    goodbye, tone = bytes(stage.card.heard[heard:]), CUES[Cue.ENDED]
    assert pcm.peak(bytes(stage.card.heard[:heard])) > 1000
    assert goodbye[4 * 960 : len(tone)] == tone[4 * 960 :]  # nothing but it is heard


async def test_last_tone_is_heard() -> None:
    async with live() as (service, stage, running):
        service.peer.tone.unpaused.clear()
        await stage.until(lambda: not any(stage.card.heard[-9600:]))
        heard = len(stage.card.heard)
        running.call.cue(Cue.ENDED)
        running.call.close()
        await running.over.wait()

    assert pcm.peak(bytes(stage.card.heard[heard:])) > 1000
    assert not any(stage.card.heard[-20:])


async def test_failure_is_heard_though_it_was_faster_than_the_sound_card() -> None:
    async with scene(Manners(status=401)) as (_, stage):
        stage.card.gate = asyncio.Event()
        async with calling(stage, up=False) as running:
            await stage.mark("offer_posted")
            asyncio.get_running_loop().call_later(0.1, stage.card.gate.set)
            await running.over.wait()

    assert isinstance(running.error, AuthError)
    assert CUES[Cue.FAILED][:9600] in bytes(stage.card.heard)


async def test_card_that_breaks_beside_a_refusal_changes_nothing(
    no_leftover_tasks: None,
) -> None:
    async with scene(Manners(status=401)) as (_, stage):
        stage.card.breaks = True
        async with calling(stage, up=False) as running:
            await running.over.wait()

    assert isinstance(running.error, AuthError | DeviceError)


async def test_cancelled_call_is_hung_up_and_released() -> None:
    async with scene() as (service, stage):
        call = stage.open_call()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(call.run())
            await stage.event(CallUp)
            task.cancel()
        assert task.cancelled()
        assert not stage.card.is_open
        await stage.run_errands()

    assert service.hung_up == ["rtc_small_1"]


async def test_call_closed_while_dialling_is_hung_up_when_the_answer_comes() -> None:
    async with scene(Manners(answers=False)) as (service, stage):
        async with calling(stage, up=False) as running:
            while not service.posts:
                await service.news()
            running.call.close()
            await running.over.wait()
            assert running.error is None
            assert not stage.card.is_open
        service.released.set()
        await stage.run_errands()

    assert service.hung_up == ["rtc_small_1"]


async def test_call_closed_before_it_dials_leaves_nothing(no_leftover_tasks: None) -> None:
    async with scene() as (service, stage):
        async with calling(stage, up=False) as running:
            await asyncio.sleep(0)  # it runs, and has done nothing yet
            assert stage.card.opened == 0
            running.call.close()
        assert running.error is None

    assert not stage.card.is_open
    assert (service.posts, service.hung_up) == (0, [])


async def test_refused_call_fails_with_its_reason() -> None:
    refused = '{"error": {"code": "invalid_api_key"}}'
    async with (
        scene(Manners(status=401, body=refused)) as (_, stage),
        calling(stage) as running,
    ):
        await running.over.wait()

    assert isinstance(running.error, AuthError)


async def test_failure_that_needs_a_person_is_heard() -> None:
    refused = '{"error": {"code": "insufficient_quota"}}'
    async with (
        scene(Manners(status=429, body=refused)) as (_, stage),
        calling(stage) as running,
    ):
        await running.over.wait()

    assert isinstance(running.error, QuotaError)
    assert pcm.peak(bytes(stage.card.heard)) > 1000


async def test_unusable_answer_is_hung_up() -> None:
    async with scene(Manners(body="v=0\r\ns=nonsense\r\n")) as (service, stage):
        async with calling(stage) as running:
            await running.over.wait()
        await stage.run_errands()

    assert isinstance(running.error, ServiceError)
    assert service.hung_up == ["rtc_small_1"]


async def test_missing_microphone_ends_the_call() -> None:
    async with scene() as (_, stage):
        stage.card.breaks = True
        async with calling(stage) as running:
            await running.over.wait()

    assert isinstance(running.error, DeviceError)
    assert running.error.cause == "There is no microphone."


async def test_unplugged_card_leaves_the_call_up_and_is_used_again_when_it_is_back() -> None:
    async with live() as (_, stage, running):
        assert stage.card.fail is not None
        stage.card.fail(DeviceError("The sound card is gone."))
        lost = await stage.event(SoundLost)
        assert running.call.blocks is None, "the watchdog is not to wait for its sound"
        await stage.event(SoundBack)
        heard = len(stage.card.heard)
        await stage.until(lambda: len(stage.card.heard) > heard + 20 * 960)
        assert not running.over.is_set()

    assert lost == SoundLost(1, Problem("device", "The sound card is gone."))
    assert (running.error, stage.card.opened) == (None, 2)
    assert pcm.peak(bytes(stage.card.heard[-10 * 960 :])) > 1000, "the service is heard again"


async def test_card_that_stays_away_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_module, "PATIENCE", 0.5)
    async with live() as (service, stage, running):
        assert stage.card.fail is not None
        stage.card.breaks = True
        stage.card.fail(DeviceError("The sound card is gone."))
        await running.over.wait()
        await stage.run_errands()

    assert isinstance(running.error, DeviceError)
    assert service.hung_up == ["rtc_small_1"]


async def test_service_that_hangs_up_closes_the_call() -> None:
    async with live() as (service, _, running):
        await service.peer.close()
        await running.over.wait()

    assert isinstance(running.error, ClosedError)


async def test_expired_session_closes_the_call() -> None:
    async with live() as (service, _, running):
        reason = b"Your session hit the maximum duration of 60 minutes."
        await service.socket.close(code=1001, message=reason)
        await running.over.wait()

    assert isinstance(running.error, ClosedError)
    assert "longest" in running.error.cause


@pytest.mark.parametrize(
    ("code", "error"), [("insufficient_quota", QuotaError), ("invalid_api_key", AuthError)]
)
async def test_error_that_needs_a_person_ends_the_call(
    code: str, error: type[ServiceError]
) -> None:
    async with live() as (service, _, running):
        service.on_channel({"type": "error", "error": {"code": code}})
        await running.over.wait()

    assert isinstance(running.error, error)


async def test_service_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "SESSION_TIMEOUT", 0.2)
    manners = Manners(greets=False, confirms=False)
    async with scene(manners) as (_, stage), calling(stage) as running:
        await running.over.wait()

    assert isinstance(running.error, UnreachableError)
    assert "says nothing" in running.error.cause


async def test_call_without_any_channel_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "SPEECHLESS_LIMIT", 0.2)
    monkeypatch.setattr(link, "_LOOK", 0.05)
    async with live(NO_SIDEBAND) as (service, _, running):
        assert service.peer.channel is not None
        service.peer.channel.close()
        await running.over.wait()

    assert isinstance(running.error, UnreachableError)


async def test_calls_closed_or_cut_at_any_moment_leave_nothing(
    no_leftover_tasks: None, no_leftover_resources: None
) -> None:
    chance = random.Random(815)  # noqa: S311 - repeatable
    async with small_service() as service, staged(service.url) as stage:
        for number in range(40):
            call = stage.open_call(number)
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
                task = tasks.create_task(call.run())
                await asyncio.sleep(chance.random() * 0.15)
                if number % 2:
                    call.close()
                else:
                    task.cancel()
            assert not stage.card.is_open
            await stage.run_errands()
            while service.answerers:
                await service.answerers.pop().close()
    await asyncio.get_running_loop().shutdown_default_executor()  # the service encodes there
