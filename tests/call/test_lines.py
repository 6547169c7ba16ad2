"""Which way our events go."""

from dataclasses import dataclass, field

import msgspec
import pytest

from appliance.call.lines import Line, Lines
from appliance.call.sideband import HELD_LIMIT
from appliance.realtime.client_events import OutputClear


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
        return Line(lambda: self.is_open, self.send)


def event(name: str) -> OutputClear:
    return OutputClear(event_id=name)


def test_first_line_is_taken_while_it_is_open() -> None:
    best, other = Way(), Way()
    lines = Lines(best.line(), other.line())

    lines.send([event("1")])
    best.is_open = False
    lines.send([event("2")])
    best.is_open = True
    lines.send([event("3")])

    assert (best.sent, other.sent) == (["1", "3"], ["2"])


def test_events_wait_in_order_for_a_line() -> None:
    way = Way(is_open=False)
    lines = Lines(way.line())

    lines.send([event("1"), event("2")])
    assert not lines.any_open
    way.is_open = True
    lines.send([event("3")])

    assert way.sent == ["1", "2", "3"]


def test_undelivered_events_go_before_all_others() -> None:
    way = Way(is_open=False)
    lines = Lines(way.line())
    lines.send([event("3")])
    lines.hold_again(['{"event_id":"1"}', '{"event_id":"2"}'])
    way.is_open = True
    lines.flush()

    assert way.sent == ["1", "2", "3"]


def test_of_many_waiting_events_the_last_are_kept() -> None:
    way = Way(is_open=False)
    lines = Lines(way.line())
    lines.send(event(str(number)) for number in range(HELD_LIMIT + 3))
    way.is_open = True
    lines.flush()

    assert way.sent == [str(number) for number in range(3, HELD_LIMIT + 3)]


def test_event_that_fits_no_line_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    way = Way(limit=60)
    lines = Lines(way.line())
    lines.send([event("x" * 100), event("2")])

    assert way.sent == ["2"]
    assert "too long" in caplog.text


def test_event_too_long_for_one_line_takes_the_other() -> None:
    small, large = Way(limit=60), Way()
    lines = Lines(small.line(), large.line())
    lines.send([event("x" * 100)])

    assert large.sent == ["x" * 100]
