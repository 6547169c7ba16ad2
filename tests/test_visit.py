"""The visitor of the demo behaves as a person would."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from appliance.core.events import Event
from appliance.core.gestures import Button
from appliance.core.model import Live, Model, Turn
from appliance.demo.visit import TRIES, Visit, _counts, _starts
from appliance.demo.witness import NotSeenError, Witness
from appliance.hub import Hub, Mark
from appliance.realtime.conversation import Entry
from appliance.terminal import PlainView

pytestmark = pytest.mark.looptime

LOST = "(not a word of it arrives)"


class Visitor:
    """Says things to a service that writes down something of its own, and answers.

    `said`: how often. `tools`: for each time the tool that runs, "" for none.
    """

    def __init__(self, hub: Hub, heard: Sequence[str], tools: Sequence[str], answer: str) -> None:
        self._hub = hub
        self._heard = list(heard)
        self._tools = list(tools)
        self._answer = answer
        self.answering = False
        self.said = 0

    async def press(self, button: Button) -> None:
        raise AssertionError(button)

    async def speak(self, text: str) -> None:
        assert not self.answering, "nobody says a thing again into the answer"
        self.said += 1
        words = self._heard.pop(0)
        if words == LOST:
            return
        self._turn(Turn.USER_SPEAKING)
        self._turn(Turn.THINKING)
        self._hub.publish(Entry(f"item_{self.said}", self.said, "user", words, final=True))
        if self._tools and (tool := self._tools.pop(0)):
            self._hub.publish(Mark("tool_started", 0.0, fields={"tool": tool}))
        self._turn(Turn.SPEAKING)
        self._hub.publish(Entry(f"answer_{self.said}", self.said, "assistant", self._answer))
        self.answering = True
        asyncio.get_running_loop().call_later(3, self._finish)

    def _finish(self) -> None:
        self.answering = False
        self._turn(Turn.LISTENING)

    def _turn(self, turn: Turn) -> None:
        self._hub.publish(Model(Live(1, turn)))

    def post(self, event: Event) -> None:
        raise AssertionError(event)

    async def hung_up(self) -> None:
        raise AssertionError


@asynccontextmanager
async def visiting(
    *heard: str, tools: Sequence[str] = (), answer: str = "I have no answer to that."
) -> AsyncIterator[tuple[Visit, Visitor]]:
    hub = Hub()
    witness = Witness(PlainView(io.StringIO()))
    visitor = Visitor(hub, heard, tools, answer)
    with hub.reader() as reader:
        async with asyncio.timeout(200), asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(witness.watch(reader))
            await asyncio.sleep(0)
            yield Visit(visitor, witness), visitor
            watching.cancel()


async def test_what_was_understood_is_said_once() -> None:
    async with visiting("What time is it?", tools=("current_time",)) as (visit, visitor):
        assert await visit._ask("What time is it?", _starts("current_time")) == 0
    assert visitor.said == 1


async def test_what_was_misheard_is_said_again_after_the_answer() -> None:
    heard = ("Head to and five slowly.", "Add two and five slowly.")
    async with visiting(*heard, tools=("", "delayed_add")) as (visit, visitor):
        since = await visit._ask("Add two and five slowly.", _starts("delayed_add"))
        line, _ = await visit.witness.line("user", "", since=since, limit=1)
    assert line.text == heard[1]
    assert visitor.said == 2


async def test_what_did_not_arrive_at_all_is_said_again() -> None:
    async with visiting(LOST, "What time is it?", tools=("current_time",)) as (visit, visitor):
        await visit._ask("What time is it?", _starts("current_time"))
    assert visitor.said == 2


async def test_what_is_never_understood_fails_the_step() -> None:
    async with visiting(*["Well."] * TRIES) as (visit, visitor):
        with pytest.raises(NotSeenError, match="not understood"):
            await visit._ask("Please count from one to twenty.", _counts)
    assert visitor.said == TRIES


async def test_counting_that_begins_was_understood() -> None:
    async with visiting("Please count for a one twenty.", answer="One. Two") as (visit, visitor):
        await visit._ask("Please count from one to twenty.", _counts)
    assert visitor.said == 1
