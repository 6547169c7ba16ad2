"""Starts the local Realtime service as a process of its own, as a real one would be elsewhere."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from appliance.errors import UnreachableError

START_TIMEOUT = (
    60.0  # s; loading the recogniser takes 1-3 s, on a loaded small computer much longer
)
STOP_TIMEOUT = 5.0  # s to end by itself after SIGTERM
_ANNOUNCEMENT = "listening on "


@asynccontextmanager
async def local_service(arguments: Sequence[str] = ()) -> AsyncIterator[str]:
    """Run `voice-appliance emulator` on a free port; yield its base URL.

    Raises UnreachableError with its last words if it does not come up.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance", "emulator", "--port", "0", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - PIPE promises both
    assert process.stderr is not None  # noqa: S101
    words = bytearray()
    async with asyncio.TaskGroup() as tasks:
        # Read for as long as it lives, so that it never blocks on a full pipe.
        reader = tasks.create_task(_keep_tail(process.stderr, words), name="emulator's words")
        try:
            yield await _announced(process.stdout, words)
        finally:
            await _stop(process)
            reader.cancel()


async def _announced(stream: asyncio.StreamReader, words: bytearray) -> str:
    try:
        async with asyncio.timeout(START_TIMEOUT):
            while line := (await stream.readline()).decode():
                if line.startswith(_ANNOUNCEMENT):
                    return line.removeprefix(_ANNOUNCEMENT).strip()
    except TimeoutError:
        pass
    last = words.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1]
    raise UnreachableError(
        f"The local service did not start{': ' if last else '.'}{last}",
        "Run deploy/desktop setup, then try `voice-appliance emulator` by itself.",
    )


async def _keep_tail(stream: asyncio.StreamReader, words: bytearray) -> None:
    while piece := await stream.read(4096):
        words += piece
        del words[:-4096]


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
