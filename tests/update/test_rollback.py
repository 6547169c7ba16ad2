"""Going back, by itself or because a person said so, and what is told of it ever after."""

import pytest

from appliance.errors import UpdateError
from appliance.update.state import news
from tests.update.world import Ways, World

pytestmark = pytest.mark.looptime


async def test_rollback_goes_back_and_stays_back() -> None:
    world = World("2.0")
    await world.run()
    state = await world.updater().rollback()
    assert await world.packages.installed() == world.service.running == "1.0"
    assert state.bad == {"2.0": "somebody went back from it"}
    await world.run()
    assert await world.packages.installed() == "1.0"


async def test_rollback_without_a_version_before_says_so() -> None:
    with pytest.raises(UpdateError, match="no version before this one"):
        await World().updater().rollback()


async def test_rollback_to_a_version_that_no_longer_works_is_undone() -> None:
    world = World("2.0")
    await world.run()
    world.packages.ways["1.0"] = Ways(ill="it answers nothing")
    state = await world.updater().rollback()
    assert await world.packages.installed() == world.service.running == "2.0"
    assert "1.0 did not work" in state.outcome


# What whoever did not ask is told, and goes on being told


async def test_version_that_did_not_work_is_told_of_as_long_as_it_is_offered() -> None:
    world = World("2.0")
    world.packages.ways["2.0"] = Ways(ill="it did not stay up")
    await world.run()
    assert news(world.kept) == "Updates: 2.0 did not work: it did not stay up. 1.0 is back."
    for _ in range(2):
        await world.run()
        assert news(world.kept) == "Updates: 2.0 is not tried again: it did not stay up."
        assert not world.kept.failed  # this run did what it could
    world.channel.offer("2.1")
    await world.run()
    assert not news(world.kept)


async def test_version_that_somebody_left_is_told_of_as_long_as_it_is_offered() -> None:
    world = World("2.0")
    await world.run()
    await world.updater().rollback()
    left = "Updates: 2.0 is not tried again: somebody went back from it."
    assert news(world.kept) == f"{left} 1.0 was installed and works."
    for _ in range(2):
        await world.run()
        assert news(world.kept) == left
    world.channel.offers.clear()
    await world.run()
    assert not news(world.kept)


async def test_newer_version_that_has_to_wait_is_no_news() -> None:
    world = World("2.0")
    await world.run()
    await world.updater().rollback()
    await world.run()
    world.channel.offer("2.1")
    world.service.call = True
    await world.trouble()
    assert "call is in progress" in world.kept.outcome
    assert not news(world.kept)


async def test_check_tells_of_the_newer_version_that_is_not_tried() -> None:
    world = World("2.0")
    await world.run()
    await world.updater().rollback()
    found = await world.updater().check(world.channel, [world.channel.key.public_key()])
    assert found == (None, "2.0 is not tried again: somebody went back from it.")


async def test_second_rollback_does_not_go_to_the_version_that_was_left() -> None:
    world = World("2.0")
    await world.run()
    await world.updater().rollback()
    before = world.packages.installs.copy()
    with pytest.raises(UpdateError) as refused:
        await world.updater().rollback()
    assert refused.value.cause == "2.0 is not tried again: somebody went back from it."
    assert "sudo dpkg -i" in refused.value.cure
    assert world.packages.installs == before
    assert await world.packages.installed() == "1.0"
    assert "2.0 is not tried again" in news(world.kept)


async def test_second_rollback_does_not_go_to_the_version_that_did_not_work() -> None:
    world = World("2.0")
    await world.run()
    world.packages.ways["1.0"] = Ways(ill="it answers nothing")
    await world.updater().rollback()
    before = world.packages.installs.copy()
    with pytest.raises(UpdateError, match=r"1\.0 is not tried again: it answers nothing"):
        await world.updater().rollback()
    assert world.packages.installs == before


async def test_rollback_after_the_version_left_was_installed_by_hand_goes_back_once_more() -> None:
    world = World("2.0")
    await world.run()
    await world.updater().rollback()
    world.packages.tree = {"2.0"}
    state = await world.updater().rollback()
    assert await world.packages.installed() == "1.0"
    assert "somebody went back from it" in state.outcome
