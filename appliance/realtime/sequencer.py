"""Decides when the model is asked to answer: the only place that makes response.create."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from msgspec import UNSET

from appliance.realtime.answers import Answers
from appliance.realtime.client_events import (
    ClientEvent,
    FunctionCallOutput,
    InputImage,
    InputText,
    Message,
    OutputClear,
    ResponseCancel,
    ResponseCreate,
    ResponseOptions,
)
from appliance.realtime.floor import NAMELESS, Floor
from appliance.realtime.posting import Posting
from appliance.realtime.refusals import ACTIVE_RESPONSE, NOTHING_TO_CANCEL, delay, meaning
from appliance.realtime.seen import Seen
from appliance.realtime.server_events import (
    ErrorEvent,
    ItemAdded,
    ItemCreated,
    ItemDone,
    OutputItemDone,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
)
from appliance.realtime.shapes import ErrorBody, Response
from appliance.realtime.wish import Create, Wish

_CREATED = 10.0  # s from response.create to response.created, normally 0.3: it was lost
_CANCELLED = 3.0  # s from response.cancel to response.done, normally 0.1: it was lost
_PAUSE = 1.0  # s before a failed response is tried again, if the service does not say
_AGAIN = 0.25  # s before a response.create that met another response goes out again; then doubled
_PAUSE_MAX = 30.0  # s; a person does not wait longer for an answer

_RESPONSE_ID: Final = re.compile(r"\bresp_\w+")


class Sequencer:
    """Returns what to send, in order and on one channel, for what happened and what is wanted.

    One response at a time; tool outputs of one response are answered together; text and pictures
    interrupt. Events may come on both channels. All times are seconds of one clock; `tick` must be
    called when `deadline` is reached.
    """

    def __init__(self, prefix: str) -> None:
        """`prefix`: begins our event and item ids, at most 20 characters."""
        self._posting = Posting(prefix)
        self._answers = Answers()
        self._floor = Floor()
        self._now = 0.0
        self._wish: Wish | None = None
        self._not_before = 0.0
        self._again = _AGAIN
        self._create: Create | None = None  # sent, not answered
        self._answered: Create | None = None  # answered by a response, as it seems
        self._waiting: list[Message] = []  # until the interrupted response is over
        self._interrupting: float | None = None  # until when at most
        self._cancel_next = False  # the response.create in flight is not wanted any more
        self._cancelled = Seen(64)
        self._failure: ErrorBody | None = None

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do if no event comes before; None: never."""
        times: list[float] = []
        if self._create:
            times.append(self._create.at + _CREATED)
        if self._wish or self._waiting:
            times += [*self._floor.changes(), self._not_before]
            times += [] if self._interrupting is None else [self._interrupting]
        return min((time for time in times if time > self._now), default=None)

    @property
    def busy(self) -> bool:
        """Whether an answer is being made, wanted, or waits for a tool."""
        wanted = self._wish or self._create or self._waiting or self._floor.active
        return bool(wanted or self._answers.waiting)

    def failure(self) -> ErrorBody | None:
        """Return, once, why an answer that was owed will not come; None: all is well.

        It failed for good, or twice, and nothing else is about to be answered.
        """
        failure, self._failure = self._failure, None
        return failure

    def seed(self, items: Sequence[Message]) -> list[ClientEvent]:
        """Put the history of an earlier call into this one."""
        return [self._posting.post(item) for item in items]

    def greet(self, instructions: str, now: float) -> list[ClientEvent]:
        """Have the assistant begin, unless something is going on already.

        `instructions`, if any, replace the session's for this response, so should contain them.
        """
        if not self.busy:
            self._wish = Wish(instructions)
        return self._advance(now)

    def say(self, text: str, now: float) -> list[ClientEvent]:
        """Send typed words and have them answered now, whoever speaks."""
        return self._speak(self._posting.message(InputText(text)), now)

    def show(
        self, image_url: str, prompt: str, now: float, *, reply: bool = True
    ) -> list[ClientEvent]:
        """Send a picture (a data URL) and have it answered now.

        `reply` False: only put it into the conversation, for a tool whose output follows.
        """
        content = (InputText(prompt), InputImage(image_url)) if prompt else (InputImage(image_url),)
        message = self._posting.message(*content)
        if reply:
            return self._speak(message, now)
        return [self._posting.post(message), *self._advance(now)]

    def tool_output(self, call_id: str, output: str, now: float) -> list[ClientEvent]:
        """Hand in what a tool gave; the model answers when all of its response are in."""
        if not self._answers.first(call_id):
            return []
        if self._answers.close(call_id):
            self._want(Wish())
        item = FunctionCallOutput(call_id=call_id, output=output, id=self._posting.id())
        return [self._posting.post(item), *self._advance(now)]

    def unanswered(self) -> list[ClientEvent]:
        """Return once more, as they were, the events a line that broke may have swallowed.

        What the service has after all, it refuses: by the item's id, or because it answers already.
        """
        asked = [_response_create(self._create)] if self._create else []
        return [*self._posting.unconfirmed(), *asked]

    def tick(self, now: float) -> list[ClientEvent]:
        """Do what became due."""
        return self._advance(now)

    def on_event(self, event: ServerEvent, now: float) -> list[ClientEvent]:
        """Take in one event of the service."""
        sent: list[ClientEvent] = []
        match event:
            case ResponseCreated(response=response) if not self._floor.knows(response.id):
                sent = self._created(response)
            case ResponseDone(response=response) if not self._floor.over(response.id):
                self._done(response, now)
            case OutputItemDone(item=item, response_id=str(response_id)):
                if response_id in self._floor.active:
                    self._answers.note(item, response_id)
            case ItemAdded(item=item) | ItemCreated(item=item) | ItemDone(item=item):
                self._posting.confirm(item)
            case ErrorEvent(error=error):
                self._refused(error, now)
            case _:
                pass
        self._floor.apply(event, now)
        return sent + self._advance(now)

    # What happened

    def _created(self, response: Response) -> list[ClientEvent]:
        covered, self._again = self._posting.settled, _AGAIN
        if self._create:
            self._answered = replace(self._create, response_id=response.id, covered=covered)
            self._create = None
        elif covered:
            self._wish = None  # the service answers by itself, and knows all we had posted
        if not self._cancel_next:
            return []
        self._cancel_next = False
        return [self._cancel(response.id), OutputClear(event_id=self._posting.id())]

    def _done(self, response: Response, now: float) -> None:
        wish = Wish()
        if self._answered and self._answered.response_id == response.id:
            wish, self._answered = self._answered.wish, None
        if self._answers.done(response):
            self._want(Wish())
        if response.status == "failed":
            self._retry(response.error or ErrorBody(), wish, now)
        elif response.withheld:
            self._give_up(response.withheld, now)

    def _refused(self, error: ErrorBody, now: float) -> None:
        self._posting.refuse(error.event_id)
        create = self._blamed(error)
        if create:
            self._create = None if create is self._create else self._create
            self._answered = None if create is self._answered else self._answered
            if error.code != ACTIVE_RESPONSE:
                self._retry(error, create.wish, now)
            elif not create.covered:
                self._want(create.wish)
        if error.code == ACTIVE_RESPONSE:
            self._not_before = max(self._not_before, now + self._again)
            self._again = min(2 * self._again, _PAUSE_MAX)
            found = _RESPONSE_ID.search(error.message or "")
            if found or not self._floor.active:
                self._floor.claim(found[0] if found else NAMELESS, now)
        elif error.code == NOTHING_TO_CANCEL:
            self._floor.free()

    def _blamed(self, error: ErrorBody) -> Create | None:
        for create in (self._create, self._answered):
            if create and create.event_id == error.event_id:
                return create
        anonymous = error.event_id is None and error.code == ACTIVE_RESPONSE
        return self._create if anonymous else None

    def _retry(self, error: ErrorBody, wish: Wish, now: float) -> None:
        """Try once more what failed for no fault of ours."""
        said = delay(error)
        pause = _PAUSE if said is None else said
        if not wish.retried and pause <= _PAUSE_MAX and meaning(error) in {"busy", "broken"}:
            self._not_before = now + pause
            self._want(replace(wish, retried=True))
        else:
            self._give_up(error, now)

    def _give_up(self, error: ErrorBody, now: float) -> None:
        more = self._wish or self._waiting or self._answers.waiting or not self._floor.quiet(now)
        if not more:
            self._failure = error

    # What is wanted

    def _speak(self, message: Message, now: float) -> list[ClientEvent]:
        sent = self._interrupt(now)
        self._waiting.append(message)
        self._wish = None
        return sent + self._advance(now)

    def _interrupt(self, now: float) -> list[ClientEvent]:
        active = self._floor.active
        sent: list[ClientEvent] = [
            self._cancel(response) for response in active if self._cancelled.first(response)
        ]
        if active or self._floor.playing:
            sent.append(OutputClear(event_id=self._posting.id()))
        if active or self._create:
            self._interrupting = now + _CANCELLED
            self._cancel_next = self._create is not None
        return sent

    def _want(self, wish: Wish) -> None:
        """Ask for an answer; several wishes become one, without special instructions."""
        if self._wish:
            wish = Wish(retried=self._wish.retried and wish.retried)
        self._wish = wish

    def _advance(self, now: float) -> list[ClientEvent]:
        """Return what can be sent now."""
        self._now = now
        self._expire(now)
        if self._floor.active or self._create:
            return []
        self._interrupting = None
        self._cancel_next = False  # its response was refused, or never came
        sent: list[ClientEvent] = []
        if self._waiting:
            sent = [self._posting.post(message) for message in self._waiting]
            self._waiting.clear()
            self._want(Wish())
        if self._wish and now >= self._not_before and self._floor.quiet(now):
            self._create = Create(self._posting.id(), self._wish, now)
            self._wish = None
            sent.append(_response_create(self._create))
        return sent

    def _expire(self, now: float) -> None:
        self._floor.expire(now)
        if self._interrupting is not None and now >= self._interrupting:
            self._floor.free()
            self._create = None
        if self._create and now >= self._create.at + _CREATED:
            wish, self._create = self._create.wish, None
            if not wish.retried:
                self._want(replace(wish, retried=True))
            else:
                self._give_up(ErrorBody(message="it did not answer in time"), now)

    def _cancel(self, response_id: str) -> ResponseCancel:
        named = UNSET if response_id == NAMELESS else response_id
        return ResponseCancel(event_id=self._posting.id(), response_id=named)


def _response_create(create: Create) -> ResponseCreate:
    instructions = create.wish.instructions
    options = ResponseOptions(instructions=instructions) if instructions else UNSET
    return ResponseCreate(event_id=create.event_id, response=options)
