"""The warm-up: what the first call needs is there, and nothing is left of it."""

import asyncio

import pytest

from appliance.call.warm import warm_up

pytestmark = pytest.mark.slow


async def test_warm_up_leaves_nothing_behind(
    no_leftover_resources: None, no_leftover_tasks: None
) -> None:
    async with asyncio.timeout(10):
        await warm_up()


async def test_warm_up_without_a_network_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: [])
    async with asyncio.timeout(10):
        await warm_up()
