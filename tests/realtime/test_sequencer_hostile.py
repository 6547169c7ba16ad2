"""The sequencer in a hostile world: any events in any order, at any time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.realtime.client_events import ClientEvent, ItemCreate, ResponseCreate
from appliance.realtime.sequencer import Sequencer
from appliance.realtime.server_events import ResponseCreated, ServerEvent, decode
from tests.realtime.wire import SAMPLES, call, created, done, error, event, failed, item_done

RESPONSES = st.sampled_from(["resp_1", "resp_2", "resp_3", "resp_4"])
CALLS = st.sampled_from(["c1", "c2", "c3"])
STATUSES = st.sampled_from(["completed", "cancelled", "incomplete", "failed"])
CODES = st.sampled_from(
    [
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "rate_limit_exceeded",
        "server_error",
        "invalid_value",
    ]
)
SIGNS = st.sampled_from(
    [
        *(f"input_audio_buffer.{word}" for word in ("speech_started", "speech_stopped", "cleared")),
        *(f"output_audio_buffer.{word}" for word in ("started", "stopped", "cleared")),
    ]
)
LONG = 200.0  # s; longer than every limit of the sequencer together


class Hostile(RuleBasedStateMachine):
    """Sends what it likes, and keeps the books of what comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.sequencer = Sequencer("t")
        self.now = 1.0
        self.ids: list[str] = []
        self.said: list[str] = []
        self.posted: list[str] = []
        self.in_flight: str | None = None
        self.flown_at = 0.0

    def take(self, sent: list[ClientEvent]) -> None:
        for one in sent:
            self.ids.append(str(one.event_id))
            if isinstance(one, ItemCreate):
                self.posted.append(repr(one.item))
            if isinstance(one, ResponseCreate):
                assert self.in_flight is None, "two requests in flight"
                self.in_flight, self.flown_at = str(one.event_id), self.now

    def feed(self, one: ServerEvent) -> None:
        if isinstance(one, ResponseCreated):
            self.in_flight = None
        self.take(self.sequencer.on_event(one, self.now))

    @rule(response=RESPONSES)
    def begins(self, response: str) -> None:
        self.feed(created(response))

    @rule(response=RESPONSES, status=STATUSES, calls=st.sets(CALLS))
    def ends(self, response: str, status: str, calls: set[str]) -> None:
        items = [call(call_id) for call_id in sorted(calls)]
        self.feed(done(response, *items, status=status))

    @rule(response=RESPONSES)
    def fails(self, response: str) -> None:
        self.feed(failed(response, "rate_limit_exceeded", "Please try again in 2s."))

    @rule(response=RESPONSES, call_id=CALLS)
    def calls(self, response: str, call_id: str) -> None:
        self.feed(item_done(call(call_id), response))

    @rule(code=CODES, response=RESPONSES, data=st.data())
    def refuses(self, code: str, response: str, data: st.DataObject) -> None:
        blamed = data.draw(st.sampled_from([None, "stranger", *self.ids[-4:]]))
        if blamed == self.in_flight or code == "conversation_already_has_active_response":
            self.in_flight = None
        self.feed(error(code, blamed, f"in progress: {response}."))

    @rule(name=SIGNS)
    def shows(self, name: str) -> None:
        self.feed(event(name, item_id="u", response_id="resp_1"))

    @rule(line=st.sampled_from(SAMPLES.read_text(encoding="utf-8").splitlines()[8:20]))
    def says_something_else(self, line: str) -> None:
        self.feed(decode(line.partition('"frame": ')[2][:-1]))

    @rule(call_id=CALLS)
    def tool_answers(self, call_id: str) -> None:
        self.take(self.sequencer.tool_output(call_id, "{}", self.now))

    @rule()
    def person_types(self) -> None:
        words = f"words {len(self.said)}."
        self.said.append(words)
        self.take(self.sequencer.say(words, self.now))

    @rule()
    def person_greeted(self) -> None:
        self.take(self.sequencer.greet("Greet.", self.now))

    @rule(seconds=st.floats(0.01, 40.0))
    def time_passes(self, seconds: float) -> None:
        end = self.now + seconds
        while (deadline := self.sequencer.deadline) is not None and deadline <= end:
            assert deadline > self.now, "the clock would spin"
            self.now = deadline
            self.forget_the_lost()
            self.take(self.sequencer.tick(self.now))
        self.now = end
        self.forget_the_lost()

    def forget_the_lost(self) -> None:
        if self.now >= self.flown_at + 3.0:  # s; the shortest time after which it may be repeated
            self.in_flight = None

    @invariant()
    def ids_are_unique(self) -> None:
        assert len(set(self.ids)) == len(self.ids)

    def teardown(self) -> None:
        """Whatever happened, all that was said gets out in the end, once, and there is peace."""
        self.feed(event("input_audio_buffer.cleared"))
        self.time_passes(LONG)
        for words in self.said:
            assert sum(words in item for item in self.posted) == 1
        assert self.sequencer.deadline is None


Hostile.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestHostileService = Hostile.TestCase
