"""Tells whose turn it is, by what is heard before what is generated."""

from typing import Literal, TypeAlias

from appliance.realtime.seen import Seen
from appliance.realtime.server_events import (
    InputCleared,
    InputCommitted,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
    SpeechTextDelta,
    TranscriptionCompleted,
)

Turn: TypeAlias = Literal["listening", "user speaking", "thinking", "speaking"]

_ANSWER = 10.0  # s from the end of speech to response.created, normally 0.5; noise gets no answer
_TOOL = 130.0  # s from a tool call to the response about it: the longest tool timeout and some
_RESPONSE = 60.0  # s without any event of a response after which its end was missed
_SILENCE = 5.0  # s of silent speaker after which the end of playback was missed


class Turns:
    """Folds events, and what the speaker really plays, into whose turn it is."""

    def __init__(self) -> None:
        self._now = 0.0
        self._speaker: str | None = None  # the person's item being spoken
        self._playing = False  # by the service's word
        self._played_at = 0.0
        self._audible = False  # by our own ears
        self._told = False  # whether the service tells about playback at all
        self._generating = False  # words of a response that nobody says is heard
        self._responses: dict[str, float] = {}
        self._over = Seen(100)  # the slower channel may tell of a response after its end
        self._answer_by = 0.0

    @property
    def turn(self) -> Turn:
        """Whose turn it is, as of the last `apply` or `heard`."""
        if self._speaker is not None:
            return "user speaking"
        if self._playing or self._audible or self._generating:
            return "speaking"
        alive = any(self._now < at + _RESPONSE for at in self._responses.values())
        return "thinking" if alive or self._now < self._answer_by else "listening"

    def heard(self, audible: bool, now: float) -> None:
        """Say whether the speaker plays the assistant: at each change and once a second or so."""
        self._now = now
        self._audible = audible
        if audible:
            self._played_at = now
        elif now - self._played_at > _SILENCE:
            self._playing = False

    def apply(self, event: ServerEvent, now: float) -> None:
        """Take in one event."""
        self._now = now
        response_id = getattr(event, "response_id", None)
        if response_id in self._responses:
            self._responses[response_id] = now
        match event:
            case SpeechStarted(item_id=item_id):
                self._speaker = item_id
            case SpeechStopped(item_id=item_id) | InputCommitted(item_id=item_id):
                self._quiet(item_id)
                self._answer_by = now + _ANSWER
            case TranscriptionCompleted(item_id=item_id):
                self._quiet(item_id)
            case InputCleared():
                self._speaker = None
                self._answer_by = 0.0
            case ResponseCreated() | ResponseDone():
                self._response(event, now)
            case OutputStarted() | OutputStopped() | OutputCleared():
                self._playback(event, now)
            case SpeechTextDelta() if not self._told:
                self._generating = True
            case _:
                pass

    def _quiet(self, item_id: str) -> None:
        if self._speaker == item_id:
            self._speaker = None

    def _response(self, event: ResponseCreated | ResponseDone, now: float) -> None:
        response = event.response
        if isinstance(event, ResponseCreated):
            if response.id not in self._over:
                self._responses[response.id] = now
                self._answer_by = 0.0
        elif self._over.first(response.id):
            self._responses.pop(response.id, None)
            self._generating = False
            ended = {"completed", None}  # a limit may cut off a call as well
            calls = any(
                item.type == "function_call" and item.status in ended for item in response.items
            )
            if calls and response.stands:
                self._answer_by = now + _TOOL

    def _playback(self, event: OutputStarted | OutputStopped | OutputCleared, now: float) -> None:
        self._told = True
        self._generating = False
        self._playing = isinstance(event, OutputStarted)
        if self._playing:
            self._played_at = now
            self._speaker = None  # its end was missed: the assistant is heard now
