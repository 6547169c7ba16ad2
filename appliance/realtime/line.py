"""One item of the conversation while it is being spoken, written or run."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from appliance.realtime.shapes import Item, Part

Role: TypeAlias = Literal["user", "assistant", "tool"]

_TEXT = 16_000  # characters of one item; the longest answer (4096 tokens) has about that many
_PARTS = 16  # parts of one item; the service makes one or two
_SHORT = 100  # characters of a tool's arguments and of its output that a transcript shows
_PHOTO = "[photo]"
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the transcript, as far as it is known; a later Entry of the item replaces it.

    `position` orders entries by the service's item order, not by arrival.
    """

    item_id: str
    position: int
    role: Role
    text: str
    final: bool = False
    interrupted: bool = False
    failed: bool = False


@dataclass(slots=True)
class Piece:
    """A part of a message.

    `spoken`: whether its words come from the sound or were written. `channel`: the one that
    brings them.
    """

    text: str = ""
    done: bool = False
    spoken: bool | None = None
    channel: str | None = None


@dataclass(slots=True)
class Line:
    """What is known of an item. `role` None: not for the transcript, or not known yet."""

    item_id: str
    role: Role | None = None
    pieces: dict[int, Piece] = field(default_factory=dict)
    name: str = ""
    arguments: str = ""
    output: str | None = None
    final: bool = False
    interrupted: bool = False
    failed: bool = False
    forgotten: bool = False
    pictured: bool = False

    @property
    def text(self) -> str:
        """What the transcript shows."""
        if self.role == "tool":
            call = f"{self.name} {_short(self.arguments)}".strip()
            return call if self.output is None else f"{call} → {_short(self.output)}".strip()
        texts = (self.pieces[index].text.strip() for index in sorted(self.pieces))
        return " ".join(text for text in texts if text)

    def entry(self, position: int) -> Entry | None:
        """Return what the transcript shows, if it shows this."""
        text = self.text
        if self.role is None or not (text or self.failed):
            return None
        return Entry(
            self.item_id, position, self.role, text, self.final, self.interrupted, self.failed
        )

    def hear(self, index: int, delta: str | None, *, spoken: bool, channel: str) -> None:
        """Append to a part, unless it is complete or its words come from elsewhere."""
        piece = self._piece(index, spoken)
        if not delta or piece is None or piece.done or piece.spoken != spoken:
            return
        if piece.channel is None:
            piece.channel = channel
        if piece.channel == channel and len(piece.text) < _TEXT:
            piece.text += delta

    def settle(self, index: int, text: str | None, *, spoken: bool) -> None:
        """Complete a part; the service's last word counts, unless it is empty."""
        piece = self._piece(index, spoken)
        if piece is None:
            return
        piece.done = True
        if text:
            piece.text = text[:_TEXT]

    def take(self, item: Item) -> None:
        """Take over what an item event knows."""
        match item.type:
            case "message":
                self.role = _ROLES.get(item.role) if item.role else self.role
                self._take_message(item)
            case "function_call" | "mcp_call":
                self.role = "tool"
                self.name = item.name or self.name
                self.arguments = item.arguments or self.arguments
                self.output = item.output if item.output is not None else self.output
                self.final = self.final or self.output is not None
            case "function_call_output":
                self.role = "tool"
                self.output = item.output
                self.final = True
            case _:
                pass
        if item.status == "incomplete":
            self.final = self.interrupted = True

    def _take_message(self, item: Item) -> None:
        parts = item.content or ()
        for index, part in enumerate(parts):
            self._take_part(index, part)
        unheard = any(
            part.type == "input_audio"
            and not ((piece := self.pieces.get(index)) is not None and piece.done)
            for index, part in enumerate(parts)
        )
        if parts and item.status == "completed" and not unheard:
            self.final = True

    def _take_part(self, index: int, part: Part) -> None:
        if part.type == "input_image":
            self.pictured = True
            self.settle(index, _PHOTO, spoken=False)
        elif part.text or part.transcript:
            self.settle(index, part.transcript or part.text, spoken="audio" in part.type)
        else:
            self._piece(index, None)

    def _piece(self, index: int, spoken: bool | None) -> Piece | None:
        if index not in self.pieces and len(self.pieces) >= _PARTS:
            return None
        piece = self.pieces.setdefault(index, Piece())
        if piece.spoken is None:
            piece.spoken = spoken
        return piece


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHORT else f"{flat[: _SHORT - 1]}…"
