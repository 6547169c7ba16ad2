"""What the API says, as JSON: the boundary types of console and command line."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from appliance.core.model import Live, Model
from appliance.core.words import phase_word, problem_of, sentence
from appliance.hub import Levels, Mark
from appliance.realtime.conversation import Entry

SOCKET_NAME = "control.sock"  # in the runtime directory
_ECHO = {
    "webrtc": "the echo is cancelled",
    "half-duplex": "half duplex, the microphone is closed while the assistant speaks",
    "system": "the echo is left to the card or the sound server",
    "none": "the echo is not cancelled",
}
NAMES = {"user": "you", "assistant": "appliance", "tool": "tool"}

Plain: TypeAlias = str | int | float | bool


class ProblemView(msgspec.Struct, frozen=True):
    """What is wrong, for a person."""

    kind: str
    cause: str
    cure: str


class ModelView(msgspec.Struct, frozen=True, tag="model", tag_field="type"):
    """What the appliance does."""

    phase: str
    sentence: str
    muted: bool
    volume: int
    calls_made: int
    turn: str | None = None
    interrupted: bool = False
    problem: ProblemView | None = None


class LineView(msgspec.Struct, frozen=True, tag="line", tag_field="type"):
    """A line of the transcript; a later one with the same `item_id` replaces it."""

    item_id: str
    position: int
    role: Literal["user", "assistant", "tool"]
    text: str
    final: bool = False
    interrupted: bool = False
    failed: bool = False


class LevelsView(msgspec.Struct, frozen=True, tag="levels", tag_field="type"):
    """Loudness in dBFS."""

    near_dbfs: float
    far_dbfs: float


class MarkView(msgspec.Struct, frozen=True, tag="mark", tag_field="type"):
    """A step of a call at `at`, seconds of the daemon's clock."""

    name: str
    at: float
    call_no: int
    fields: dict[str, Plain]


class GapView(msgspec.Struct, frozen=True, tag="gap", tag_field="type"):
    """The reader was too slow and missed something: fetch status and transcript again."""


EventView: TypeAlias = ModelView | LineView | LevelsView | MarkView | GapView


class BoardView(msgspec.Struct, frozen=True):
    """Power and heat of the board; null: not known here.

    `undervoltage`: in the last 2 s. `undervoltages`: how often since the daemon began.
    """

    undervoltage: bool | None = None
    undervoltages: int = 0
    celsius: float | None = None


class Status(msgspec.Struct, frozen=True):
    """A whole snapshot: `status --json` and the tool `device_status`.

    `uptime`: seconds. `tasks`: of the event loop; at rest always the same number.
    """

    version: str
    uptime: float
    tasks: int
    model: ModelView
    service: str
    audio: dict[str, Plain]
    camera: str
    panel: str
    tools: tuple[str, ...]
    last_call: dict[str, Plain]
    board: BoardView = BoardView()


class VolumeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How loud the speaker is to be."""

    percent: Annotated[int, msgspec.Meta(ge=0, le=100)]


class SelfTestRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the gain that is found is to be kept."""

    save: bool = False


class SayRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A typed message."""

    text: str


class ErrorView(msgspec.Struct, frozen=True):
    """Why a request was refused or failed."""

    cause: str
    cure: str = ""


def view_model(model: Model) -> ModelView:
    """Return the model as the API says it."""
    noticed = model.notice.problem if model.notice is not None else None
    problem = (
        noticed or model.without_sound or problem_of(model.phase) or model.panel or model.board
    )
    live = model.phase if isinstance(model.phase, Live) else None
    return ModelView(
        phase=phase_word(model.phase),
        sentence=sentence(model),
        muted=model.muted,
        volume=model.volume,
        calls_made=model.calls_made,
        turn=live.turn.value if live else None,
        interrupted=live.interrupted if live else False,
        problem=ProblemView(problem.kind, problem.cause, problem.cure) if problem else None,
    )


def view_line(entry: Entry) -> LineView:
    """Return a transcript entry as the API says it."""
    return LineView(
        item_id=entry.item_id,
        position=entry.position,
        role=entry.role,
        text=entry.text,
        final=entry.final,
        interrupted=entry.interrupted,
        failed=entry.failed,
    )


def view(message: object) -> EventView:
    """Return a hub message as the API says it; what a reader missed is a gap."""
    match message:
        case Model():
            return view_model(message)
        case Entry():
            return view_line(message)
        case Levels(near, far):
            return LevelsView(round(near, 1), round(far, 1))
        case Mark(name, at, call_no, fields):
            return MarkView(name, at, call_no, dict(fields))
        case _:
            return GapView()


def line_text(line: Entry | LineView) -> str:
    """Return a transcript line as a person reads it."""
    mark = " (interrupted)" if line.interrupted else " (not understood)" if line.failed else ""
    return f"{NAMES[line.role]}: {line.text}{mark}"


def board_sentence(board: BoardView) -> str:
    """Return power and heat as a person reads them."""
    heat = "unknown" if board.celsius is None else f"{board.celsius:.0f} °C"
    times = board.undervoltages
    if board.undervoltage is None:
        power = "not known here"
    elif board.undervoltage:
        power = "too weak"
    elif times:
        power = f"right now, too weak {times} time{'s' * (times != 1)} since the start"
    else:
        power = "right"
    return f"Power supply: {power}. Processor: {heat}."


def sound_sentence(audio: Mapping[str, Plain]) -> str:
    """Return the sound of a call as a person reads it; empty while no sound card is open."""
    if "input_rate" not in audio:
        return ""
    if because := audio.get("half_duplex"):
        echo = f"half duplex. {because}"
    else:
        echo = f"{_ECHO[str(audio['echo'])]}."
    lost = int(audio["card_underruns"]) + int(audio["card_overruns"])
    return (
        f"Sound: {echo} Microphone at {audio['input_rate']} Hz, speaker at "
        f"{audio['output_rate']} Hz, blocks of {audio['card_block_ms']} ms, "
        f"sound lost at the card {lost} time{'s' * (lost != 1)}."
    )
