"""The emulator as a process: its first line, its end, and what it overlooks."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import pytest

from appliance.emulator.server import overlook_vanished_peers

pytestmark = [pytest.mark.timeout(60)]
ROOT = Path(__file__).resolve().parents[2]
START = 40.0  # seconds; importing everything takes two CPU seconds


@pytest.mark.slow
async def test_process_tells_its_url_and_ends_well_when_terminated() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance.emulator", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(START):
        line = (await process.stdout.readline()).decode()
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
    assert line.startswith("listening on http://127.0.0.1:")
    assert line.endswith("/v1\n")
    assert code == 0


class RTCSctpTransport:
    """Named as aiortc's."""

    async def transmit(self) -> None:
        raise ConnectionError


async def other() -> None:
    raise ConnectionError


@pytest.mark.parametrize(("work", "told"), [(RTCSctpTransport().transmit, False), (other, True)])
async def test_only_the_last_words_to_a_vanished_peer_are_overlooked(
    work: "object", told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(work)
    loop = asyncio.get_running_loop()
    task = loop.create_task(work())
    await asyncio.wait([task])
    with caplog.at_level(logging.ERROR):
        overlook_vanished_peers(
            loop, {"future": task, "exception": task.exception(), "message": "never retrieved"}
        )
    assert ("never retrieved" in caplog.text) is told
