"""The processes a measurement starts: the bare service, the daemon, and other clients."""

import asyncio
import json
import os
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.control import Control, connect
from tests.bench.weigh import resident

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # s; whatever takes longer than this is broken, not slow
STOP_PATIENCE = 5.0  # s; the daemon promises 2


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


@dataclass(frozen=True, slots=True)
class Appliance:
    """A running daemon. `ready`: seconds from its start to READY=1."""

    pid: int
    ready: float
    control: Control

    def resident(self) -> float:
        """Return its memory in MB."""
        return resident(self.pid)

    def descriptors(self) -> int:
        """Return how many file descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208 - names only

    def cpu(self) -> float:
        """Return the CPU seconds it has used (proc(5): utime and stime, fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self) -> int:
        """Return how many threads it has."""
        return len(os.listdir(f"/proc/{self.pid}/task"))  # noqa: PTH208 - names only


@asynccontextmanager
async def daemon(base_url: str, settings: Sequence[str] = ()) -> AsyncIterator[Appliance]:
    """Run the daemon headless against `base_url`: files for sound, a folder for the camera."""
    with TemporaryDirectory(prefix="voice-appliance-bench-") as name:
        folder = Path(name)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(folder / "notify"))
        listener.setblocking(False)
        values = [
            f"service.base_url={base_url}",
            "audio.driver=file",
            f"audio.output_file={folder / 'speaker.wav'}",
            "panel.driver=none",
            "call.idle_timeout=600",
            *settings,
        ]
        options = [word for value in values for word in ("--set", value)]
        environment = os.environ | {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "OPENAI_API_KEY": "sk-bench",
            "XDG_RUNTIME_DIR": name,
            "XDG_STATE_HOME": name,
        }
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "appliance",
            "run",
            "--profile",
            "desktop",
            *options,
            env=environment,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
        )
        try:
            ready = await _ready(listener, process) - began
            # A queue nobody reads fills with STATUS= and WATCHDOG=, and then the sender waits.
            asyncio.get_running_loop().add_reader(listener, listener.recv, 4096)
            async with connect(folder / "voice-appliance") as control:
                yield Appliance(process.pid, ready, control)
        finally:
            await stop(process)
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()


async def _ready(listener: socket.socket, process: asyncio.subprocess.Process) -> float:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(_must_not_end(process), name="watch")
        while b"READY=1" not in await loop.sock_recv(listener, 4096):
            pass
        ready = time.monotonic()
        watch.cancel()
    return ready


async def _must_not_end(process: asyncio.subprocess.Process) -> None:
    raise RuntimeError(f"the daemon ended with {await process.wait()} before it was ready")


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a process we started."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


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
