"""The conversation: items in order, what is in them and what was understood of them - pure."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

from appliance.emulator.checks import picture_of
from appliance.emulator.usage import ASSISTANT_MS, PICTURE, Tokens, text_tokens
from appliance.emulator.wire import Json, Refusal


@dataclass(frozen=True, slots=True)
class Said:
    """A word of the assistant and where its sound begins and ends in its item."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(slots=True)
class Item:
    """One item: `wire` as clients see it, and what ears and eyes made of it."""

    wire: Json
    tokens: Tokens = field(default_factory=Tokens)
    pending: int = 0  # answers of ears and eyes that are still to come
    words: str = ""  # of the user, typed or recognised
    deaf: str = ""  # why the user's sound was not understood
    seen: list[str] = field(default_factory=list)
    speech: list[Said] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.wire["id"])

    @property
    def is_answer(self) -> bool:
        """The assistant said it, and not just on the way to calling a tool."""
        role, phase = self.wire.get("role"), self.wire.get("phase")
        return role == "assistant" and phase != "commentary"

    @property
    def duration_ms(self) -> int:
        """Length of the assistant's sound in it."""
        return self.speech[-1].end_ms if self.speech else 0

    def cut(self, end_ms: int) -> str:
        """Forget speech that begins at or after `end_ms`; return the words that are left."""
        self.speech = [word for word in self.speech if word.start_ms < end_ms]
        transcript = "".join(word.text for word in self.speech).rstrip()
        for part in self.wire["content"]:
            if part["type"] == "output_audio":
                part["transcript"] = transcript
        self.tokens = Tokens(text_tokens(transcript), min(end_ms, self.duration_ms) // ASSISTANT_MS)
        return transcript

    def public(self, *, pictures: bool) -> Json:
        """A copy for an event, with or without the data of its pictures."""
        copy = deepcopy(self.wire)
        for part in copy.get("content", ()):
            part.pop("audio", None)
            if not pictures and part["type"] == "input_image":
                del part["image_url"]
        return copy


# What the service adds to an item a client created.
_STATUS: Final[Json] = {"status": "completed"}


def created(given: Json, item_id: str) -> tuple[Item, list[bytes]]:
    """The item a client asked for, and its pictures, which are still to be looked at."""
    wire = {"id": given.get("id") or item_id, "type": given["type"]}
    wire |= {} if given["type"] == "function_call_output" else _STATUS
    skip = ("id", "type", "object", "status")
    wire |= {key: deepcopy(value) for key, value in given.items() if key not in skip}
    item = Item(wire)
    pictures: list[bytes] = []
    texts: list[str] = []
    for part in wire.get("content", ()):
        texts.append(part.get("text") or part.get("transcript") or "")
        if part["type"] == "input_image":
            part.setdefault("detail", "auto")
            pictures.append(picture_of(part["image_url"]) or b"")
    item.words = " ".join(text for text in texts if text)
    item.pending = len(pictures)
    size = item.words + wire.get("output", "") + wire.get("arguments", "")
    item.tokens = Tokens(text_tokens(size), image=PICTURE * len(pictures))
    return item, pictures


class Conversation:
    """The default conversation of a session."""

    def __init__(self, conversation_id: str) -> None:
        """Empty."""
        self.id = conversation_id
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        """In conversation order."""
        return iter(self._items)

    @property
    def last_id(self) -> str | None:
        """The id of the last item."""
        return self._items[-1].id if self._items else None

    def find(self, item_id: str) -> Item | None:
        """The item of this id."""
        return next((item for item in self._items if item.id == item_id), None)

    def get(self, item_id: str, verb: str) -> Item:
        """The item of this id, for a client who wants to `verb` it.

        Raises:
            Refusal: there is none.
        """
        item = self.find(item_id)
        if item is None:
            message = f"Error {verb[:-1]}ing item: the item with id '{item_id}' does not exist."
            raise Refusal(f"item_{verb}_invalid_item_id", message, "item_id")
        return item

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Insert an item and return the id of the one before it.

        Args:
            item: the new one.
            after: an item's id, `root` for the front, None for the end.

        Raises:
            Refusal: there is no such item, or the new id is taken.
        """
        if self.find(item.id):
            message = f"Error adding item: an item with id '{item.id}' already exists."
            raise Refusal("item_create_duplicate_item_id", message, "item.id")
        if after is None:
            index = len(self._items)
        elif after == "root":
            index = 0
        else:
            index = self._index(after) + 1
        self._items.insert(index, item)
        return self._items[index - 1].id if index else None

    def remove(self, item: Item) -> None:
        """Forget an item."""
        self._items.remove(item)

    def fresh(self) -> list[Item]:
        """What came after the last answer."""
        return fresh(self._items)

    def tokens(self) -> Tokens:
        """What the whole conversation costs as input."""
        return total(self._items)

    def _index(self, item_id: str) -> int:
        for index, item in enumerate(self._items):
            if item.id == item_id:
                return index
        message = f"Error adding item: the previous item with id '{item_id}' does not exist."
        raise Refusal("item_create_invalid_previous_item_id", message, "previous_item_id")


def fresh(items: Sequence[Item]) -> list[Item]:
    """What came after the last answer."""
    answers = [index for index, item in enumerate(items) if item.is_answer]
    return list(items[answers[-1] + 1 :] if answers else items)


def total(items: Iterable[Item]) -> Tokens:
    """What these items cost as input."""
    result = Tokens()
    for item in items:
        result += item.tokens
    return result
