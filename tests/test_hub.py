"""Everybody sees everything, and nobody holds the writer up."""

import asyncio

import pytest

from appliance.core.events import (
    CallDown,
    CallUp,
    Dial,
    Event,
    HangUp,
    PhotoTaken,
    TakePhoto,
    ToggleCall,
)
from appliance.core.model import Dialing, Live, Model, Photo, Problem
from appliance.hub import Gap, Hub, Levels, Mark, Message, Reader, mark_of

QUIET = Levels(-90.0, -90.0)


async def drained(reader: Reader) -> list[Message | Gap]:
    """What the reader still gets from a hub that has closed."""
    async with asyncio.timeout(5):
        return [message async for message in reader]


async def test_every_reader_gets_every_message_in_order() -> None:
    hub = Hub()
    messages: list[Message] = [Model(muted=True), QUIET, Mark("press", 1.0)]
    with hub.reader() as one, hub.reader() as two:
        for message in messages:
            hub.publish(message)
        hub.close()
        assert messages == await drained(one)
        assert messages == await drained(two)


async def test_reader_waits_for_news() -> None:
    hub = Hub()
    with hub.reader() as reader:
        asyncio.get_running_loop().call_soon(hub.publish, QUIET)
        async with asyncio.timeout(5):
            assert await anext(reader) == QUIET


async def test_slow_reader_loses_the_oldest_and_is_told_how_many() -> None:
    hub = Hub()
    with hub.reader(limit=3) as slow, hub.reader() as fast:
        marks: list[Message | Gap] = [Mark("press", float(number)) for number in range(10)]
        for mark in marks:
            assert not isinstance(mark, Gap)
            hub.publish(mark)
        hub.close()
        assert [Gap(7), *marks[7:]] == await drained(slow)
        assert marks == await drained(fast)


async def test_gap_is_told_once() -> None:
    hub = Hub()
    with hub.reader(limit=1) as reader:
        hub.publish(QUIET)
        hub.publish(Mark("press", 1.0))
        assert await anext(reader) == Gap(1)
        hub.publish(Mark("press", 2.0))
        assert await anext(reader) == Gap(1)
        assert await anext(reader) == Mark("press", 2.0)


async def test_waiting_reader_ends_with_the_hub() -> None:
    hub = Hub()
    with hub.reader() as reader:
        asyncio.get_running_loop().call_soon(hub.close)
        assert await drained(reader) == []


async def test_reader_that_comes_after_the_end_ends_at_once() -> None:
    hub = Hub()
    hub.close()
    with hub.reader() as reader:
        assert await drained(reader) == []


async def test_reader_that_gave_up_waiting_misses_nothing() -> None:
    hub = Hub()
    with hub.reader() as reader:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(reader)
        hub.publish(QUIET)
        assert await anext(reader) == QUIET


async def test_reader_that_left_holds_nothing() -> None:
    hub = Hub()
    with hub.reader() as reader:
        pass
    hub.publish(QUIET)
    hub.close()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(reader)


def test_latest_model_is_at_hand() -> None:
    hub = Hub()
    assert hub.model == Model()
    hub.publish(Model(muted=True))
    hub.publish(QUIET)
    assert hub.model == Model(muted=True)


QUOTA = Problem("quota", "Nothing is left to spend.")
BEFORE, AFTER = Model(Dialing(3), calls_made=3), Model(Live(3), calls_made=3)


@pytest.mark.parametrize(
    ("event", "mark"),
    [
        (Dial(), Mark("press", 7.0, 3, {"what": "call"})),
        (ToggleCall(), Mark("press", 7.0, 3, {"what": "call"})),
        (TakePhoto(), Mark("press", 7.0, 3, {"what": "photo"})),
        (PhotoTaken(Photo("p")), Mark("photo_captured", 7.0, 3)),
        (CallUp(3), Mark("call_up", 7.0, 3)),
        (CallDown(3), Mark("call_ended", 7.0, 3)),
        (
            CallDown(3, Problem("quota", "No money.")),
            Mark("call_ended", 7.0, 3, {"problem": "quota"}),
        ),
        (HangUp(), None),
    ],
)
def test_events_leave_marks(event: Event, mark: Mark | None) -> None:
    assert mark == mark_of(event, BEFORE, AFTER, 7.0)


def test_call_that_is_up_already_leaves_no_mark() -> None:
    assert mark_of(CallUp(3), AFTER, AFTER, 7.0) is None
