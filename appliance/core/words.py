"""The model in words: one for machines, one sentence for people."""

from typing import assert_never

from appliance.core.model import (
    Dialing,
    Fault,
    HangingUp,
    Idle,
    Live,
    Model,
    Off,
    Phase,
    Problem,
    SafeMode,
    Waiting,
)


def phase_word(phase: Phase) -> str:
    """Return the phase as one lower-case word, as in `status --json`."""
    match phase:
        case HangingUp():
            return "hanging-up"
        case SafeMode():
            return "safe-mode"
        case _:
            return type(phase).__name__.lower()


def problem_of(phase: Phase) -> Problem | None:
    """Return what is wrong, if something is."""
    match phase:
        case Idle(reason):
            return reason
        case Waiting(_, problem) | Fault(problem) | SafeMode(problem):
            return problem
        case Dialing() | Live() | HangingUp() | Off():
            return None
        case _:
            assert_never(phase)


def sentence(model: Model) -> str:
    """Return what the appliance does, in one sentence for a person; and what just went wrong."""
    noticed = model.notice.problem if model.notice is not None else None
    problem = noticed or model.without_sound or model.panel or model.board
    said = _sentence(model)
    return f"{said} {problem.cause} {problem.cure}".strip() if problem is not None else said


def _sentence(model: Model) -> str:
    match model.phase:
        case Idle(reason):
            if reason is not None:
                return f"Ready. {reason.cause}"
            return "Ready: press the call button." if model.panel is None else "Ready."
        case Dialing(_, 0):
            return "Calling."
        case Dialing(_, attempt):
            return f"Calling again, attempt {attempt + 1}."
        case Live(interrupted=True):
            return "In a call, but nothing is heard from the service."
        case Live(_, turn):
            return f"In a call, {turn.value}{', microphone muted' if model.muted else ''}."
        case Waiting(_, problem):
            return f"Waiting to call again. {problem.cause}"
        case HangingUp():
            return "Hanging up."
        case Fault(problem) | SafeMode(problem):
            return f"Needs you: {problem.cause} {problem.cure}".strip()
        case Off():
            return "Off."
        case _:
            assert_never(model.phase)
