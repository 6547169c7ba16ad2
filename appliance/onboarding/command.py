"""Runs programs of the system."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias

PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
MISSING: Final = 127  # as the shell's
LATE: Final = 124  # as timeout(1)'s


class Done(NamedTuple):
    """What came of a program."""

    code: int
    out: str = ""
    err: str = ""


Command: TypeAlias = Callable[[tuple[str, ...], float], Awaitable[Done]]
"""Runs a program for at most so many seconds. Secrets are never among its words: all can see them.

Its code is MISSING if it is not there, LATE if it took longer.
"""


async def run_command(argv: tuple[str, ...], limit: float) -> Done:
    """Run a program of the system; see `Command`. It does not outlive the call."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except OSError:
        return Done(MISSING)
    try:
        async with asyncio.timeout(limit):
            out, err = await process.communicate()
    except TimeoutError:
        return Done(LATE)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Done(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
