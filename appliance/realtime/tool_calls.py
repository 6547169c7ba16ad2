"""Folds function-call events into complete tool calls, each exactly once."""

from dataclasses import dataclass

from appliance.realtime.seen import Seen
from appliance.realtime.server_events import (
    ArgumentsDone,
    ItemRetrieved,
    OutputItemDone,
    ResponseDone,
    ServerEvent,
)
from appliance.realtime.shapes import Item

_CALLS = 2000  # an hour, the longest session, holds fewer; a forgotten one would run twice
_RESPONSES = 100  # cancelled responses whose events may still come on the slower channel
_ARGUMENTS = 50  # calls between arguments.done and item.done, normally one


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to call a tool. `arguments`: the JSON text as the model wrote it."""

    call_id: str
    name: str
    arguments: str


class ToolCalls:
    """Finds the calls to run in the events of both channels.

    A call is complete at response.output_item.done; what was missed is found at response.done. A
    response that was cancelled, failed or cut off starts none (official agents SDK for JavaScript).
    """

    def __init__(self) -> None:
        self._started = Seen(_CALLS)
        self._over = Seen(_RESPONSES)
        self._arguments: dict[str, ArgumentsDone] = {}

    def apply(self, event: ServerEvent) -> list[ToolCall]:
        """Return the calls that are complete now and were not before."""
        match event:
            case ArgumentsDone(call_id=str(call_id)):
                self._remember(call_id, event)
                return []
            case OutputItemDone(item=item, response_id=response_id):
                stale = response_id is not None and response_id in self._over
                return [] if stale else self._calls(item)
            case ItemRetrieved(item=item):
                return self._calls(item)
            case ResponseDone(response=response) if response.status == "completed":
                return self._calls(*response.items)
            case ResponseDone(response=response):
                self._over.first(response.id)
                return []
            case _:
                return []

    def _remember(self, call_id: str, event: ArgumentsDone) -> None:
        self._arguments[call_id] = event
        if len(self._arguments) > _ARGUMENTS:
            del self._arguments[next(iter(self._arguments))]

    def _calls(self, *items: Item) -> list[ToolCall]:
        return [call for item in items if (call := self._call(item))]

    def _call(self, item: Item) -> ToolCall | None:
        complete = item.status in {"completed", None}  # some compatible services say nothing
        if item.type != "function_call" or not complete or not item.call_id:
            return None
        said = self._arguments.pop(item.call_id, None)
        name = item.name or (said.name if said else None)
        if not name or not self._started.first(item.call_id):
            return None
        arguments = item.arguments or (said.arguments if said else None)
        return ToolCall(item.call_id, name, arguments or "{}")
