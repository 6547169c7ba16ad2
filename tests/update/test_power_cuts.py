"""The power is cut before every single step, and again in the repair: old or new, never half."""

from collections.abc import Callable

import pytest

from appliance.update import state as states
from appliance.update.disk import holds
from appliance.update.state import TRIES, WAY_BACK
from tests.update.world import After, PowerCut, Ways, World, content

pytestmark = [pytest.mark.looptime, pytest.mark.timeout(120)]

STRIDE = 5  # of the second cut; where it begins moves with the first
AFTER: list[After] = ["lost", "torn", "kept"]


def good() -> World:
    return World("1.0", "2.0")


def never_cached() -> World:
    """Nobody put the installed package there: it is fetched as well."""
    world = World("1.0", "2.0")
    world.disk.remove("va_1.0.deb")
    world.disk.sync_folder()
    world.current.steps = 0
    return world


def just_copied() -> World:
    """Whoever put the installed package there did not sync it: a cut may take it away."""
    world = World("1.0", "2.0")
    world.disk.remove("va_1.0.deb")
    world.disk.sync_folder()
    world.disk.write("va_1.0.deb", content("1.0"))
    world.current.steps = 0
    return world


def ill() -> World:
    world = World("2.0")
    world.packages.ways["2.0"] = Ways(ill="it answers nothing")
    return world


def refused() -> World:
    world = World("2.0")
    world.packages.ways["2.0"] = Ways(refused=True)
    return world


def deadly() -> World:
    world = World("2.0")
    world.packages.ways["2.0"] = Ways(deadly=True)
    return world


KINDS = [
    (good, "2.0"),
    (just_copied, "2.0"),
    (never_cached, "2.0"),
    (ill, "1.0"),
    (refused, "1.0"),
    (deadly, "1.0"),
]
IDS = [make.__name__ for make, _ in KINDS]


async def live_on(world: World, after: After) -> None:
    """Boot and let the timer run until nothing is left to do."""
    await world.boot(after)
    for _ in range(2 * TRIES + 2):
        if await world.run():
            await world.boot(after)
    assert not await world.run(), "it never comes to rest"


async def expect_end(world: World, version: str) -> None:
    state = states.parse(world.disk.read(states.STATE))
    assert await world.packages.installed() == version
    assert world.packages.tree == {version}
    assert world.service.running == version
    assert state.trial is None
    assert world.disk.read(WAY_BACK) is None
    assert state.current is not None
    assert state.current.version == version
    assert holds(world.disk, state.current)
    assert not [name for name in world.disk.names() if name.endswith((".part", ".new"))]
    assert world.packages.installs["2.0"] <= TRIES
    if version == "1.0":
        assert set(state.bad) == {"2.0"}
        assert "2.0" in state.outcome
        before = world.packages.installs.copy()
        await world.run()
        assert world.packages.installs == before, "the bad version was tried again"
    else:
        assert state.previous is not None
        assert holds(world.disk, state.previous)


@pytest.mark.parametrize(("make", "end"), KINDS, ids=IDS)
async def test_undisturbed_update_ends_as_it_should(make: Callable[[], World], end: str) -> None:
    world = make()
    if await world.run():  # the deadly one
        await live_on(world, "lost")
    await expect_end(world, end)


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize(("make", "end"), KINDS, ids=IDS)
async def test_cut_before_any_step_ends_well(
    make: Callable[[], World], end: str, after: After
) -> None:
    cut_at = 0
    while True:
        world = make()
        world.current.cut_at = cut_at
        if not await world.run():
            break
        was_deadly = world.current.steps < cut_at
        await live_on(world, after)
        await expect_end(world, end)
        if was_deadly:
            break
        cut_at += 1
    assert cut_at > 20


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize(("make", "end"), [(good, "2.0"), (ill, "1.0")], ids=["good", "ill"])
async def test_two_cuts_end_well(make: Callable[[], World], end: str, after: After) -> None:
    """The second comes at any step of the run that follows the first."""
    cuts, first, more = 0, 0, True
    while more:
        second, again = 0, True
        while again:
            world = make()
            world.current.cut_at = first
            more = await world.run()
            if not more:
                break
            await world.boot(after)
            world.current.cut_at = world.current.steps + second + first % STRIDE
            again = await world.run()
            await live_on(world, after)
            await expect_end(world, end)
            cuts, second = cuts + 1, second + STRIDE
        first += 1
    assert cuts > 100


@pytest.mark.parametrize("cut", range(5))
async def test_cut_in_the_repair_at_boot_is_repaired_at_the_next(cut: int) -> None:
    half_installed = 0
    cut_at = 0
    while True:
        world = good()
        world.current.cut_at = cut_at
        if not await world.run():
            break
        if await world.packages.installed() is None:
            half_installed += 1
            with pytest.raises(PowerCut):
                await world.boot("lost", cut)
            await live_on(world, "lost")
            await expect_end(world, "2.0")
        cut_at += 1
    assert half_installed == 3
