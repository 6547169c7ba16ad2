"""Knows when all tool calls of a response are answered."""

from appliance.realtime.seen import Seen
from appliance.realtime.shapes import Item, Response

_CALLS = 2000  # answered calls; an hour, the longest session, holds fewer
_RESPONSES = 32  # with open calls; normally one


class Answers:
    """The books of tool calls and their outputs."""

    def __init__(self) -> None:
        self._calls: dict[str, set[str]] = {}  # of responses being made
        self._open: list[set[str]] = []  # of responses that are over
        self._given = Seen(_CALLS)

    @property
    def waiting(self) -> bool:
        """Whether a response that is over waits for a tool."""
        return bool(self._open)

    def note(self, item: Item, response_id: str) -> None:
        """Take note of a finished item of a response being made."""
        if call_id := _call_id(item):
            self._calls.setdefault(response_id, set()).add(call_id)
            if len(self._calls) > _RESPONSES:
                del self._calls[next(iter(self._calls))]

    def done(self, response: Response) -> bool:
        """Close a response; return whether its calls, if it has any, are all answered already.

        Calls of a response that was cancelled or failed need no answer of the model. One that was
        cut off by a limit starts none at its end (`tool_calls`), so only those before count.
        """
        calls = self._calls.pop(response.id, set())
        if response.status == "completed":
            calls |= {call_id for item in response.items if (call_id := _call_id(item))}
        if not response.stands or not calls:
            return False
        unanswered = {call_id for call_id in calls if call_id not in self._given}
        if unanswered:
            self._open = [*self._open[1 - _RESPONSES :], unanswered]
        return not unanswered

    def first(self, call_id: str) -> bool:
        """Return whether this is the first output of the call, and remember it."""
        return self._given.first(call_id)

    def close(self, call_id: str) -> bool:
        """Take note of an output; return whether it was the last one its response waited for."""
        waiting = len(self._open)
        for calls in self._open:
            calls.discard(call_id)
        self._open = [calls for calls in self._open if calls]
        return len(self._open) < waiting


def _call_id(item: Item) -> str | None:
    complete = item.type == "function_call" and item.status in {"completed", None}
    return item.call_id if complete else None
