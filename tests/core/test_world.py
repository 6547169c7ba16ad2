"""The machine in a hostile world: anything may happen at any time, in any order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appliance.core.effects import (
    CancelCall,
    CapturePhoto,
    CloseCall,
    Effect,
    Exit,
    OpenCall,
    Send,
    SetMicrophone,
    SetSpeaker,
    StartTimer,
    StopTimer,
)
from appliance.core.events import (
    CallDown,
    CallUp,
    Dial,
    EchoFailed,
    Event,
    HangUp,
    LeaveSafeMode,
    MediaBack,
    MediaLost,
    PhotoFailed,
    PhotoTaken,
    Say,
    SendFailed,
    Shutdown,
    SoundBack,
    SoundLost,
    TakePhoto,
    TimerFired,
    ToggleCall,
    ToggleMute,
    TurnChanged,
)
from appliance.core.lights import pattern_for
from appliance.core.machine import transition
from appliance.core.model import (
    Dialing,
    Fault,
    HangingUp,
    Idle,
    Live,
    Model,
    Off,
    Photo,
    Problem,
    Redial,
    Timer,
    Turn,
    Waiting,
)
from appliance.core.timers import timers_of
from tests.core.profiles import QUICK

GONE = Problem("device", "The sound card has stopped.")
PROBLEMS = st.sampled_from(
    [
        None,
        *(Problem(kind, "It broke.") for kind in ("network", "closed", "auth", "bug", "device")),
        *(Problem("service", "It is busy.", retry_after=after) for after in (1.0, 60.0, 61.0)),
    ]
)
WISHES = [Dial(), HangUp(), ToggleCall(), TakePhoto(), Say("hello"), LeaveSafeMode()]
ASKING = Dial | ToggleCall | Say | TakePhoto


class HostileWorld(RuleBasedStateMachine):
    """Obeys every effect at once, and does what it likes otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.open: int | None = None  # the call that holds microphone and speaker
        self.muted = True  # what the service is told about the microphone of that call
        self.timers: set[Timer] = set()
        self.capturing = False
        self.asked = False  # whether a person asked for something since all was at rest
        self.exits = 0

    def happens(self, event: Event) -> None:
        before, rested = self.model, self.at_rest()
        if isinstance(event, ASKING):
            self.asked = True
        self.model, effects = transition(before, event)
        if isinstance(before.phase, Off):
            assert (before, ()) == (self.model, effects), "something happened after Off"
        for effect in effects:
            self.perform(effect)
        if self.at_rest() and (not rested or isinstance(event, HangUp)):
            self.asked = False

    def at_rest(self) -> bool:
        match self.model.phase:
            case Idle() | Fault() | Off() | HangingUp(_, Idle() | Off()):
                return True
            case _:
                return False

    def perform(self, effect: Effect) -> None:
        match effect:
            case OpenCall(call_no):
                assert self.open is None, "two calls at once"
                assert self.asked, "the microphone was opened without anybody asking"
                self.open, self.muted = call_no, True
            case SetMicrophone(muted):
                self.muted = muted
            case SetSpeaker(percent):
                assert 0 <= percent <= 100
            case CloseCall(call_no) | CancelCall(call_no):
                assert self.open == call_no
            case Send():
                assert isinstance(self.model.phase, Live)
                assert not self.model.phase.interrupted
            case CapturePhoto():
                assert not self.capturing, "two pictures at once"
                self.capturing = True
            case StartTimer(timer, seconds, jitter):
                assert seconds > 0
                assert 0 <= jitter <= 1
                self.timers.add(timer)
            case StopTimer(timer):
                self.timers.remove(timer)
            case Exit():
                self.exits += 1
            case _:
                pass

    # What people do

    @rule(wish=st.sampled_from(WISHES))
    def wishes(self, wish: Event) -> None:
        self.happens(wish)

    @rule(presses=st.integers(2, 12))
    def mashes_the_button(self, presses: int) -> None:
        for _ in range(presses):
            self.happens(ToggleCall())

    @rule()
    def mutes(self) -> None:
        before = self.model.muted
        self.happens(ToggleMute())
        assert self.model.muted != before or isinstance(self.model.phase, Off)

    @rule(really=st.integers(0, 9))
    def shuts_down(self, really: int) -> None:
        if really == 0:
            self.happens(Shutdown())

    # What the service does

    @precondition(lambda self: self.open is not None)
    @rule()
    def answers(self) -> None:
        self.happens(CallUp(self.open or 0))

    @precondition(lambda self: self.open is not None)
    @rule(turn=st.sampled_from(Turn))
    def takes_turns(self, turn: Turn) -> None:
        self.happens(TurnChanged(self.open or 0, turn))

    @precondition(lambda self: self.open is not None)
    @rule(event=st.sampled_from([MediaLost, MediaBack]))
    def comes_and_goes(self, event: type[MediaLost | MediaBack]) -> None:
        self.happens(event(self.open or 0))

    @precondition(lambda self: self.open is not None)
    @rule(gone=st.booleans())
    def card_comes_and_goes(self, gone: bool) -> None:
        call_no = self.open or 0
        self.happens(SoundLost(call_no, GONE) if gone else SoundBack(call_no))

    @precondition(lambda self: self.open is not None)
    @rule(problem=PROBLEMS)
    def ends_the_call(self, problem: Problem | None) -> None:
        call_no, self.open = self.open or 0, None
        self.happens(CallDown(call_no, problem))

    @rule(
        age=st.integers(1, 5),
        fact=st.sampled_from([CallUp, CallDown, MediaLost, MediaBack]),
        turn=st.sampled_from(Turn),
    )
    def speaks_of_an_old_call(
        self, age: int, fact: type[CallUp | CallDown | MediaLost | MediaBack], turn: Turn
    ) -> None:
        before = self.model
        current = self.model.calls_made if self.open is None else self.open
        self.happens(fact(current - age))
        self.happens(TurnChanged(current - age, turn))
        self.happens(SoundLost(current - age, GONE))
        self.happens(SoundBack(current - age))
        assert before == self.model, "a stale fact changed something"

    @rule(age=st.integers(0, 2), fact=st.sampled_from([SendFailed, EchoFailed]))
    def something_went_wrong(self, age: int, fact: type[SendFailed | EchoFailed]) -> None:
        self.happens(fact(self.model.calls_made - age, Problem("network", "It is gone.")))

    # What the device does

    @precondition(lambda self: self.capturing)
    @rule(works=st.booleans())
    def camera_answers(self, works: bool) -> None:
        self.capturing = False
        failed = PhotoFailed(Problem("device", "The camera is gone."))
        self.happens(PhotoTaken(Photo("p")) if works else failed)

    @precondition(lambda self: self.timers)
    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        timer = data.draw(st.sampled_from(sorted(self.timers, key=lambda timer: timer.value)))
        self.timers.remove(timer)
        self.happens(TimerFired(timer))

    # What holds all the time

    @invariant()
    def exactly_the_right_timers_run(self) -> None:
        assert timers_of(self.model) == self.timers

    @invariant()
    def no_phase_waits_for_ever(self) -> None:
        resting = isinstance(self.model.phase, Idle | Fault | Off)
        assert resting or self.timers - {Timer.NOTICE}

    @invariant()
    def a_call_is_open_exactly_in_its_phases(self) -> None:
        assert (self.open is not None) == isinstance(self.model.phase, Dialing | Live | HangingUp)

    @invariant()
    def the_service_hears_only_a_call_that_is_up_and_not_muted(self) -> None:
        if isinstance(self.model.phase, Live):
            assert self.muted == self.model.muted
        elif self.open is not None:
            assert self.muted or not (self.model.muted or isinstance(self.model.phase, Dialing))

    @invariant()
    def things_wait_only_where_a_call_is_coming(self) -> None:
        match self.model.phase:
            case (
                Dialing() | Waiting() | Live(interrupted=True) | HangingUp(_, Waiting() | Redial())
            ):
                assert len(self.model.outbox) <= 4
            case _:
                assert self.model.outbox == ()

    @invariant()
    def the_light_is_never_dark_while_a_call_is_open(self) -> None:
        assert self.open is None or pattern_for(self.model).never_dark

    @invariant()
    def exit_comes_once_and_with_off(self) -> None:
        assert self.exits == isinstance(self.model.phase, Off)

    def teardown(self) -> None:
        self.happens(Shutdown())
        if self.open is not None:
            self.ends_the_call(None)
        assert isinstance(self.model.phase, Off)
        assert (1, set()) == (self.exits, self.timers)


TestHostileWorld = HostileWorld.TestCase
TestHostileWorld.settings = QUICK
