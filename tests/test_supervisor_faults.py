"""Calls, cameras and errands that misbehave, and what the supervisor makes of it."""

import asyncio

import pytest

from appliance.call.signaling import HANG_UP_TIMEOUT, OFFER_TIMEOUT
from appliance.core.events import (
    Dial,
    Event,
    HangUp,
    MediaBack,
    MediaLost,
    Say,
    Shutdown,
    TakePhoto,
    TimerFired,
    ToggleCall,
)
from appliance.core.model import (
    Fault,
    HangingUp,
    Idle,
    Live,
    Off,
    Phase,
    Photo,
    Timer,
    Waiting,
)
from appliance.core.timers import seconds
from appliance.errors import AuthError, DeviceError
from appliance.running import StuckCallError
from appliance.supervisor import ERRAND_TIMEOUT
from tests.fakes import Manners
from tests.rig import LOST, Rig, forever, forever_picture, now, running

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_leftover_tasks")]


@pytest.mark.parametrize(
    ("error", "phase"),
    [
        (AuthError("The key was refused."), Fault),
        (KeyError("x"), Fault),
        (ExceptionGroup("call", [DeviceError("No microphone."), KeyError("x")]), Fault),
        (LOST, Waiting),
        (None, Idle),
    ],
)
async def test_end_of_a_call_by_itself(error: Exception | None, phase: type[Phase]) -> None:
    async with running(Manners(lives=5, fails=error)) as rig:
        rig.post(Dial())
        await rig.until(Live)
        await rig.until(phase)
        assert now() == 5


async def test_bug_leaves_a_trace_without_private_words(caplog: pytest.LogCaptureFixture) -> None:
    async with running(Manners(lives=5, fails=KeyError("what grandma said"))) as rig:
        rig.post(Dial())
        await rig.until(Fault)
    assert "raise self.manners.fails" in caplog.text
    assert "grandma" not in caplog.text


async def test_call_that_cannot_be_made_is_a_problem_not_a_crash() -> None:
    async with running(DeviceError("There is no microphone."), RuntimeError("bug")) as rig:
        rig.post(Dial())
        await rig.until(Fault)
        rig.post(Dial())
        await rig.until(Fault, call_no=2)
        assert rig.calls == []


@pytest.mark.parametrize("method", ["send", "mute", "cue", "close"])
async def test_call_that_breaks_when_spoken_to_ends_alone(method: str) -> None:
    async with running(Manners(raises={method: DeviceError("The microphone is gone.")})) as rig:
        rig.post(Dial(), Say("hello"))
        await rig.until(Live if method == "close" else Fault)
        rig.post(HangUp())
        await rig.until(Idle)
    assert "device" in [mark.fields.get("problem") for mark in rig.marks]


async def test_deaf_call_is_cut_after_three_seconds() -> None:
    async with running(Manners(deaf=True)) as rig:
        rig.post(Dial())
        await rig.until(Live)
        rig.post(HangUp())
        await rig.until(Idle)
        assert (now(), rig.calls[0].cancelled) == (4, 1)


async def test_call_that_ignores_its_first_cancellations_is_cut_in_the_end() -> None:
    async with running(Manners(deaf=True, stubborn=2)) as rig:
        rig.post(Dial())
        await rig.until(Live)
        rig.post(HangUp())
        await rig.until(Idle)
        assert (now(), rig.calls[0].cancelled) == (10, 3)


async def test_call_that_ignores_every_cancellation_ends_the_process() -> None:
    rig = Rig([Manners(deaf=True, stubborn=3)])
    asyncio.get_running_loop().call_later(2, rig.post, HangUp())
    rig.post(Dial())
    with pytest.raises(ExceptionGroup) as failed:
        await rig.supervisor.run()
    assert failed.group_contains(StuckCallError)
    assert rig.open_calls() == 0


async def test_call_that_cancels_itself_is_a_bug() -> None:
    async with running(Manners(lives=5, fails=asyncio.CancelledError())) as rig:
        rig.post(Dial())
        await rig.until(Fault)


async def test_mashing_the_button_never_opens_two_calls() -> None:
    async with running(*(Manners(ends=0.3) for _ in range(100))) as rig:
        for _ in range(100):
            rig.post(ToggleCall())
            await asyncio.sleep(0.01)
            assert rig.open_calls() <= 1
        await asyncio.sleep(2)
        assert isinstance(rig.model.phase, Idle | Live)


@pytest.mark.parametrize("deaf", [False, True])
async def test_shutdown_takes_at_most_two_seconds(deaf: bool) -> None:
    async with running(Manners(deaf=deaf)) as rig:
        rig.post(Dial())
        await rig.until(Live)
        rig.supervisor.run_errand("hang-up", forever)
        began = now()
        rig.post(Shutdown())
        await rig.until(Off)
    assert now() - began <= 2


async def test_errand_ends_in_time_and_its_failure_is_only_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ends: list[float] = []

    async def slow() -> None:
        try:
            await forever()
        finally:
            ends.append(now())

    async def broken() -> None:
        raise KeyError("secret")

    async with running() as rig:
        await rig.supervisor.echo()
        rig.supervisor.run_errand("slow", slow)
        rig.supervisor.run_errand("broken", broken)
        await asyncio.sleep(ERRAND_TIMEOUT + 1)
        assert ends == [ERRAND_TIMEOUT]
    assert "broken failed" in caplog.text
    assert "slow failed" in caplog.text
    assert "secret" not in caplog.text


async def test_errand_outlasts_a_late_answer_and_its_hang_up() -> None:
    done = asyncio.Event()

    async def late() -> None:
        await asyncio.sleep(OFFER_TIMEOUT + HANG_UP_TIMEOUT)
        done.set()

    async with running() as rig:
        await rig.supervisor.echo()
        rig.supervisor.run_errand("offer", late)
        async with asyncio.timeout(60):
            await done.wait()


async def test_errand_without_a_supervisor_is_not_run() -> None:
    Rig().supervisor.run_errand("late", forever)


async def test_cancelling_from_outside_releases_everything() -> None:
    rig = Rig()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(rig.supervisor.run())
        rig.post(Dial(), TakePhoto())
        await rig.until(Live)
        rig.supervisor.run_errand("hang-up", forever)
        rig.camera = forever_picture
        rig.post(TakePhoto())
        await rig.supervisor.echo()
        task.cancel()
    assert rig.open_calls() == 0
    assert rig.supervisor._timers == {}
    rig.post(Dial())
    assert rig.supervisor._inbox.empty(), "what comes after the end is dropped"


@pytest.mark.parametrize("error", [DeviceError("There is no camera."), RuntimeError("bug")])
async def test_camera_that_fails_costs_only_the_picture(error: Exception) -> None:
    async def fails() -> Photo:
        raise error

    async with running() as rig:
        rig.camera = fails
        rig.post(Dial())
        await rig.until(Live)
        rig.post(TakePhoto())
        await asyncio.sleep(0.1)
        assert rig.failed_to_photograph()
        assert isinstance(rig.model.phase, Live)
        await asyncio.sleep(1.3)
        assert not rig.failed_to_photograph()


async def test_camera_that_hangs_is_given_up() -> None:
    async with running() as rig:
        rig.camera = forever_picture
        rig.post(TakePhoto())
        await asyncio.sleep(79.9)
        assert not rig.failed_to_photograph()
        await asyncio.sleep(0.2)
        assert rig.failed_to_photograph()
        rig.camera = rig.picture
        rig.post(TakePhoto())
        await rig.until(Live)


async def test_shutdown_does_not_wait_for_a_picture() -> None:
    async with running() as rig:
        rig.camera = forever_picture
        rig.post(TakePhoto())
        await rig.supervisor.echo()
    assert now() == 0


async def test_cut_that_comes_after_the_end_is_harmless(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as rig:
        rig.post(Dial())
        await rig.until(Live)
        call = next(task for task in asyncio.all_tasks() if task.get_name() == "call-1")
        rig.post(HangUp())
        while not call.done():  # noqa: ASYNC110 - an event would come too late
            await asyncio.sleep(0)
        rig.post(TimerFired(Timer.HANGUP))  # before the supervisor knows
        await rig.until(Idle)
        assert (now(), rig.calls[0].cancelled) == (1, 0)
    assert caplog.messages == ["The call had to be cut off."]


@pytest.mark.parametrize(
    ("before", "timer", "events"),
    [
        ((), Timer.IDLE, (Say("still here"),)),
        ((MediaLost(1),), Timer.LOST, (MediaBack(1), MediaLost(1))),
    ],
    ids=["replaced", "stopped"],
)
async def test_timer_replaced_or_stopped_while_its_firing_waits_is_dropped(
    before: tuple[Event, ...], timer: Timer, events: tuple[Event, ...]
) -> None:
    async with running(Manners(deaf=True)) as rig:
        rig.post(Dial())
        await rig.until(Live)
        rig.post(*before)
        await rig.supervisor.echo()
        began, runs = now(), seconds(timer, rig.model)
        # In the same turn of the loop, whose clock has microseconds, and just before the firing.
        asyncio.get_running_loop().call_at(began + runs - 1e-7, rig.post, *events)
        await rig.until(HangingUp)
        assert now() == began + 2 * runs
