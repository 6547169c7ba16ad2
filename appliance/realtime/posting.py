"""Names what we send, and knows which of our items the service has not confirmed yet."""

from appliance.realtime.client_events import (
    FunctionCallOutput,
    InputImage,
    InputText,
    ItemCreate,
    Message,
    NewItem,
)
from appliance.realtime.shapes import Item

_UNCONFIRMED = 32  # items; a service that confirms nothing must not fill our memory


class Posting:
    """Counts ids and keeps the books of our items."""

    def __init__(self, prefix: str) -> None:
        """`prefix`: begins every id; with the count at most client_events.MAX_ID characters."""
        self._prefix = prefix
        self._count = 0
        self._open: dict[str, ItemCreate] = {}  # by event id

    @property
    def settled(self) -> bool:
        """Whether the service has told us of every item we posted."""
        return not self._open

    def unconfirmed(self) -> list[ItemCreate]:
        """Return the events whose items the service has not told us of, as they were posted."""
        return list(self._open.values())

    def id(self) -> str:
        """Return a new id."""
        self._count += 1
        return f"{self._prefix}_{self._count}"

    def message(self, *content: InputText | InputImage) -> Message:
        """Return a new message of the person."""
        return Message(role="user", content=content, id=self.id())

    def post(self, item: NewItem) -> ItemCreate:
        """Return the event that puts an item into the conversation."""
        event_id = self.id()
        event = self._open[event_id] = ItemCreate(item, event_id=event_id)
        if len(self._open) > _UNCONFIRMED:
            del self._open[next(iter(self._open))]
        return event

    def confirm(self, item: Item) -> None:
        """Take note that the service has this item."""
        self._open = {key: event for key, event in self._open.items() if not _is(event.item, item)}

    def refuse(self, event_id: str | None) -> None:
        """Take note that the service will never have the item of this event."""
        self._open.pop(event_id or "", None)


def _is(posted: NewItem, item: Item) -> bool:
    if isinstance(posted, FunctionCallOutput):
        return item.type == "function_call_output" and item.call_id == posted.call_id
    return item.id == posted.id
