"""The parts of the bench; each measures one promise and returns its rows."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from statistics import median
from typing import TypeAlias

from tests.bench import weigh
from tests.bench.calls import call, dial, interrupt
from tests.bench.cuts import cuts
from tests.bench.echo import echo
from tests.bench.engine import engine
from tests.bench.others import rivals
from tests.bench.pi import pi
from tests.bench.processes import bare_service, report
from tests.bench.rows import Row
from tests.bench.sound import audio, loop
from tests.bench.turns import turns
from tests.bench.weight import weight
from tests.processes import Daemon, daemon

# Returns its rows; or yields them as they are so far, again and again, each time to be kept.
Part: TypeAlias = Callable[[], Awaitable[list[Row]] | AsyncIterator[list[Row]]]

STARTS = 5
TOOL_CALLS = 30
PHOTOS = 5
SOAK_CALLS = 200
SETTLED_AFTER = 50  # calls; pools and caches are full by then


async def start() -> list[Row]:
    """How soon the daemon is ready, and what its imports cost."""
    ready = []
    memory = []
    async with bare_service() as (url, _):
        for _ in range(STARTS):
            async with daemon(url) as appliance:
                ready.append(appliance.ready)
                memory.append(weigh.resident(appliance.pid))
    command = (sys.executable, "-c", "import appliance.app")
    cpu = [(await report(*command))["cpu"] for _ in range(STARTS)]
    return [
        Row("start.ready", "start to READY, median", "s", median(ready), 1.0),
        Row("start.import", "imports, median", "CPU-s", median(cpu), 1.0),
        Row("start.memory", "resident when idle, median", "MB", median(memory)),
    ]


async def tools() -> list[Row]:
    """How long a tool that does nothing takes, from its arguments to its output."""
    taken = []
    async with bare_service() as (url, log), daemon(url) as appliance:
        await dial(appliance, log)
        await log.next("event", type="response.create", way="socket")  # the greeting
        for number in range(TOOL_CALLS):
            arguments = json.dumps({"text": f"word {number}"})
            log.command("call tool", name="echo_upper", arguments=arguments)
            asked = float((await log.next("arguments"))["at"])
            answered = await log.next("event", item="function_call_output")
            taken.append(float(answered["at"]) - asked)
        await appliance.control.hang_up()
    middle, worst = 1000 * median(taken), 1000 * max(taken)
    return [
        Row("tools.noop", "arguments done to output sent, median", "ms", middle, 5),
        Row("tools.noop_worst", "arguments done to output sent, most", "ms", worst),
    ]


async def photo() -> list[Row]:
    """How long from the photo press to the item at the service, and what it does to the sound."""
    taken, quiet_gaps, photo_gaps = [], [], []
    async with bare_service() as (url, log), daemon(url) as appliance:
        await dial(appliance, log)
        await log.next("event", type="response.create", way="socket")  # the greeting
        for _ in range(PHOTOS):
            log.command("tell gap")
            await log.next("gap")
            await asyncio.sleep(1)
            log.command("tell gap")
            quiet_gaps.append(float((await log.next("gap"))["longest"]))
            pressed = time.monotonic()
            await appliance.control.photo()
            sent = await log.next("event", image=True)
            taken.append(float(sent["at"]) - pressed)
            await asyncio.sleep(1)
            log.command("tell gap")
            photo_gaps.append(float((await log.next("gap"))["longest"]))
        memory = weigh.resident(appliance.pid)
        await appliance.control.hang_up()
    quiet = 1000 * median(quiet_gaps)
    return [
        Row("photo.sent", "press to item sent, capture included", "ms", 1000 * median(taken), 150),
        Row(
            "photo.gap",
            "longest gap between sound frames at the service",
            "ms",
            1000 * median(photo_gaps),
            quiet + 10,
            {"without a photo": quiet},
        ),
        Row("photo.memory", f"resident in a call after {PHOTOS} photos", "MB", memory),
    ]


async def soak() -> list[Row]:
    """What 200 calls in a row leave behind."""
    async with bare_service() as (url, log), daemon(url) as appliance:
        before = await _left(appliance)
        for number in range(SOAK_CALLS):
            if number == SETTLED_AFTER:
                before = await _left(appliance)
            await dial(appliance, log)
            await appliance.control.hang_up()
        await asyncio.sleep(3)  # the POST hang-up and the sweep of the last call may still run
        after = await _left(appliance)
    span = f"after call {SETTLED_AFTER} to call {SOAK_CALLS}"
    return [
        Row("soak.memory", f"resident, {span}", "MB", after["memory"] - before["memory"], 2),
        Row("soak.descriptors", f"file descriptors, {span}", "", after["fds"] - before["fds"], 0),
        Row("soak.tasks", f"tasks, {span}", "", after["tasks"] - before["tasks"], 0),
        Row("soak.threads", f"threads, {span}", "", after["threads"] - before["threads"], 0),
    ]


async def _left(appliance: Daemon) -> Mapping[str, float]:
    return {
        "tasks": (await appliance.control.status()).tasks,
        "memory": weigh.resident(appliance.pid),
        "fds": weigh.descriptors(appliance.pid),
        "threads": weigh.threads(appliance.pid),
    }


PARTS: Mapping[str, Part] = {
    "start": start,
    "call": call,
    "interrupt": interrupt,
    "tools": tools,
    "photo": photo,
    "soak": soak,
    "audio": audio,
    "loop": loop,
    "echo": echo,
    "turns": turns,
    "weight": weight,
    "engine": engine,
    "rivals": rivals,
    "pi": pi,
    "cuts": cuts,
}
NEEDS_MACHINE = {"pi", "cuts"}  # the test machine, which only root can make
