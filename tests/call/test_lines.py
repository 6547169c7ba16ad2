"""Which way our events go."""

import asyncio
from dataclasses import dataclass, field

import msgspec
import pytest

from appliance.call.lines import HELD_LIMIT, Line, Lines
from appliance.realtime.client_events import OutputClear, encode


@dataclass
class Way:
    """A line that can be opened and closed; it takes messages up to `limit` characters."""

    is_open: bool = True
    limit: int = 1000
    sent: list[str] = field(default_factory=list)

    def send(self, message: str) -> bool:
        if not self.is_open or len(message) > self.limit:
            return False
        self.sent.append(msgspec.json.decode(message)["event_id"])
        return True

    def line(self) -> Line:
        return Line(lambda: self.is_open, lambda: self.limit, self.send)


def never() -> None:
    raise AssertionError("a message was lost")


def event(name: str) -> OutputClear:
    return OutputClear(event_id=name)


def test_first_line_is_taken_while_it_is_open() -> None:
    best, other = Way(), Way()
    lines = Lines(best.line(), other.line(), lost=never)

    lines.send([event("1")])
    best.is_open = False
    lines.send([event("2")])
    best.is_open = True
    lines.send([event("3")])

    assert (best.sent, other.sent) == (["1", "3"], ["2"])


def test_events_wait_in_order_for_a_line() -> None:
    way = Way(is_open=False)
    lines = Lines(way.line(), lost=never)

    lines.send([event("1"), event("2")])
    assert not lines.any_open
    way.is_open = True
    lines.send([event("3")])

    assert way.sent == ["1", "2", "3"]


def test_undelivered_events_go_before_all_others() -> None:
    way = Way(is_open=False)
    lines = Lines(way.line(), lost=never)
    lines.send([event("3")])
    lines.hold_again(['{"event_id":"1"}', '{"event_id":"2"}'])
    way.is_open = True
    lines.flush()

    assert way.sent == ["1", "2", "3"]


def test_event_held_already_is_not_held_twice() -> None:
    way = Way(is_open=False)
    lines = Lines(way.line(), lost=never)
    lines.send([event("2")])
    lines.hold_again([encode(event("1")), encode(event("2"))])
    way.is_open = True
    lines.flush()

    assert way.sent == ["1", "2"]


def test_of_many_waiting_events_the_last_are_kept() -> None:
    way = Way(is_open=False)
    lost: list[int] = []
    lines = Lines(way.line(), lost=lambda: lost.append(1))
    lines.send(event(str(number)) for number in range(HELD_LIMIT + 3))
    way.is_open = True
    lines.flush()

    assert way.sent == [str(number) for number in range(3, HELD_LIMIT + 3)]
    assert len(lost) == 3


def test_event_too_long_for_what_is_open_waits_for_the_longer_line() -> None:
    small, large = Way(limit=60), Way(is_open=False)
    lines = Lines(large.line(), small.line(), lost=never)
    lines.send([event("x" * 100), event("2")])
    assert lines.stuck
    large.is_open = True
    lines.flush()

    assert (large.sent, small.sent) == (["x" * 100, "2"], [])
    assert not lines.stuck


def test_event_given_up_is_told_of_and_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    lost: list[int] = []
    way = Way(limit=60)
    lines = Lines(way.line(), lost=lambda: lost.append(1))
    lines.send([event("x" * 100), event("2")])
    lines.drop_first()

    assert (way.sent, lost) == (["2"], [1])
    assert "did not reach" in caplog.text
    assert "xxx" not in caplog.text


async def test_room_is_that_of_the_open_lines() -> None:
    small, large = Way(limit=60), Way(is_open=False)
    lines = Lines(large.line(), small.line(), lost=never)
    assert lines.room == 60
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(lines.room_for(61))
        await asyncio.sleep(0)
        lines.flush()
        await asyncio.sleep(0)
        assert not waiting.done()
        large.is_open = True
        lines.flush()
    small.is_open = large.is_open = False
    assert lines.room == 1000


def test_event_too_long_for_one_line_takes_the_other() -> None:
    small, large = Way(limit=60), Way()
    lines = Lines(small.line(), large.line(), lost=never)
    lines.send([event("x" * 100)])

    assert large.sent == ["x" * 100]
