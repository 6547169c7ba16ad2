"""A card that goes is looked for, and the call goes on when it is back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from appliance.call.sound import PATIENCE, RETRY, Sound
from appliance.errors import DeviceError
from appliance.media import pcm
from appliance.ports import AudioStats, AudioStream, Exchange

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_leftover_tasks")]

GONE = DeviceError("The sound card has stopped.", "Check that it is still plugged in.")
NONE = DeviceError("There is no microphone.", "Plug one in.")


class Card:
    """A card that can be pulled out; each opening is noted, and closed again."""

    def __init__(self, *, there: bool = True) -> None:
        self.there = there
        self.opened = self.closed = 0
        self.after: list[AudioStream | None] = []  # what each opening was said to follow
        self.underruns = self.overruns = 0
        self._failed: Callable[[DeviceError], None] | None = None

    def stats(self) -> AudioStats:
        return AudioStats(underruns=self.underruns, overruns=self.overruns, block_ms=20)

    @asynccontextmanager
    async def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AsyncIterator[AudioStream]:
        self.after.append(after)
        if not self.there:
            raise NONE
        self.opened += 1
        self._failed = failed
        exchange(pcm.SILENCE)
        try:
            yield self
        finally:
            self.closed += 1

    def pull(self) -> None:
        assert self._failed is not None
        self.there = False
        self._failed(GONE)


class Owner:
    """What the call is told, and when."""

    def __init__(self, card: Card) -> None:
        self.told: list[str] = []
        self.error: DeviceError | None = None
        self.over = asyncio.Event()  # back, or failed
        self.sound = Sound(
            card,
            lambda near: near,
            lost=lambda error: self.told.append(f"lost: {error.cause}"),
            back=self._come_back,
            failed=self._fail,
        )

    def _come_back(self) -> None:
        self.told.append("back")
        self.over.set()

    def _fail(self, error: DeviceError) -> None:
        self.told.append("failed")
        self.error = error
        self.over.set()


@asynccontextmanager
async def holding(card: Card) -> AsyncIterator[Owner]:
    owner = Owner(card)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(owner.sound.run())
        await owner.sound.opened.wait()
        yield owner
        owner.sound.release()


async def test_card_is_open_from_the_beginning_to_the_end() -> None:
    card = Card()
    async with holding(card) as owner:
        assert owner.sound.stream is card
    assert (card.opened, card.closed, owner.told) == (1, 1, [])
    assert owner.sound.stream is None


async def test_card_that_comes_back_is_opened_within_a_second_of_it() -> None:
    loop = asyncio.get_running_loop()
    card = Card()
    async with holding(card) as owner:
        card.pull()
        await asyncio.sleep(5.3)
        assert owner.sound.stream is None
        assert owner.told == ["lost: The sound card has stopped."]
        card.there = True
        began = loop.time()
        await owner.over.wait()
        assert loop.time() - began <= RETRY + 0.02
    assert owner.told[1:] == ["back"]
    assert (card.opened, card.closed) == (2, 2)


async def test_each_opening_is_said_to_follow_the_one_before_in_the_same_call() -> None:
    card = Card()
    for _ in range(2):
        async with holding(card):
            card.pull()
            await asyncio.sleep(1.5)
            card.there = True
            await asyncio.sleep(1.5)
    assert card.after == [None, card, card] * 2


async def test_card_that_goes_again_is_told_again() -> None:
    card = Card()
    async with holding(card) as owner:
        for _ in range(3):
            card.pull()
            await asyncio.sleep(1.5)
            card.there = True
            await asyncio.sleep(1.5)
    assert owner.told == ["lost: The sound card has stopped.", "back"] * 3


async def test_card_that_stays_away_fails_after_a_minute() -> None:
    loop = asyncio.get_running_loop()
    card = Card()
    async with holding(card) as owner:
        card.pull()
        began = loop.time()
        await owner.over.wait()
        assert PATIENCE <= loop.time() - began <= PATIENCE + 2 * RETRY
    assert owner.told == ["lost: The sound card has stopped.", "failed"]
    assert owner.error is NONE, "the newest reason"


async def test_card_that_was_never_there_fails_at_once_and_is_not_looked_for() -> None:
    card = Card(there=False)
    async with holding(card) as owner:
        assert owner.told == ["failed"]
        card.there = True
        await asyncio.sleep(10)
    assert card.opened == 0


async def test_search_ends_with_the_call() -> None:
    loop = asyncio.get_running_loop()
    card = Card()
    async with holding(card) as owner:
        card.pull()
        await asyncio.sleep(2.5)
        began = loop.time()
    assert loop.time() - began < 0.01
    assert owner.told == ["lost: The sound card has stopped."]


async def test_release_before_the_card_is_open_closes_it_at_once() -> None:
    card = Card()
    owner = Owner(card)
    owner.sound.release()
    await owner.sound.run()
    assert (card.opened, card.closed) == (1, 1)


async def test_xruns_of_all_cards_of_a_call_are_counted_together() -> None:
    card = Card()
    async with holding(card) as owner:
        card.underruns = 2
        assert owner.sound.xruns == 2
        card.pull()
        await asyncio.sleep(1.5)
        card.underruns, card.overruns = 0, 1
        card.there = True
        await asyncio.sleep(1.5)
        assert owner.sound.xruns == 3
    assert (owner.sound.xruns, owner.sound.block_ms) == (3, 20)
