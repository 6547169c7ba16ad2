"""One call in a task of its own: made, spoken to, ended; and what its owner learns of it."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from appliance.core.model import Cue, Problem, Text
from appliance.errors import AuthError, DeviceError
from appliance.hardware.nothing import NoCamera
from appliance.media.echo import NoEcho
from appliance.messages import PROBLEMS
from appliance.ports import Call
from appliance.running import CANCEL_LIMIT, RunningCall, StuckCallError
from appliance.warmup import WARM_PATIENCE, WarmUp
from tests.fakes import FakeCall, Manners
from tests.rig import LOST, forever, now

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_leftover_tasks")]

GONE = DeviceError("The microphone is gone.")


class Owner:
    """Has a call made, and keeps what it is told of its end, and when."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        manners: Manners | None = None,
        ready: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`ready`: awaited before the call is made."""
        self.call = FakeCall(7, lambda _: None, manners)
        self.made = asyncio.Event()
        self.ends: list[tuple[float, Problem | None]] = []
        self._ready = ready
        self.running = RunningCall(7, self._make, tasks, self._ended)

    async def _make(self) -> Call:
        if self._ready is not None:
            await self._ready()
        await asyncio.sleep(self.call.manners.made)
        self.made.set()
        return self.call

    def _ended(self, problem: Problem | None) -> None:
        assert not self.call.holding, "told before everything was released"
        self.ends.append((now(), problem))

    def end(self) -> tuple[float, str | None]:
        """When the call ended, and of what; it is told once."""
        ((at, problem),) = self.ends
        return at, problem.cause if problem is not None else None


@asynccontextmanager
async def owning(
    manners: Manners | None = None, ready: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Owner]:
    """A call that has just been asked for; it is over when the block has been left."""
    async with asyncio.TaskGroup() as tasks:
        yield Owner(tasks, manners, ready)


def failing(error: Exception) -> Callable[[], Awaitable[None]]:
    """What fails, after a second."""

    async def fail() -> None:
        await asyncio.sleep(1)
        raise error

    return fail


async def test_call_is_made_and_run_and_its_end_is_told_once() -> None:
    async with owning(Manners(made=2, lives=5)) as owner:
        assert not owner.made.is_set()
        await owner.made.wait()
        assert (now(), owner.ends) == (2, [])
    assert owner.end() == (7, None)


async def test_what_it_is_told_while_it_is_made_reaches_it_in_order_before_it_runs() -> None:
    def look(call: Call) -> None:
        assert isinstance(call, FakeCall)
        running.append(call.holding)

    running: list[bool] = []
    async with owning(Manners(made=2, lives=5)) as owner:
        for tell in (
            look,
            lambda call: call.volume(60),
            lambda call: call.send(Text("one")),
            lambda call: call.mute(False),
        ):
            owner.running.tell(tell)
        await asyncio.sleep(1)
        owner.running.tell(lambda call: call.send(Text("two")))
        assert (owner.call.loudness, owner.call.heard) == (None, [])
        await asyncio.sleep(2)
        owner.running.tell(lambda call: call.cue(Cue.MUTED))
        owner.running.tell(look)
    assert owner.call.heard == [Text("one"), False, Text("two"), Cue.MUTED]
    assert (owner.call.loudness, running) == (60, [False, True])


async def test_what_it_was_told_is_not_kept() -> None:
    def tell(call: Call) -> None:
        call.volume(60)

    told = weakref.ref(tell)
    async with owning(Manners(lives=2)) as owner:
        owner.running.tell(tell)
        del tell
        await asyncio.sleep(1)
        assert (owner.call.loudness, told()) == (60, None)


@pytest.mark.parametrize("after", [0.0, 1.0])
async def test_hanging_up_while_it_is_made_ends_it_at_once(after: float) -> None:
    async with owning(Manners(made=60)) as owner:
        owner.running.tell(lambda call: call.volume(60))
        if after:
            await asyncio.sleep(after)
        owner.running.close()
    assert (owner.end(), owner.made.is_set()) == ((after, None), False)


async def test_hanging_up_does_not_wait_for_the_warm_up() -> None:
    warm_up = WarmUp(NoEcho, NoCamera())
    async with owning(ready=warm_up.over) as owner:
        await asyncio.sleep(1)
        owner.running.close()
    assert (owner.end(), owner.made.is_set()) == ((1, None), False)


@pytest.mark.slow  # loads what a call needs
async def test_slow_warm_up_is_waited_for_once_however_often_a_call_is_asked_for() -> None:
    warm_up = WarmUp(NoEcho, NoCamera())
    async with owning(ready=warm_up.over) as owner:
        await asyncio.sleep(5)
        owner.running.close()
    assert now() == 5
    for _ in range(2):
        async with owning(Manners(answers=None), warm_up.over) as owner:
            await owner.made.wait()
            owner.running.close()
        assert owner.end() == (WARM_PATIENCE, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AuthError("The key was refused."), "auth"),
        (LOST, "network"),
        (TimeoutError(), "timeout"),
        (ExceptionGroup("", [GONE, KeyError("x")]), "device"),
        (KeyError("what grandma said"), "bug"),
    ],
)
@pytest.mark.parametrize("made", [False, True])
async def test_error_in_making_or_running_it_is_told_and_logged(
    made: bool, error: Exception, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    manners = Manners(lives=1, fails=error)
    async with owning(manners, None if made else failing(error)) as owner:
        owner.running.tell(lambda call: call.volume(60))
    assert owner.made.is_set() is made
    ((at, problem),) = owner.ends
    assert problem is not None
    assert (at, problem.kind) == (1, kind)
    (record,) = caplog.records
    assert record.getMessage().startswith(problem.cause)
    fields = {key: record.__dict__[key] for key in ("CALL_NO", "PROBLEM", "MESSAGE_ID")}
    assert fields == {"CALL_NO": 7, "PROBLEM": kind, "MESSAGE_ID": PROBLEMS[kind]}
    assert ('File "' in caplog.text) is (kind == "bug"), "only a bug leaves a trace"
    assert "grandma" not in caplog.text


@pytest.mark.parametrize("after", [0.5, 1.5])
async def test_call_that_breaks_when_spoken_to_ends_of_the_first_error(after: float) -> None:
    raises: dict[str, Exception] = {"mute": GONE, "send": AuthError("The key was refused.")}
    async with owning(Manners(made=1, raises=raises)) as owner:
        await asyncio.sleep(after)
        owner.running.tell(lambda call: call.mute(True))
        owner.running.tell(lambda call: call.send(Text("hello")))
    assert owner.end() == (max(after, 1), GONE.cause)


async def test_call_that_breaks_when_spoken_to_just_as_it_ends_ends_of_that() -> None:
    async with owning(Manners(raises={"mute": GONE})) as owner:
        await asyncio.sleep(2)
        task = next(task for task in asyncio.all_tasks() if task.get_name() == "call-7")
        owner.running.close()
        while not task.done():  # noqa: ASYNC110 - an event would come too late
            await asyncio.sleep(0)
        owner.running.tell(lambda call: call.mute(True))
    assert owner.end() == (2, GONE.cause)


async def test_hanging_up_asks_a_made_call_which_ends_in_its_own_time() -> None:
    async with owning(Manners(ends=0.5)) as owner:
        await asyncio.sleep(2)
        owner.running.close()
        owner.running.close()
    assert (owner.end(), owner.call.asked_to_end, owner.call.cancelled) == ((2.5, None), True, 0)


async def test_call_that_breaks_when_asked_to_end_ends_of_that() -> None:
    async with owning(Manners(raises={"close": GONE})) as owner:
        await asyncio.sleep(2)
        owner.running.close()
    assert owner.end() == (2, GONE.cause)


async def test_call_that_does_not_end_when_asked_is_cut_as_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with owning(Manners(deaf=True)) as owner:
        await asyncio.sleep(2)
        owner.running.close()
        await asyncio.sleep(3)
        assert owner.ends == []
        owner.running.cut()
    assert (owner.end(), owner.call.cancelled) == ((5, None), 1)
    (record,) = caplog.records
    assert (record.getMessage(), record.__dict__["CALL_NO"]) == ("The call had to be cut off.", 7)


async def test_call_that_ignores_every_cancellation_is_stuck() -> None:
    async def cut(owner: Owner) -> None:
        for _ in range(CANCEL_LIMIT):
            await asyncio.sleep(1)
            owner.running.cut()
        await asyncio.sleep(1)
        assert owner.ends == []
        owner.running.cut()

    with pytest.raises(ExceptionGroup) as failed:
        async with owning(Manners(deaf=True, stubborn=CANCEL_LIMIT)) as owner:
            await cut(owner)
    assert failed.group_contains(StuckCallError, match="call 7")
    assert now() == CANCEL_LIMIT + 1
    assert len(owner.ends) == 1, "what ends the process makes it let go"


async def test_cutting_or_speaking_after_the_end_changes_nothing() -> None:
    async with owning(Manners(lives=2)) as owner:
        await asyncio.sleep(3)
        owner.running.close()
        owner.running.cut()
        owner.running.tell(lambda call: call.send(Text("hello")))
    assert (owner.end(), owner.call.cancelled) == ((2, None), 0)
    assert owner.call.heard == [Text("hello")], "it is the call's to refuse"


async def test_call_that_cancels_itself_is_a_bug() -> None:
    async with owning(Manners(lives=2, fails=asyncio.CancelledError())) as owner:
        pass
    ((at, problem),) = owner.ends
    assert problem is not None
    assert (at, problem.kind) == (2, "bug")


@pytest.mark.parametrize("made", [False, True])
async def test_owner_that_is_cancelled_takes_its_call_along(made: bool) -> None:
    owners: list[Owner] = []

    async def own() -> None:
        async with owning(ready=None if made else forever) as owner:
            owners.append(owner)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(own())
        await asyncio.sleep(2)
        task.cancel()
    (owner,) = owners
    assert (len(owner.ends), owner.call.cancelled, owner.call.holding) == (1, int(made), False)
