"""Faults as data: which misfortune happens to which call, when and how often - pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from appliance.errors import ConfigError

Seconds: TypeAlias = Annotated[float, Meta(ge=0)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]


class Fault(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="fault",
    tag=lambda name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_"),
):
    """Common to all: `skip` occasions pass unharmed, then it strikes `times` times (0: always)."""

    skip: Count = 0
    times: Count = 1


class Timed(Fault, frozen=True):
    """Strikes `after` seconds, counted from what each of these says."""

    after: Seconds = 0.0


class RefuseCall(Fault, frozen=True):
    """POST /calls is answered with an error of this status and code."""

    status: Annotated[int, Meta(ge=400, le=599)] = 500
    code: str = ""
    message: str = ""
    retry_after: Annotated[float, Meta(ge=0)] | None = None


class IgnoreCall(Fault, frozen=True):
    """POST /calls is never answered."""


class DelayCall(Fault, frozen=True):
    """POST /calls is answered `after` seconds later; the call exists meanwhile."""

    after: Seconds = 1.0


class NoLocation(Fault, frozen=True):
    """The 201 carries no Location."""


class DoubleLocation(Fault, frozen=True):
    """The Location is `/v1/realtime/calls/calls/<id>`, as once seen of the service."""


class DropMedia(Timed, frozen=True):
    """`after` seconds into the connection, the peer falls silent without a word: no RTP, no ICE."""


class CloseChannel(Timed, frozen=True):
    """`after` seconds after it opened, the data channel closes; the call goes on."""


class RefuseSideband(Fault, frozen=True):
    """The sideband's handshake is answered with this status; 404 says call_id_not_found."""

    status: Annotated[int, Meta(ge=400, le=599)] = 404


class CloseSideband(Timed, frozen=True):
    """`after` seconds after it opened, the sideband closes; 1006: without a close frame."""

    code: Annotated[int, Meta(ge=1000, le=4999)] = 1011
    reason: str = ""


class ExpireSession(Timed, frozen=True):
    """`after` seconds into the call the session reaches its longest duration."""

    minutes: float = 60.0


class HangUp(Timed, frozen=True):
    """`after` seconds into the connection the service ends the call properly."""


class Garble(Timed, frozen=True):
    """`after` seconds into the call every channel gets a frame nobody can expect."""

    kind: Literal["not_json", "unknown_event", "missing_keys"] = "unknown_event"


class FailResponse(Fault, frozen=True):
    """A response ends as failed, with this error code."""

    code: str = "rate_limit_exceeded"
    message: str = "Rate limit reached. Please try again in 1s."


class FailTranscription(Fault, frozen=True):
    """The words of a turn are reported as not understood."""


AnyFault: TypeAlias = (
    RefuseCall
    | IgnoreCall
    | DelayCall
    | NoLocation
    | DoubleLocation
    | DropMedia
    | CloseChannel
    | RefuseSideband
    | CloseSideband
    | ExpireSession
    | HangUp
    | Garble
    | FailResponse
    | FailTranscription
)
_F = TypeVar("_F", bound=Fault)


def parse(texts: Iterable[str | bytes]) -> list[AnyFault]:
    """Faults out of JSON: an object, or a list of objects, in each text.

    Raises:
        ConfigError: a text is no fault plan; says where.
    """
    plan: list[AnyFault] = []
    for text in texts:
        try:
            given = msgspec.json.decode(text)
            given = given if isinstance(given, list) else [given]
            plan += msgspec.convert(given, type=list[AnyFault])
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"The fault plan cannot be read: {error}.",
                'Write a list of objects as {"fault": "refuse_call", "status": 429}.',
            ) from error
    return plan


@dataclass(slots=True)
class _Left:
    fault: Fault
    skip: int
    times: int  # 0: always


class FaultPlan:
    """The faults still to come. Asking for one uses it up."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """In this order."""
        self._left: list[_Left] = []
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> None:
        """Append faults."""
        self._left += [_Left(fault, fault.skip, fault.times) for fault in faults]

    def clear(self) -> None:
        """Forget all faults."""
        self._left.clear()

    def left(self) -> list[dict[str, object]]:
        """What is still to come, as JSON objects."""
        rows = []
        for left in self._left:
            row: dict[str, object] = msgspec.to_builtins(left.fault)
            rows.append({**row, "skip": left.skip, "times": left.times})
        return rows

    def take(self, kind: type[_F]) -> _F | None:
        """The first fault of this kind if it strikes on this occasion."""
        for left in self._left:
            if not isinstance(left.fault, kind):
                continue
            if left.skip:
                left.skip -= 1
                return None
            if left.times:
                left.times -= 1
                if not left.times:
                    self._left.remove(left)
            return left.fault
        return None
