"""Runs the command `voice-appliance` as a person does: as a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 15.0  # s for one command on a loaded machine
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str


def environment(runtime: Path, **more: str) -> dict[str, str]:
    """A person's environment with a runtime directory of its own, and nothing of the tester's."""
    own = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**own, "RUNTIME_DIRECTORY": str(runtime), "PYTHONUNBUFFERED": "1", **more}


@asynccontextmanager
async def command(
    *arguments: str, runtime: Path, **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a command; whatever is left of it at the end is killed. `more`: environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance", *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(runtime, **more),
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str, runtime: Path, **more: str) -> Ran:
    """Run a command to its end."""
    async with command(*arguments, runtime=runtime, **more) as process:
        out, err = await process.communicate()
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())
