"""A supervisor at work with fake calls and a fake camera, watched from all sides."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from appliance.core.events import (
    Event,
    Shutdown,
)
from appliance.core.lights import pattern_for
from appliance.core.model import (
    Dialing,
    HangingUp,
    Live,
    Model,
    Off,
    Phase,
    Photo,
)
from appliance.errors import UnreachableError
from appliance.hub import Mark, Message
from appliance.supervisor import Supervisor
from tests.fakes import FakeCall, Manners

LOST = UnreachableError("The network is gone.")


def now() -> float:
    return asyncio.get_running_loop().time()


class Rig:
    """A supervisor with fake calls, and everything it said and when."""

    def __init__(self, manners: Iterable[Manners | Exception] = ()) -> None:
        self.manners = list(manners)
        self.calls: list[FakeCall] = []
        self.resumed: list[bool] = []
        self.models: list[tuple[float, Model]] = []
        self.marks: list[Mark] = []
        self.camera: Callable[[], Awaitable[Photo]] = self.picture
        rng = random.Random(1)  # noqa: S311 - the same jitter each time
        self.supervisor = Supervisor(self.open, self.take_photo, self.publish, rng=rng)
        self._news = asyncio.Event()

    async def open(self, call_no: int, resume: bool) -> FakeCall:
        manners = self.manners.pop(0) if self.manners else Manners()
        if isinstance(manners, Exception):
            raise manners
        await asyncio.sleep(manners.made)
        call = FakeCall(call_no, self.post, manners)
        self.calls.append(call)
        self.resumed.append(resume)
        return call

    async def take_photo(self) -> Photo:
        return await self.camera()

    async def picture(self) -> Photo:
        await asyncio.sleep(0.5)
        return Photo("p1")

    def publish(self, message: Message) -> None:
        if isinstance(message, Model):
            self.models.append((now(), message))
            self._news.set()
        elif isinstance(message, Mark):
            self.marks.append(message)

    def post(self, *events: Event) -> None:
        for event in events:
            self.supervisor.post(event)

    def failed_to_photograph(self) -> bool:
        return self.model.notice is not None and self.model.notice.problem is not None

    @property
    def model(self) -> Model:
        return self.supervisor.model

    async def until(self, phase: type[Phase], call_no: int = 0) -> None:
        async with asyncio.timeout(4000):
            while not (isinstance(self.model.phase, phase) and self.model.calls_made >= call_no):
                self._news.clear()
                await self._news.wait()

    def open_calls(self) -> int:
        return sum(call.holding for call in self.calls)


@asynccontextmanager
async def running(*manners: Manners | Exception) -> AsyncIterator[Rig]:
    """A rig at work, ended by Shutdown, and checked for what it leaves behind."""
    rig = Rig(manners)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(rig.supervisor.run())
        yield rig
        rig.post(Shutdown())
        async with asyncio.timeout(10):
            await task
    assert isinstance(rig.model.phase, Off)
    assert rig.open_calls() == 0
    assert rig.supervisor._timers == {}
    ended = [mark.call_no for mark in rig.marks if mark.name == "call_ended"]
    assert ended == list(range(1, rig.model.calls_made + 1)), "one CallDown for each call"
    dark = [model for _, model in rig.models if not pattern_for(model).never_dark]
    assert not [model for model in dark if isinstance(model.phase, Dialing | Live | HangingUp)]


async def forever() -> None:
    await asyncio.Event().wait()


async def forever_picture() -> Photo:
    await forever()
    raise AssertionError
