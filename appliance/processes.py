"""Runs programs of the system to their end, and for so long at most."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

LATE: Final = 124  # as timeout(1)'s
KILLED_TIME: Final = 1.0  # s; what left the session of a killed program may hold its pipes for ever


class Done(NamedTuple):
    """What came of a program; `code` is below 0 if a signal ended it."""

    code: int
    out: str = ""
    err: str = ""


async def run(argv: Sequence[str], limit: float, environ: Mapping[str, str] | None = None) -> Done:
    """Run a program apart from this terminal; its code is LATE if it took longer than `limit` s.

    Then, or when the call is cancelled, it is killed with all that it began. `environ` None: ours.
    Secrets are never among its words: all can see them. Raises OSError if it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, start_new_session=True, env=environ,
    )  # fmt: skip
    try:
        async with asyncio.timeout(limit):
            out, err = await process.communicate()
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KILLED_TIME):
                await process.communicate()
        if isinstance(error, TimeoutError):
            return Done(LATE, err=f"{argv[0]} took longer than {limit:g} s")
        raise
    return Done(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
