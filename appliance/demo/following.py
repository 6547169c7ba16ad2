"""Runs an assembled appliance and shows what happens in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.app import Assembly
from appliance.buttons import read_panel
from appliance.core.events import Shutdown
from appliance.demo.witness import Witness
from appliance.terminal import View

HUB_LIMIT = 4096  # messages; a view that is late by seconds still misses nothing


@asynccontextmanager
async def following(assembly: Assembly, shown: View) -> AsyncIterator[Witness]:
    """Run the appliance, and show what happens, until the context ends."""
    witness = Witness(shown)
    async with asyncio.TaskGroup() as tasks:
        with assembly.hub.reader(limit=HUB_LIMIT) as reader:
            helpers = [
                tasks.create_task(witness.watch(reader), name="witness"),
                tasks.create_task(
                    read_panel(assembly.panel, assembly.supervisor.post), name="panel"
                ),
            ]
            running = tasks.create_task(assembly.supervisor.run(), name="supervisor")
            helpers.append(tasks.create_task(assembly.warm_up.run(), name="warm-up"))
            try:
                yield witness
            finally:
                assembly.supervisor.post(Shutdown())
                await asyncio.wait({running})
                for helper in helpers:
                    helper.cancel()
