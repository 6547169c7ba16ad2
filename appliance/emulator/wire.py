"""What both ends of the wire agree on: JSON objects, orders to the shell, refusals - pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from appliance.errors import ProtocolError

# The wire is JSON of many shapes; the emulator must pass on what it does not know.
Json: TypeAlias = dict[str, Any]


class Refusal(ProtocolError):  # noqa: N818 - the service refuses; nothing is broken
    """The service refuses what a client sent, in the words of its error object."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        """`param`: path of the offending key, as `session.audio.input`."""
        super().__init__(message)
        self.code = code
        self.param = param

    def body(self) -> Json:
        """The error object, of HTTP answers and of `error` events."""
        return {
            "type": "invalid_request_error",
            "code": self.code,
            "message": self.cause,
            "param": self.param,
        }


class Ids(Protocol):
    """Makes the random parts of a conversation."""

    def make(self, kind: str) -> str:
        """A new id: `event`, `buffer_event`, `item`, `resp`, `conv`, `sess`, `call`, `ek`."""
        ...

    def padding(self, length: int) -> str:
        """Random letters."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """What the shell knows when something happens.

    `received_ms`: sound received from the user so far. `heard`: for each item that was given to
    playout, the milliseconds of it that were sent out in real time.
    """

    received_ms: int = 0
    heard: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """Order: give this event to every channel of the call."""

    event: Json


@dataclass(frozen=True, slots=True)
class Speak:
    """Order: speak this; report every word with `Brain.spoken`, the end with `Brain.said`."""

    response_id: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Order: nothing more will be said in this response; playout may run dry."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Hush:
    """Order: stop making this response's sound; what was made may still be heard."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Order: drop all sound that was not yet heard."""


@dataclass(frozen=True, slots=True)
class Recognize:
    """Order: tell `Brain.transcribed` the words between these two places of the sound received."""

    item_id: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Look:
    """Order: tell `Brain.seen` what is in the picture."""

    item_id: str
    picture: bytes


@dataclass(frozen=True, slots=True)
class Listen:
    """Order: take over the settings of turn detection; `forget`: the input buffer was emptied."""

    forget: bool


@dataclass(frozen=True, slots=True)
class Expire:
    """Order: the session is over; close every channel with this sentence."""

    reason: str


Order: TypeAlias = Send | Speak | Finish | Hush | Clear | Recognize | Look | Listen | Expire


class Outbox:
    """Collects orders in the order they were given; knows how an event is made."""

    def __init__(self, ids: Ids) -> None:
        """`ids` names the events."""
        self.ids = ids
        self._orders: list[Order] = []

    def add(self, order: Order) -> None:
        """Queue an order."""
        self._orders.append(order)

    def send(self, kind: str, **fields: object) -> None:
        """Queue a server event with a fresh id."""
        id_kind = "buffer_event" if kind.startswith("output_audio_buffer.") else "event"
        self.add(Send({"type": kind, "event_id": self.ids.make(id_kind), **fields}))

    def delta(self, kind: str, delta: str, **fields: object) -> None:
        """Queue a piece of text; like the real service with padding that hides its length."""
        padding = self.ids.padding(max(1, 16 - len(delta)))
        self.send(kind, **fields, delta=delta, obfuscation=padding)

    def take(self) -> list[Order]:
        """What was queued since the last time."""
        orders, self._orders = self._orders, []
        return orders
