"""The daemon as a process of its own, headless, as systemd would start it."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.control import Control, connect

PATIENCE = 30.0  # s; whatever takes longer than this is broken, not slow
STOP_PATIENCE = 5.0  # s; the daemon promises 2
TAIL = 2000  # characters of the log that go into an error


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon. `ready`: seconds from its start to READY=1."""

    process: asyncio.subprocess.Process
    ready: float
    control: Control
    folder: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything it printed so far."""
        return _log_of(self.folder).read_text(encoding="utf-8", errors="replace")

    @property
    def speaker(self) -> Path:
        """The WAV of what the speaker played in the last call."""
        return self.folder / "speaker.wav"


@asynccontextmanager
async def daemon(
    base_url: str,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    *,
    module: str = "appliance",
) -> AsyncIterator[Daemon]:
    """Run the daemon against `base_url`: files for sound, a folder for the camera, no panel.

    `settings`: more of them, as `section.key=value`. `module`: what is run in the appliance's
    place. Raises RuntimeError, with the end of its log, if it does not become ready.
    """
    with TemporaryDirectory(prefix="voice-appliance-") as name, _notified(Path(name)) as listener:
        folder = Path(name)
        began = time.monotonic()
        process = await _start(folder, module, base_url, settings, environment or {})
        try:
            ready = await _ready(listener, process, folder) - began
            # A queue nobody reads fills with STATUS= and WATCHDOG=, and then news are lost.
            asyncio.get_running_loop().add_reader(listener, listener.recv, 4096)
            async with connect(folder / "voice-appliance") as control:
                yield Daemon(process, ready, control, folder)
        finally:
            asyncio.get_running_loop().remove_reader(listener)
            await stop(process)


@contextmanager
def _notified(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "notify"))
        listener.setblocking(False)
        yield listener


async def _start(
    folder: Path,
    module: str,
    base_url: str,
    settings: Sequence[str],
    environment: Mapping[str, str],
) -> asyncio.subprocess.Process:
    values = [
        f"service.base_url={base_url}",
        "audio.driver=file",
        f"audio.output_file={folder / 'speaker.wav'}",
        "panel.driver=none",
        "call.idle_timeout=600",
        *settings,
    ]
    own = {
        "NOTIFY_SOCKET": str(folder / "notify"),
        "OPENAI_API_KEY": "sk-test",
        "XDG_RUNTIME_DIR": str(folder),
        "XDG_STATE_HOME": str(folder),
    }
    with _log_of(folder).open("wb") as log:  # a file: a full pipe would hold the daemon up
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, "run", "--profile", "desktop",
            "--config", os.devnull, *(word for value in values for word in ("--set", value)),
            env={**os.environ, **own, **environment},
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )  # fmt: skip


async def _ready(
    listener: socket.socket, process: asyncio.subprocess.Process, folder: Path
) -> float:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(_must_not_end(process, folder), name="watch")
        while b"READY=1" not in await loop.sock_recv(listener, 4096):
            pass
        ready = time.monotonic()
        watch.cancel()
    return ready


async def _must_not_end(process: asyncio.subprocess.Process, folder: Path) -> None:
    code = await process.wait()
    last = _log_of(folder).read_text(encoding="utf-8", errors="replace")[-TAIL:]
    raise RuntimeError(f"the daemon ended with {code} before it was ready: {last}")


def _log_of(folder: Path) -> Path:
    return folder / "log"


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
