"""The visitor of the demo behaves as a person would."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.core.events import Event
from appliance.core.gestures import Button
from appliance.demo.visit import TRIES, Visit
from appliance.demo.witness import NotSeenError, Witness
from appliance.hub import Hub
from appliance.realtime.conversation import Entry
from appliance.terminal import PlainView


class Visitor:
    """Says things to a service that writes down something of its own. `said`: how often."""

    def __init__(self, hub: Hub, *heard: str) -> None:
        self._hub = hub
        self._heard = list(heard)
        self.said = 0

    async def press(self, button: Button) -> None:
        raise AssertionError(button)

    async def speak(self, text: str) -> None:
        self.said += 1
        words = self._heard.pop(0)
        self._hub.publish(Entry(f"item_{self.said}", self.said, "user", words, final=True))

    def post(self, event: Event) -> None:
        raise AssertionError(event)

    async def hung_up(self) -> None:
        raise AssertionError


@asynccontextmanager
async def visiting(*heard: str) -> AsyncIterator[tuple[Visit, Visitor]]:
    hub = Hub()
    witness = Witness(PlainView(io.StringIO()))
    visitor = Visitor(hub, *heard)
    with hub.reader() as reader:
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(witness.watch(reader))
            await asyncio.sleep(0)
            yield Visit(visitor, witness), visitor
            watching.cancel()


async def test_what_was_understood_is_said_once() -> None:
    async with visiting("Please count from 1 to 20.") as (visit, visitor):
        heard, _ = await visit._ask("Please count from one to twenty.", "twenty|20")
    assert heard == "Please count from 1 to 20."
    assert visitor.said == 1


async def test_what_was_misheard_is_said_again() -> None:
    async with visiting("Please count from one to one to be.", "From one to twenty.") as (
        visit,
        visitor,
    ):
        heard, _ = await visit._ask("Please count from one to twenty.", "twenty|20")
    assert heard == "From one to twenty."
    assert visitor.said == 2


async def test_what_is_never_understood_fails_the_step() -> None:
    async with visiting(*["Well."] * TRIES) as (visit, visitor):
        with pytest.raises(NotSeenError, match="not understood"):
            await visit._ask("What time is it?", "time")
    assert visitor.said == TRIES
