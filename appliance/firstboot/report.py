"""The words of the result file, which a person reads on another computer."""

from collections.abc import Sequence
from typing import Final

from appliance.firstboot.steps import Problem

NAME: Final = "voice-appliance-result.txt"


def result(
    files: Sequence[str], applied: Sequence[str], problems: Sequence[Problem], notes: Sequence[str]
) -> str:
    """Return the page: what was applied, what was not and why. No secret is in it."""
    lines = ["Voice Appliance: what became of your settings", ""]
    if files:
        lines += [f"Read: {', '.join(files)}", ""]
    lines += (
        ["Applied:", *(f"  - {told}" for told in applied)] if applied else ["Nothing was applied."]
    )
    if problems:
        lines += ["", "Not applied:"]
        lines += [f"  - {_place(problem, len(files) > 1)}{problem.words}" for problem in problems]
        lines += ["", "Correct these lines, save the file, and start the appliance again."]
    if notes:
        lines += ["", "Please note:", *(f"  - {note}" for note in notes)]
    lines += [
        "", "Password and API key that were applied now read ****: they are kept on the appliance.",
        "To change one later, write it anew and start the appliance again.", "",
    ]  # fmt: skip
    return "\r\n".join(lines)


def _place(problem: Problem, several: bool) -> str:
    file = f"{problem.file}, " if several and problem.file else ""
    line = f"line {problem.line}, " if problem.line else ""
    place = f"{file}{line}{problem.name}".removesuffix(", ")
    return f"{place[:1].upper()}{place[1:]}: " if line else f"{place}: "
