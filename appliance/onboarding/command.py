"""Runs programs of the system."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from appliance.processes import Done, run

PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
MISSING: Final = 127  # as the shell's

Command: TypeAlias = Callable[[tuple[str, ...], float], Awaitable[Done]]
"""Runs a program for at most so many seconds. Secrets are never among its words: all can see them.

Its code is MISSING if it is not there, LATE if it took longer.
"""


async def run_command(argv: tuple[str, ...], limit: float) -> Done:
    """Run a program of the system; see `Command`. It does not outlive the call."""
    try:
        return await run(argv, limit, {"PATH": PATH, "LC_ALL": "C.UTF-8"})
    except OSError:
        return Done(MISSING)
