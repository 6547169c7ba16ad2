"""When the service counts as lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.call import vigil
from appliance.call.peer import Received
from appliance.call.vigil import LOST_AFTER, TICK, Signs, watch
from tests.call.answerer import Answerer, cut, mend
from tests.call.test_peer import PATIENCE, join, pair


def looks(signs: Signs, until: float, received: Received, *, speaking: bool = False) -> None:
    """Look every TICK at counts that do not change, up to and at `until`."""
    while signs.looked_at < until:
        signs.look(received, min(signs.looked_at + TICK, until), speaking=speaking)


def test_silence_is_lost_after_a_while() -> None:
    signs = Signs(0.0, 0.0, 0.0, Received(10, 5))

    looks(signs, LOST_AFTER - 0.1, Received(10, 5))
    assert not signs.is_lost(LOST_AFTER - 0.1)
    assert signs.is_lost(LOST_AFTER)


def test_any_packet_is_a_sign_of_life() -> None:
    signs = Signs(0.0, 0.0, 0.0, Received(10, 5))

    looks(signs, 2.9, Received(10, 5))
    signs.look(Received(11, 5), 3.0, speaking=False)

    assert not signs.is_lost(3.0 + LOST_AFTER - 0.1)


def test_answer_to_a_probe_is_a_sign_of_life() -> None:
    signs = Signs(0.0, 0.0, 0.0)
    signs.answered(2.0)

    assert not signs.is_lost(2.0 + LOST_AFTER - 0.1)


def test_service_without_a_voice_is_not_lost() -> None:
    signs = Signs(0.0, 0.0, 0.0)
    for step in range(40):
        signs.look(Received(step, 5), step * TICK, speaking=False)

    assert not signs.is_lost(20.0)


def test_service_that_speaks_without_sound_is_lost() -> None:
    signs = Signs(0.0, 0.0, 0.0)
    for step in range(1, 13):
        signs.look(Received(step, 5), step * TICK, speaking=step > 4)

    assert not signs.is_lost(2.5 + LOST_AFTER - 0.1)
    assert signs.is_lost(2.5 + LOST_AFTER)


def test_pause_of_our_own_is_not_the_services_silence() -> None:
    signs = Signs(0.0, 0.0, 0.0, Received(10, 5))
    signs.look(Received(10, 5), 8.0, speaking=False)  # the machine slept

    assert not signs.is_lost(8.0)


class Mute:
    """The peer of a service that is gone, and answers no question until it is back."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()

    async def received(self) -> Received:
        return Received(10, 5)

    async def is_reachable(self) -> bool:
        return await self.answer.wait()


async def test_loss_is_told_while_we_still_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vigil, "TICK", 0.01)
    monkeypatch.setattr(vigil, "PROBE_AFTER", 0.01)
    monkeypatch.setattr(vigil, "LOST_AFTER", 0.02)
    peer, told = Mute(), asyncio.Queue[bool]()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch(peer, lambda: False, told.put_nowait))
        assert await told.get() is True
        peer.answer.set()
        assert await told.get() is False
        watching.cancel()


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[Answerer, asyncio.Queue[bool]]]:
    """A call under watch; all waits are a tenth of their real length."""
    for name in ("TICK", "PROBE_AFTER", "LOST_AFTER"):
        monkeypatch.setattr(vigil, name, getattr(vigil, name) / 10)
    told: asyncio.Queue[bool] = asyncio.Queue()
    async with asyncio.timeout(PATIENCE), pair() as (caller, answerer):
        await join(caller, answerer)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(watch(caller, lambda: False, told.put_nowait))
            yield answerer, told
            task.cancel()


@pytest.mark.slow
async def test_dead_network_is_noticed_and_its_return_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as (answerer, told):
        cut(answerer)
        assert await told.get() is True
        mend(answerer)
        assert await told.get() is False


@pytest.mark.slow
async def test_service_that_has_nothing_to_say_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watched(monkeypatch) as (answerer, told):
        answerer.tone.unpaused.clear()
        await asyncio.sleep(5 * vigil.LOST_AFTER)  # RTCP comes twice a second at most
        assert told.empty()
