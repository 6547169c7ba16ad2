"""Setting up from the start of the machine to its network, with a NetworkManager that behaves."""

import asyncio

import pytest

from appliance.onboarding import machine
from appliance.onboarding.errors import OnboardingError
from appliance.onboarding.model import Choice, Notice, Rescan, Verdict
from appliance.onboarding.program import Onboarding
from appliance.onboarding.radio import NetworkManager
from tests.onboarding.stage import HOME, POINTS, RIGHT, Stage, meanwhile
from tests.onboarding.world import Router, World, read_profile

pytestmark = pytest.mark.looptime


async def test_with_a_cable_there_is_never_an_access_point(stage: Stage) -> None:
    stage.world.cable = True
    assert await stage.program.run() == "There is a network."
    assert stage.world.point_ups == 0


async def test_a_known_network_that_comes_late_is_waited_for(stage: Stage) -> None:
    """After a power cut the router needs minutes."""
    stage.world.known = {"voice-appliance"}

    def router_is_back(world: World) -> None:
        world.active = "voice-appliance"

    await meanwhile(stage, machine.PATIENCE - 10, router_is_back)
    assert stage.world.point_ups == 0


async def test_the_right_password_joins_and_is_kept(stage: Stage) -> None:
    stage.page.wishes = [(60.0, RIGHT)]
    assert await stage.program.run() == "The network that was chosen is joined."
    assert stage.page.shown == [(("Home", "Caf\ufffd"), None)]
    assert stage.keeper.kept == [RIGHT]
    assert stage.nothing_is_left()
    (path,) = stage.world.root.glob("etc/NetworkManager/system-connections/*")
    assert path.stat().st_mode & 0o777 == 0o600
    profile = read_profile(path)
    assert profile["wifi"]["ssid"] == "72;111;109;101;"
    assert profile["wifi-security"]["psk"] == "correct horse"
    assert "autoconnect" not in profile["connection"]  # so it comes up by itself


@pytest.mark.parametrize(
    ("router", "choice", "verdict"),
    [
        (HOME, Choice(b"Home", "wrong horse"), Verdict.PASSWORD),
        (Router(b"Far", "correct horse", silent=True), Choice(b"Far", "wrong horse"),
         Verdict.REFUSED),
        (HOME, Choice(b"Hone", "correct horse", hidden=True), Verdict.ABSENT),
        (Router(b"Lan", "correct horse", addresses=False), Choice(b"Lan", "correct horse"),
         Verdict.ADDRESS),
    ],
)  # fmt: skip
async def test_what_went_wrong_is_on_the_page_that_comes_back(
    stage: Stage, router: Router, choice: Choice, verdict: Verdict
) -> None:
    stage.world.air = [HOME, router]
    stage.page.wishes = [(60.0, choice), (120.0, RIGHT)]
    await stage.program.run()
    assert [notice for _, notice in stage.page.shown] == [None, Notice(verdict, choice.ssid)]
    lasting = list(stage.world.root.glob("etc/NetworkManager/system-connections/*"))
    assert len(lasting) == 1  # nothing of the one that failed
    assert stage.nothing_is_left()


async def test_of_a_network_that_failed_nothing_is_left(stage: Stage) -> None:
    stage.page.wishes = [(60.0, Choice(b"Home", "wrong horse"))]

    def plug_in(world: World) -> None:
        world.cable = True

    await meanwhile(stage, 120.0, plug_in)
    assert len(stage.page.shown) == 2
    assert stage.world.profiles == {}
    assert stage.left() == set()


async def test_the_trial_never_starts_by_itself(stage: Stage) -> None:
    """It is what is in use until the next start; then it is gone, and the kept one comes up."""
    stage.page.wishes = [(60.0, RIGHT)]
    await stage.program.run()
    trial = stage.world.profiles[stage.world.active]
    assert trial["connection"]["autoconnect"] == "false"
    assert list(stage.world.root.glob("run/NetworkManager/system-connections/*"))


async def test_after_a_start_what_was_chosen_comes_before_an_old_password(stage: Stage) -> None:
    """The router got a new password: the old profile worked once, and fails now."""
    stage.world.air = [Router(b"Home", "correct horse", silent=True)]
    stage.know("old", b"Home", "old horse")
    stage.world.worked = {"old"}
    stage.page.wishes = [(400.0, RIGHT)]
    await stage.program.run()
    await stage.world.restart()
    assert stage.world.active not in {"", "old"}


@pytest.mark.parametrize(
    "password", ["  two blanks", "back\\slash", "\\s at first", "Grüße; #1 = "]
)
async def test_a_password_of_any_signs_is_joined_with(stage: Stage, password: str) -> None:
    stage.world.air = [Router(b"Home", password)]
    stage.page.wishes = [(60.0, Choice(b"Home", password))]
    await stage.program.run()
    await stage.world.restart()
    assert stage.world.active


async def test_a_hidden_network_is_found_by_its_name(stage: Stage) -> None:
    stage.world.air = [Router(b"Secret", "correct horse", hidden=True)]
    stage.page.wishes = [(60.0, Choice(b"Secret", "correct horse", hidden=True))]
    await stage.program.run()
    assert stage.page.shown == [((), None)]
    assert stage.world.active == "voice-appliance-trial"


async def test_known_networks_get_their_turn_when_nobody_comes(stage: Stage) -> None:
    stage.world.known = {"voice-appliance"}
    ups = list[int]()

    def router_is_back(world: World) -> None:
        assert not world.point_is_up
        ups.append(world.point_ups)
        world.active = "voice-appliance"

    turn = machine.PATIENCE + machine.IDLE + machine.RETRY / 2
    assert await meanwhile(stage, turn, router_is_back) == "There is a network."
    assert ups == [1]


async def test_a_known_network_that_listening_finds_is_let_come_up(stage: Stage) -> None:
    """NetworkManager itself listens every two minutes; ours may be what finds the router back."""
    stage.know("voice-appliance", b"Home", "correct horse")
    stage.world.air = []

    def router_is_back(world: World) -> None:
        world.air = [HOME]

    told = await meanwhile(stage, machine.PATIENCE - 10, router_is_back)
    assert (told, stage.world.point_ups) == ("There is a network.", 0)


async def test_a_phone_on_the_point_keeps_it_up(stage: Stage) -> None:
    stage.world.known = {"voice-appliance"}
    stage.world.phones = 1
    turn = machine.PATIENCE + machine.IDLE + machine.RETRY / 2

    def still_up(world: World) -> None:
        assert world.point_is_up
        world.cable = True

    await meanwhile(stage, turn, still_up)


@pytest.mark.parametrize("late", range(16))
async def test_a_form_that_comes_when_the_point_makes_way_is_tried(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """Its sender was told that it is: it may not be lost in the moments of closing."""
    monkeypatch.setattr(machine, "HOLD", 30.0)
    stage.world.phones = 1
    stage.page.wishes = [(machine.GRACE + machine.HOLD + late / 2, RIGHT)]
    async with asyncio.timeout(300.0):
        await stage.program.run()
    assert stage.keeper.kept == [RIGHT]


async def test_a_cable_ends_it_while_the_point_is_up(stage: Stage) -> None:
    def plug_in(world: World) -> None:
        assert world.point_is_up
        world.cable = True

    assert await meanwhile(stage, 100.0, plug_in) == "There is a network."
    assert stage.nothing_is_left()


async def test_searching_again_shows_what_came_up_since(stage: Stage) -> None:
    stage.page.wishes = [(60.0, Rescan()), (120.0, RIGHT)]

    def another(world: World) -> None:
        world.air.append(Router(b"New", "12345678", signal=99))

    await meanwhile(stage, 50.0, another)
    assert [names[0] for names, _ in stage.page.shown] == ["Home", "New"]


async def test_stopping_takes_the_point_down(stage: Stage) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stage.program.run())
        await asyncio.sleep(60.0)
        assert stage.world.point_is_up
        assert stage.world.firewall == {"wlan0"}
        task.cancel()
    assert stage.nothing_is_left()


async def test_what_a_killed_process_left_is_taken_down_first(stage: Stage) -> None:
    await stage.radio.look()
    assert await stage.radio.open_point()
    again = NetworkManager("voice-1a2b", POINTS, stage.world.root, stage.world)
    stage.program = Onboarding(again, stage.page, stage.keeper)

    def before_its_own(world: World) -> None:
        assert stage.nothing_is_left()
        world.cable = True

    await meanwhile(stage, machine.GRACE / 2, before_its_own)


async def test_without_networkmanager_it_says_so(stage: Stage) -> None:
    stage.world.installed = False
    with pytest.raises(OnboardingError, match="Install network-manager"):
        await stage.program.run()


async def test_no_secret_is_a_word_of_a_command_or_in_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    stage.page.wishes = [(60.0, Choice(b"Home", "wrong horse")), (120.0, RIGHT)]
    await stage.program.run()
    told = caplog.text + repr(stage.world.done) + repr(stage.keeper.kept)
    assert "wrong password" in told
    for secret in (POINTS, "wrong horse", "correct horse", "Home"):
        assert secret not in told.replace("ssid=b'Home'", "")


async def test_every_name_leads_to_us_only_while_the_point_is_up(stage: Stage) -> None:
    await stage.radio.look()
    assert await stage.radio.open_point()
    names = stage.world.root / "etc/NetworkManager/dnsmasq-shared.d/voice-appliance-setup.conf"
    assert "\naddress=/#/10.42.0.1\n" in names.read_text()
    await stage.radio.close_point()
    assert not names.exists()
