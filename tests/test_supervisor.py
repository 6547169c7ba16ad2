"""The machine at work, on a clock that costs nothing."""

import asyncio

import pytest

from appliance.core.events import (
    CallDown,
    CallUp,
    Dial,
    Event,
    HangUp,
    MediaLost,
    Say,
    SetVolume,
    Shutdown,
    TakePhoto,
    ToggleCall,
    ToggleMute,
)
from appliance.core.model import (
    Cue,
    Dialing,
    Idle,
    Live,
    Model,
    Off,
    Phase,
    Photo,
    Text,
    Waiting,
)
from appliance.errors import ClosedError
from tests.fakes import Manners
from tests.rig import LOST, Rig, now, running

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_leftover_tasks")]


async def test_press_opens_a_call_and_the_next_press_ends_it() -> None:
    async with running() as rig:
        rig.post(ToggleCall())
        await rig.until(Live)
        assert (now(), rig.calls[0].heard) == (1.0, [False, Cue.CONNECTED])
        rig.post(ToggleCall())
        await rig.until(Idle)
        assert (now(), rig.calls[0].heard[-1]) == (1.0, Cue.ENDED)


async def test_what_a_call_is_told_while_it_is_made_reaches_it() -> None:
    async with running(Manners(made=2)) as rig:
        rig.post(Dial(), SetVolume(60), TakePhoto(), Say("hello"))
        await asyncio.sleep(1)
        rig.post(SetVolume(30))
        await rig.until(Live)
        assert now() == 3
        assert rig.calls[0].loudness == 30
        assert rig.calls[0].heard[:2] == [Cue.SHUTTER, False]
        assert {Text("hello"), Photo("p1")} < set(rig.calls[0].heard)


@pytest.mark.parametrize(("end", "phase"), [(HangUp(), Idle), (Shutdown(), Off)])
async def test_call_that_is_ended_while_it_is_made_ends_at_once(
    end: Event, phase: type[Phase]
) -> None:
    async with running(Manners(made=5)) as rig:
        rig.post(Dial())
        await rig.until(Dialing)
        rig.post(end)
        await rig.until(phase)
        assert (now(), rig.calls) == (0, [])


async def test_call_that_is_not_made_in_time_is_dropped_and_redialled() -> None:
    async with running(Manners(made=60)) as rig:
        rig.post(Dial())
        await rig.until(Waiting)
        assert (now(), rig.calls) == (15, [])
        await rig.until(Live, call_no=2)


async def test_call_that_is_over_hears_nothing_more() -> None:
    async with running() as rig:
        rig.post(Dial())
        await rig.until(Live)
        rig.post(HangUp())
        await rig.until(Idle)
        heard = list(rig.calls[0].heard)
        rig.post(ToggleMute(), TakePhoto(), HangUp())
        await asyncio.sleep(1)
        assert heard == rig.calls[0].heard
        rig.post(ToggleMute())


async def test_what_is_asked_of_a_call_just_ended_is_its_to_refuse() -> None:
    async with running() as rig:
        rig.post(Dial())
        await rig.until(Live)
        call = next(task for task in asyncio.all_tasks() if task.get_name() == "call-1")
        rig.calls[0].close()
        while not call.done():  # noqa: ASYNC110 - an event would come too late
            await asyncio.sleep(0)
        rig.post(Say("hello"))  # before the supervisor knows
        await rig.until(Idle)
        assert rig.calls[0].heard[-1] == Text("hello")


async def test_what_was_asked_starts_a_call_and_reaches_it() -> None:
    async with running() as rig:
        rig.post(Say("hello"), TakePhoto())
        await rig.until(Live)
        await asyncio.sleep(1)
        assert Text("hello") in rig.calls[0].heard
        assert Photo("p1") in rig.calls[0].heard


async def test_lost_call_is_redialled_with_its_conversation() -> None:
    async with running(Manners(lives=6, fails=LOST)) as rig:
        rig.post(Dial())
        await rig.until(Waiting)
        assert now() == 6
        await rig.until(Live)
        assert 7.5 <= now() <= 7.65, "half a second, up to 30 % more, one second to answer"
        assert rig.resumed == [False, True]


async def test_call_without_sound_is_dropped_after_twelve_seconds_and_redialled() -> None:
    async with running() as rig:
        rig.post(Dial())
        await rig.until(Live)
        rig.post(MediaLost(1))
        await rig.until(Waiting)
        assert now() == 13
        await rig.until(Live, call_no=2)


async def test_dead_network_is_given_up_a_minute_after_the_press() -> None:
    dead = [Manners(lives=0.1, answers=None, fails=LOST) for _ in range(20)]
    async with running(*dead) as rig:
        rig.post(Dial())
        await rig.until(Dialing)
        await rig.until(Idle)
        assert now() == pytest.approx(60)
        dials = len(rig.calls)
        await asyncio.sleep(3600)
        assert len(rig.calls) == dials, "the microphone was opened by itself"


async def test_dead_network_is_given_up_a_minute_after_the_loss() -> None:
    silent = [Manners(answers=None) for _ in range(20)]
    async with running(Manners(lives=100, fails=LOST), *silent) as rig:
        rig.post(Dial())
        await rig.until(Live)
        await rig.until(Idle)
        assert now() == pytest.approx(160)


async def test_service_that_never_answers_is_dropped_after_fifteen_seconds() -> None:
    async with running(Manners(answers=None)) as rig:
        rig.post(Dial())
        await rig.until(Waiting)
        assert (now(), rig.calls[0].asked_to_end) == (15, True)


async def test_service_that_hangs_up_is_called_back_once() -> None:
    closed = [Manners(lives=5, fails=ClosedError("The service hung up.")) for _ in range(5)]
    async with running(*closed) as rig:
        rig.post(Dial())
        await rig.until(Live)
        await rig.until(Idle)
        assert len(rig.calls) == 2


async def test_silence_ends_a_call_after_two_minutes() -> None:
    async with running() as rig:
        rig.post(Dial())
        await rig.until(Live)
        await rig.until(Idle)
        assert now() == 121


async def test_old_call_is_replaced_by_a_new_one() -> None:
    rig = Rig()
    rig.supervisor.model = Model(idle_timeout=86400.0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rig.supervisor.run())
        rig.post(Dial())
        await rig.until(Live, call_no=2)
        assert (now(), rig.resumed) == (1 + 3000 + 2 + 1, [False, True])
        rig.post(Shutdown())


async def test_echo_proves_that_the_inbox_is_read() -> None:
    rig = Rig()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await rig.supervisor.echo()
    async with running() as rig:
        async with asyncio.timeout(0.01):
            await rig.supervisor.echo()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await rig.supervisor.echo()


async def test_stale_facts_are_not_published() -> None:
    async with running() as rig:
        rig.post(Dial())
        await rig.until(Live)
        seen = len(rig.models)
        rig.post(CallUp(1), CallUp(9), CallDown(9))
        await rig.supervisor.echo()
        assert len(rig.models) == seen
        rig.marks.pop()  # the end of call 9, which nobody made


async def test_marks_tell_when_it_happened() -> None:
    async with running() as rig:
        rig.post(ToggleCall())
        await rig.until(Live)
        rig.post(TakePhoto())
        await asyncio.sleep(1)
        rig.post(HangUp())
        await rig.until(Idle)
        assert [(mark.name, mark.at, mark.call_no) for mark in rig.marks] == [
            ("press", 0.0, 1),
            ("call_up", 1.0, 1),
            ("press", 1.0, 1),
            ("photo_captured", 1.5, 1),
            ("call_ended", 2.0, 1),
        ]


async def test_hang_up_at_the_service_outlives_its_call() -> None:
    done: list[float] = []

    async def errand() -> None:
        await asyncio.sleep(1.2)
        done.append(now())

    async with running() as rig:
        rig.post(Dial())
        await rig.until(Live)
        rig.supervisor.run_errand("hang-up", errand)
        rig.post(Shutdown())
    assert pytest.approx(done) == [2.2]
