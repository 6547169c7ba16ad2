"""A radio that is blocked, comes late or goes; an access point that does not come up, or goes."""

import asyncio

import pytest

from appliance.onboarding import machine
from tests.onboarding.stage import RIGHT, Stage, meanwhile
from tests.onboarding.world import World

pytestmark = pytest.mark.looptime


async def test_a_blocked_radio_is_unblocked_and_waited_for(stage: Stage) -> None:
    """As Raspberry Pi OS keeps it while no country is set."""
    stage.world.blocked = True
    stage.page.wishes = [(60.0, RIGHT)]

    def first_try(world: World) -> None:
        assert world.point_is_up

    await meanwhile(stage, 2 * machine.GRACE, first_try)
    assert stage.page.shown == [(("Home", "Caf\ufffd"), None)]


async def test_a_radio_that_stays_blocked_is_not_waited_for_for_ever(stage: Stage) -> None:
    stage.world.blocked, stage.world.waking = True, 600.0

    def plug_in(world: World) -> None:
        assert world.point_ups == 0
        world.cable = True

    assert await meanwhile(stage, 300.0, plug_in) == "There is a network."


async def test_a_point_that_fails_is_tried_again_until_it_works(stage: Stage) -> None:
    stage.world.point_fails = True
    stage.page.wishes = [(300.0, RIGHT)]

    def mend(world: World) -> None:
        assert not world.firewall
        world.point_fails = False

    await meanwhile(stage, 200.0, mend)
    assert stage.world.point_ups == 1


async def test_the_point_takes_nothing_older_than_wpa2(stage: Stage) -> None:
    await stage.radio.look()
    assert await stage.radio.open_point()
    assert stage.world.offered == {"rsn", "ccmp"}


async def test_without_any_wifi_it_ends(stage: Stage) -> None:
    stage.world.wifi = False
    assert "Plug in a cable" in await stage.program.run()


async def test_a_radio_that_comes_late_is_used(stage: Stage) -> None:
    stage.world.wifi = False
    stage.page.wishes = [(120.0, RIGHT)]

    def driver_is_there(world: World) -> None:
        world.wifi = True

    told = await meanwhile(stage, 2 * machine.GRACE, driver_is_there)
    assert told == "The network that was chosen is joined."


async def test_a_point_that_goes_away_comes_back(stage: Stage) -> None:
    """A driver that crashes takes it along."""

    def crash(world: World) -> None:
        assert world.point_is_up
        world.active = ""
        stage.page.wishes = [(asyncio.get_running_loop().time() + machine.IDLE / 2, RIGHT)]

    await meanwhile(stage, 60.0, crash)
    assert stage.world.point_ups == 2
    assert stage.keeper.kept == [RIGHT]
