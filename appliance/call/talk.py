"""What is said in one call: events of both channels in, transcript, turn and answers out."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from appliance.call.lines import Lines
from appliance.call.marks import Timeline
from appliance.call.parts import Parts
from appliance.core.events import TurnChanged
from appliance.core.model import Problem, Turn
from appliance.core.problems import problem_of
from appliance.errors import ApplianceError, ClosedError, ProtocolError
from appliance.hub import Mark
from appliance.realtime.client_events import (
    ClientEvent,
    InputImage,
    ItemCreate,
    Message,
    data_url,
    encode,
)
from appliance.realtime.conversation import Conversation, Entry
from appliance.realtime.refusals import meaning, service_error
from appliance.realtime.seen import Census, Seen
from appliance.realtime.sequencer import Sequencer
from appliance.realtime.server_events import (
    ErrorEvent,
    OutputCleared,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    Unknown,
    decode,
)
from appliance.realtime.session import session_update
from appliance.realtime.shapes import ErrorBody, ServerEvent
from appliance.realtime.tool_calls import ToolCall, ToolCalls
from appliance.realtime.usage import Usage

AUDIBLE_DBFS = -50.0  # of 100 ms at the speaker; comfort noise is below, speech 20 dB above
HISTORY_LIMIT = 8_000  # characters of a call told to the next; about 2,000 tokens
_EVENTS_SEEN = 1024  # event ids; some seconds of both channels
_CLEARED_WITHIN = 0.3  # s from a speech_started to the service's own silence; a round trip
_RINGING = 0.04  # s in which the service's encoder still gives the end of what was cut off
_HEARD_EVERY = 1.0  # s at most between two words to the conversation about the speaker

log = logging.getLogger(__name__)


class Talk:
    """Folds the events of one call and decides what is sent. On the loop; nothing here waits."""

    def __init__(
        self,
        call_no: int,
        parts: Parts,
        lines: Lines,
        *,
        clear: Callable[[float], None],
        interrupted: Callable[[], None],
        run_tool: Callable[[ToolCall], None],
        failed: Callable[[Problem], None],
        stop: Callable[[ApplianceError], None],
    ) -> None:
        """Begin with nothing said.

        Args:
            call_no: goes onto every mark.
            parts: of this call.
            lines: to the service.
            clear: stops the far-end voice at the speaker, also what comes in that many seconds.
            interrupted: told when the assistant was cut off by a voice.
            run_tool: starts a tool; its output comes back by `tool_done`.
            failed: told when an answer will not come, and the call goes on.
            stop: ends the call, because the service says that it cannot go on.
        """
        self._call_no = call_no
        self._parts = parts
        self._lines = lines
        self._clear = clear
        self._interrupted = interrupted
        self._run_tool = run_tool
        self._failed = failed
        self._stop = stop
        self._prefix = f"va{call_no}"
        self._told = f"{self._prefix}_h"  # begins the ids of what was said in another call
        self._updates = 0
        self._conversation = Conversation()
        self._sequencer = Sequencer(self._prefix)
        self._tool_calls = ToolCalls()
        self._usage = Usage()
        self._unknown = Census()
        self._unreadable = Census()
        self._seen = Seen(_EVENTS_SEEN)
        self._turn = Turn.LISTENING
        self._audible = False
        self._heard_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.timeline = Timeline()
        self.ready = asyncio.Event()
        """Set when the service has told about the session, on whichever channel."""
        self.changed = asyncio.Event()
        """Set whenever something may have changed that `is_quiet` tells."""

    # From the service

    def received(self, data: str | bytes, channel: str) -> None:
        """Take in one frame that came by `channel`. Never raises for what the service sends."""
        try:
            event = decode(data)
        except ProtocolError as error:
            if self._unreadable.count(error.cause[:40]):
                log.warning("! %s", error.cause)
            return
        if self._closed or not self._seen.first(event.event_id):
            return
        now = _now()
        log.debug("< %s", type(event).__name__)
        self._write_down(self._conversation.apply(event, now, channel))
        self._react(event)
        self._send(self._sequencer.on_event(event, now))
        for call in self._tool_calls.apply(event):
            self._run_tool(call)
        self._usage.apply(event)
        self._tell_turn()

    def _write_down(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not entry.item_id.startswith(self._told):
                self._parts.publish(entry)

    def _react(self, event: ServerEvent) -> None:
        for name in self.timeline.apply(event):
            self.mark(name)
            if name == "barge_in":
                self._interrupted()
        match event:
            case SessionCreated() | SessionUpdated() if not self.ready.is_set():
                self.ready.set()
                self.mark("session_ready")
            case OutputCleared():
                self._clear(_RINGING)
            case SpeechStarted() if self._parts.call.barge_in == "speech_started":
                self._clear(_CLEARED_WITHIN)
            case ErrorEvent(error=error):
                self._refused(error)
            case ResponseDone(response=response) if response.error is not None:
                self._refused(response.error)
            case Unknown(name=name) if self._unknown.count(name):
                log.info("the service sends %s, which this version does not know", name)
            case _:
                pass

    def _refused(self, error: ErrorBody) -> None:
        match meaning(error):
            case "quota" | "auth":
                self._stop(service_error(error))
            case "expired":
                self._stop(ClosedError("The session reached its longest duration."))
            case "rejected":
                log.warning("%s", service_error(error).cause)
            case "busy" | "broken" | "withheld" | "benign":
                log.debug("! %s", error.code)

    # From the call

    def session(self) -> str:
        """Return the message that tells the service our session again."""
        self._updates += 1
        return encode(
            session_update(
                self._parts.session,
                self._parts.tools.specs(),
                event_id=f"{self._prefix}_session_{self._updates}",
                spoken=self._conversation.spoken,
            )
        )

    def unanswered(self, unsent: Sequence[str]) -> list[str]:
        """Return what has to go out again because its line broke, besides what did not leave it."""
        messages = [encode(event) for event in self._sequencer.unanswered()]
        return [message for message in messages if message not in unsent]

    def remind(self, history: Sequence[Message]) -> None:
        """Tell the session what was said in the call before it."""
        told = [
            Message(role=said.role, content=said.content, id=f"{self._told}{number}")
            for number, said in enumerate(history)
        ]
        self._lines.send(self._sequencer.seed(told))

    def begin(self, history: Sequence[Message]) -> None:
        """Have the model greet the person, if it shall, or answer what `history` left open."""
        if history and history[-1].role == "user":
            self._send(self._sequencer.greet("", _now()))
        elif not history and (greeting := self._parts.session.greeting):
            instructions = f"{self._parts.session.instructions}\n\n{greeting}".strip()
            self._send(self._sequencer.greet(instructions, _now()))

    def say(self, text: str) -> None:
        """Send a typed message, answered at once."""
        self._send(self._sequencer.say(text, _now()))

    def show(self, jpeg: bytes, prompt: str, *, reply: bool) -> None:
        """Show a photo to the model; `reply` False: without having it answered."""
        self._send(self._sequencer.show(data_url(jpeg), prompt, _now(), reply=reply))

    def tool_done(self, call: ToolCall, output: str) -> None:
        """Hand in what a tool gave."""
        self._send(self._sequencer.tool_output(call.call_id, output, _now()))
        self.mark("tool_output_sent", tool=call.name, bytes=len(output))

    def heard(self, far_dbfs: float) -> None:
        """Take in how loud the far-end voice is at the speaker; every 100 ms or so."""
        audible, now = far_dbfs >= AUDIBLE_DBFS, _now()
        if audible != self._audible or now - self._heard_at >= _HEARD_EVERY:
            self._audible, self._heard_at = audible, now
            self._conversation.heard(audible, now)
            self._tell_turn()

    def is_quiet(self) -> bool:
        """Whether nobody speaks, nothing is being made, and no answer is owed."""
        return self._turn is Turn.LISTENING and not self._sequencer.busy

    def history(self) -> list[Message]:
        """Return what was said, for the next call."""
        return self._conversation.history(HISTORY_LIMIT)

    def figures(self) -> dict[str, int | float]:
        """Return counts for the line that sums the call up."""
        totals = self._usage.totals
        return {
            "TURNS": self.timeline.turns,
            "RESPONSES": self.timeline.responses,
            "TOKENS_IN": totals.input_text + totals.input_audio + totals.input_image
            + totals.cached_text + totals.cached_audio + totals.cached_image,
            "TOKENS_OUT": totals.output_text + totals.output_audio,
            "UNKNOWN_EVENTS": self._unknown.total,
            "UNREADABLE_EVENTS": self._unreadable.total,
        }  # fmt: skip

    def close(self) -> None:
        """Send nothing more, and end the transcript: what is open in it will not be completed."""
        self._closed = True
        self._write_down(self._conversation.end())
        if self._timer is not None:
            self._timer.cancel()

    def mark(self, name: str, **fields: str | float) -> None:
        """Put something onto the timeline, as of now."""
        self._parts.publish(Mark(name, _now(), self._call_no, fields))

    def _send(self, events: Iterable[ClientEvent]) -> None:
        if self._closed:
            return
        for event in events:
            self._lines.send((event,))
            match event:
                case ItemCreate(item=Message(role="user", content=content, id=str())):
                    pictures = [part for part in content if isinstance(part, InputImage)]
                    size = sum(len(picture.image_url) for picture in pictures)
                    self.mark("photo_sent" if pictures else "text_sent", bytes=size)
                case _:
                    pass
        self._tell_failure()
        self._arm()

    def _tell_failure(self) -> None:
        failure = self._sequencer.failure()
        if failure is not None and meaning(failure) in {"busy", "broken", "rejected", "withheld"}:
            log.warning("an answer failed (%s)", (failure.code or "no code")[:64])
            self._failed(problem_of(service_error(failure)))

    def _arm(self) -> None:
        """Have the sequencer asked again when it says so."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (deadline := self._sequencer.deadline) is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._send(self._sequencer.tick(_now()))
        self._tell_turn()

    def _tell_turn(self) -> None:
        self.changed.set()
        turn = Turn(self._conversation.turn)
        if turn is not self._turn and not self._closed:
            self._turn = turn
            self._parts.post(TurnChanged(self._call_no, turn))


def _now() -> float:
    return asyncio.get_running_loop().time()
