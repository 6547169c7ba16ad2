"""The processes a measurement starts beside the daemon: the bare service, and other clients."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.processes import PATIENCE, stop

ROOT = Path(__file__).resolve().parents[2]


class Log:
    """What a service wrote down, in order; each line is consumed once."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        assert process.stdout is not None
        self._lines = process.stdout

    async def next(self, what: str, **fields: object) -> dict[str, Any]:
        """Return the next line about `what` with these fields; drops what comes before."""
        async with asyncio.timeout(PATIENCE):
            while line := await self._lines.readline():
                entry: dict[str, Any] = json.loads(line)
                wanted = {"what": what, **fields}
                if all(entry.get(name) == value for name, value in wanted.items()):
                    return entry
        raise RuntimeError(f"the bare service ended before it saw {what} {fields}")

    def command(self, do: str, **more: object) -> None:
        """Tell the service to do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")


@asynccontextmanager
async def bare_service() -> AsyncIterator[tuple[str, Log]]:
    """Run the bare service; yield its base URL and its log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.service",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**22,
    )
    try:
        log = Log(process)
        port = (await log.next("listening"))["port"]
        yield f"http://127.0.0.1:{port}/v1", log
    finally:
        await stop(process)


@asynccontextmanager
async def emulator() -> AsyncIterator[str]:
    """Run the emulator as a process; its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance.emulator", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
        yield line.decode().split()[-1]
    finally:
        await stop(process)


async def report(*words: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a command to its end; return the JSON of its last line and its CPU seconds as `cpu`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | dict(env or {}),
    )
    try:
        async with asyncio.timeout(4 * PATIENCE):
            output, errors = await process.communicate()
    finally:
        await stop(process)
    if process.returncode != 0:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise RuntimeError(f"{' '.join(words[:3])} ended with {process.returncode}: {last}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = output.decode().strip().splitlines()
    answer: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return answer | {"cpu": used}


def at_once(pid: int) -> None:
    """Have the process's threads run before all others, where we may (root).

    Other work on this computer then does not make it late: a card made of software must keep time.
    What it starts from now on runs so, too.
    """
    _scheduled(pid, os.SCHED_RR, 1)


def like_others(pid: int) -> None:
    """Take it back."""
    _scheduled(pid, os.SCHED_OTHER, 0)


def _scheduled(pid: int, policy: int, priority: int) -> None:
    with suppress(PermissionError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(thread.name), policy, os.sched_param(priority))


def measured_code() -> str:
    """Return which code is measured: the package's tree as git names it, and the Python."""
    tree = _git("rev-parse", "--short", "HEAD:appliance") or "unknown"
    changed = " with changes" if _git("status", "--porcelain", "appliance") else ""
    return f"{tree}{changed} on Python {sys.version.split()[0]}"


def _git(*words: str) -> str:
    command = ["git", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return run.stdout.strip()
