"""One model for each phase, one event of each kind, under the words of the core's README."""

from pathlib import Path

from appliance.core.effects import Effect, StartTimer
from appliance.core.events import (
    BoardChanged,
    CallDown,
    CallUp,
    Dial,
    EchoFailed,
    Event,
    HangUp,
    LeaveSafeMode,
    MediaBack,
    MediaLost,
    PanelChanged,
    PhotoFailed,
    PhotoTaken,
    Say,
    SendFailed,
    SetVolume,
    Shutdown,
    SoundBack,
    SoundLost,
    TakePhoto,
    TimerFired,
    ToggleCall,
    ToggleMute,
    TurnChanged,
)
from appliance.core.machine import transition
from appliance.core.model import (
    Dialing,
    Fault,
    HangingUp,
    Idle,
    Live,
    Model,
    Off,
    Phase,
    Photo,
    Problem,
    Redial,
    SafeMode,
    Text,
    Timer,
    Turn,
    Waiting,
)

README = Path(__file__).parents[2] / "appliance" / "core" / "README.md"

NETWORK = Problem("network", "The network is gone.")
BROKEN = Problem("rejected", "Safe mode: a setting is wrong.", "Mend it.")
CLOSED = Problem("closed", "The service hung up.")
AUTH = Problem("auth", "The key was refused.", "Check the key.")
CARD = Problem("device", "The sound card has stopped.", "Plug it in.")
CAMERA = Problem("device", "There is no camera.")
STUCK = Problem("device", "The call button is stuck.", "Check its wires.")
WEAK = Problem("power", "The voltage is too low.", "Take a better supply.")
WAITED = Text("asked before")

LIVE = Model(Live(1), calls_made=1)

PHASES: dict[str, Phase] = {
    "Idle": Idle(NETWORK),
    "Fault": Fault(AUTH),
    "Dialing": Dialing(7),
    "Live": Live(7, attempt=1, problem=NETWORK),
    "Live interrupted": Live(7, interrupted=True),
    "Waiting": Waiting(1, NETWORK),
    "HangingUp > Idle": HangingUp(7, Idle(NETWORK)),
    "HangingUp > Waiting": HangingUp(7, Waiting(1, NETWORK)),
    "HangingUp > Redial": HangingUp(7, Redial()),
    "HangingUp > Off": HangingUp(7, Off()),
    "SafeMode": SafeMode(BROKEN),
    "Off": Off(),
}
A_CALL_COMES = {
    "Dialing", "Waiting", "Live interrupted", "HangingUp > Waiting", "HangingUp > Redial",
}  # fmt: skip

EVENTS: dict[str, Event] = {
    "Dial": Dial(),
    "HangUp": HangUp(),
    "ToggleCall": ToggleCall(),
    "ToggleMute": ToggleMute(),
    "SetVolume": SetVolume(40),
    "Say": Say("hello"),
    "TakePhoto": TakePhoto(),
    "LeaveSafeMode": LeaveSafeMode(),
    "Shutdown": Shutdown(),
    "CallUp": CallUp(7),
    "CallDown": CallDown(7),
    "CallDown retryable": CallDown(7, NETWORK),
    "CallDown needs you": CallDown(7, AUTH),
    "TurnChanged": TurnChanged(7, Turn.SPEAKING),
    "MediaLost": MediaLost(7),
    "MediaBack": MediaBack(7),
    "SoundLost": SoundLost(7, CARD),
    "SoundBack": SoundBack(7),
    "SendFailed": SendFailed(7, NETWORK),
    "EchoFailed": EchoFailed(7, CARD),
    "PhotoTaken": PhotoTaken(Photo("p")),
    "PhotoFailed": PhotoFailed(CAMERA),
    "PanelChanged": PanelChanged(STUCK),
    "BoardChanged": BoardChanged(WEAK),
    "ROTATE again": TimerFired(Timer.ROTATE),
    **{timer.name: TimerFired(timer) for timer in Timer},
}


def model_in(name: str) -> Model:
    """Return a model in the phase of that name, with something in the outbox where it may be."""
    outbox = (WAITED,) if name in A_CALL_COMES else ()
    return Model(PHASES[name], calls_made=7, outbox=outbox)


def name_of(phase: Phase) -> str:
    """Return the README's word for a phase."""
    match phase:
        case Live(interrupted=True):
            return "Live interrupted"
        case HangingUp(_, then):
            return f"HangingUp > {type(then).__name__}"
        case _:
            return type(phase).__name__


def table(heading: str) -> list[list[str]]:
    """Return the cells of the README's table under a heading, without its two header rows."""
    section = README.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1]
    section = section.split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def words(cell: str) -> list[str]:
    """Return the comma-separated words of a cell."""
    return [word.strip() for word in cell.split(",") if word.strip()]


def after(model: Model, *events: Event) -> tuple[Model, list[Effect]]:
    """The model after all events, and the effects of the last one."""
    effects: tuple[Effect, ...] = ()
    for event in events:
        model, effects = transition(model, event)
    return model, list(effects)


def fired(timer: Timer) -> TimerFired:
    return TimerFired(timer)


def delay(effects: list[Effect], timer: Timer) -> float | None:
    starts = (e for e in effects if isinstance(e, StartTimer) and e.timer is timer)
    return next((e.seconds for e in starts), None)
