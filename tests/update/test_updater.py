"""What the updater takes, what it refuses, what it waits for, and what it says."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.errors import PostponedError, UpdateError
from appliance.update.index import choose
from tests.update.world import Ways, World, content, release

pytestmark = pytest.mark.looptime


def untouched(world: World) -> bool:
    return not world.packages.installs and not world.service.stops


async def test_newest_version_is_installed_and_the_old_package_is_kept() -> None:
    world = World("1.0", "1.5", "2.0")
    await world.run()
    assert await world.packages.installed() == "2.0"
    assert world.kept.outcome == "2.0 was installed and works."
    assert world.disk.names() == ["state.json", "va_1.0.deb", "va_2.0.deb"]


async def test_only_two_packages_are_kept() -> None:
    world = World("2.0")
    await world.run()
    world.channel.offer("3.0")
    await world.run()
    assert world.disk.names() == ["state.json", "va_2.0.deb", "va_3.0.deb"]


async def test_nothing_newer_is_nothing_done() -> None:
    world = World("0.9", "1.0")
    await world.run()
    assert untouched(world)
    assert world.kept.outcome == "1.0 is the newest version there is for this machine."


async def test_check_changes_nothing() -> None:
    world = World("2.0")
    offer = await world.updater().check(world.channel, [world.channel.key.public_key()])
    assert offer == (release("2.0"), "")
    assert world.disk.names() == ["va_1.0.deb"]


async def test_packages_for_other_systems_are_not_taken() -> None:
    world = World()
    world.channel.offers = [release("2.0", suite="bookworm")]
    await world.run()
    assert untouched(world)


async def test_version_that_needs_a_step_between_gets_it_first() -> None:
    world = World("1.5")
    world.channel.offer("2.0", minimum="1.5")
    await world.run()
    assert await world.packages.installed() == "1.5"
    await world.run()
    assert await world.packages.installed() == "2.0"


async def test_shutdown_while_a_version_is_watched_is_no_verdict() -> None:
    world = World("2.0")
    world.service.leaving = True
    assert isinstance(await world.trouble(), PostponedError)
    assert not world.kept.bad
    world.service.leaving = False
    await world.boot("lost")
    await world.run()
    assert world.kept.outcome == "2.0 was installed and works."
    assert world.packages.installs["2.0"] == 1


# What is refused


async def test_index_of_a_stranger_is_refused() -> None:
    world = World("2.0")
    stranger = Ed25519PrivateKey.generate()
    with pytest.raises(UpdateError, match="not signed with a key that is known"):
        await world.updater().update(world.channel, [stranger.public_key()])
    assert untouched(world)
    assert world.kept.failed


async def test_old_index_is_refused_once_a_newer_one_was_seen() -> None:
    world = World("1.0")
    world.channel.serial = 7
    await world.run()
    world.channel.serial = 6
    world.channel.offer("2.0")
    assert "number 6" in (await world.trouble()).cause
    assert untouched(world)


async def test_another_channel_begins_with_numbers_of_its_own() -> None:
    world = World("1.0")
    world.channel.serial = 7
    await world.run()
    world.channel.url, world.channel.serial = "https://other.example/index.json", 1
    world.channel.offer("2.0")
    await world.run()
    assert await world.packages.installed() == "2.0"


async def test_package_that_is_not_what_was_signed_is_refused() -> None:
    world = World("2.0")
    world.channel.files["va_2.0.deb"] = content("2.0").swapcase()[:-1] + b"!"
    assert "not the file that the index was signed for" in (await world.trouble()).cause
    assert untouched(world)
    assert world.disk.names() == ["state.json", "va_1.0.deb"]


async def test_package_that_is_longer_than_the_index_says_is_refused() -> None:
    world = World("2.0")
    world.channel.files["va_2.0.deb"] += b"more"
    assert "longer than the index says" in (await world.trouble()).cause
    assert untouched(world)


async def test_package_that_ends_early_goes_on_there_the_next_time() -> None:
    world = World("2.0")
    world.channel.short = 1000
    assert "ended after 1000 of" in (await world.trouble()).cause
    world.channel.short = None
    await world.run()
    assert await world.packages.installed() == "2.0"
    assert world.channel.delivered == len(content("2.0"))


async def test_package_with_another_version_inside_is_refused() -> None:
    world = World()
    world.channel.offer("2.0")
    (offer,) = world.channel.offers
    world.channel.offers = [msgspec.structs.replace(offer, version="3.0")]
    assert "is not 3.0 of the appliance" in (await world.trouble()).cause
    assert untouched(world)


async def test_no_way_back_is_no_update() -> None:
    world = World("2.0")
    world.disk.remove("va_1.0.deb")
    error = await world.trouble()
    assert "no way back" in error.cause
    assert untouched(world)


async def test_target_that_would_overwrite_the_way_back_is_refused() -> None:
    world = World()
    world.channel.offers = [msgspec.structs.replace(release("2.0"), file="va_1.0.deb")]
    error = await world.trouble()
    assert error.cause == "The index names the packages of 1.0 and 2.0 alike: va_1.0.deb."
    assert error.cure == "Nothing was installed. Tell the channel's maker."
    assert untouched(world)
    assert not world.channel.delivered
    assert world.disk.read("va_1.0.deb") == content("1.0")


async def test_way_back_that_is_fetched_may_not_be_named_like_the_target() -> None:
    world = World("1.0")
    world.disk.remove("va_1.0.deb")
    world.channel.offers += [msgspec.structs.replace(release("2.0"), file="va_1.0.deb")]
    assert "names the packages of 1.0 and 2.0 alike" in (await world.trouble()).cause
    assert untouched(world)


# What comes back


async def test_ill_version_is_put_back_and_not_tried_again_until_a_newer_one_comes() -> None:
    world = World("2.0")
    world.packages.ways["2.0"] = Ways(ill="it did not stay up")
    await world.run()
    assert await world.packages.installed() == "1.0"
    assert world.service.running == "1.0"
    assert world.kept.outcome == "2.0 did not work: it did not stay up. 1.0 is back."
    assert world.kept.failed
    await world.run()
    assert world.packages.installs == {"2.0": 1, "1.0": 1}
    assert world.kept.outcome == "2.0 is not tried again: it did not stay up."
    world.channel.offer("2.1")
    await world.run()
    assert await world.packages.installed() == "2.1"


async def test_version_that_was_installed_by_hand_meanwhile_is_left_alone() -> None:
    world = World("2.0")
    world.current.cut_at = 30
    assert await world.run()
    await world.boot("kept")
    world.packages.tree = {"5.0"}
    await world.run()
    assert await world.packages.installed() == "5.0"
    assert "installed by hand" in world.kept.outcome


async def test_old_version_that_cannot_be_put_back_is_tried_again_the_next_time() -> None:
    world = World("2.0")
    world.packages.ways = {"2.0": Ways(ill="it answers nothing"), "1.0": Ways(refused=True)}
    assert "nor could 1.0 be put back" in (await world.trouble()).cause
    world.packages.ways = {}
    await world.run()
    assert await world.packages.installed() == "1.0"
    assert world.kept.trial is None


# What it waits for


async def test_call_postpones_and_nothing_is_stopped() -> None:
    world = World("2.0")
    world.service.call = True
    error = await world.trouble()
    assert isinstance(error, PostponedError)
    assert "call is in progress" in error.cause
    assert untouched(world)
    assert not world.kept.failed
    world.service.call = False
    await world.run()
    assert await world.packages.installed() == "2.0"


async def test_call_that_began_after_a_power_cut_is_not_cut_by_the_second_try() -> None:
    world = World("2.0")
    cut_at = 20
    while not world.packages.installs:
        world = World("2.0")
        world.current.cut_at = cut_at = cut_at + 1
        assert await world.run()
    await world.boot("kept")
    world.service.call = True
    assert isinstance(await world.trouble(), PostponedError)
    assert world.service.running == "1.0"


async def test_weak_supply_postpones_before_anything_is_fetched() -> None:
    world = World("2.0")
    world.power.weak = True
    assert "supply is too weak" in (await world.trouble()).cause
    assert untouched(world)
    assert not world.channel.delivered


async def test_supply_that_sags_during_the_download_postpones_the_installation() -> None:
    world = World("2.0")
    offsets = world.channel.package

    def sag(*given: object) -> object:
        world.power.weak = True
        return offsets(*given)  # type: ignore[arg-type]

    world.channel.package = sag  # type: ignore[method-assign,assignment]
    assert isinstance(await world.trouble(), PostponedError)
    assert untouched(world)


async def test_supply_too_weak_to_go_back_starts_what_there_is() -> None:
    world = World("2.0")
    world.packages.ways["2.0"] = Ways(ill="it answers nothing")
    prove = world.service.prove

    async def prove_and_sag(version: str) -> str | None:
        world.power.weak = True
        return await prove(version)

    world.service.prove = prove_and_sag  # type: ignore[method-assign]
    assert isinstance(await world.trouble(), PostponedError)
    assert world.service.running == "2.0"
    world.power.weak = False
    await world.run()
    assert await world.packages.installed() == world.service.running == "1.0"


@pytest.mark.parametrize("space", [(50_000_000, 10**9), (10**9, 59_000_000)])
async def test_full_disk_postpones_before_anything_is_fetched(space: tuple[int, int]) -> None:
    world = World("2.0")
    world.disk.space = space
    assert "disk is too full" in (await world.trouble()).cause
    assert untouched(world)
    assert not world.channel.delivered


async def test_other_installation_postpones_and_the_service_runs_again() -> None:
    world = World("2.0")
    world.packages.locked = True
    assert isinstance(await world.trouble(), PostponedError)
    assert world.service.running == "1.0"
    world.packages.locked = False
    await world.run()
    assert await world.packages.installed() == "2.0"


@pytest.mark.parametrize("seen", [True, False])
async def test_lock_that_is_held_all_day_makes_no_version_bad(seen: bool) -> None:
    """It may be taken at the very last moment, too."""
    world = World("2.0")
    world.packages.locked, world.packages.seen_locked = True, seen
    for _ in range(10):
        await world.trouble()
    assert world.kept.bad == {}
    assert world.service.running == "1.0"
    assert world.service.stops == (0 if seen else 10)


async def test_missing_packages_of_the_system_postpone() -> None:
    world = World("2.0")
    world.packages.missing = True
    assert isinstance(await world.trouble(), PostponedError)
    assert untouched(world)


async def test_stopped_service_postpones() -> None:
    world = World("2.0")
    world.service.running = None
    assert "stopped" in (await world.trouble()).cause
    assert untouched(world)


def test_choice_is_the_newest_that_is_not_bad_and_may_be_installed() -> None:
    def newer(one: str, other: str) -> bool:
        return float(one) > float(other)

    offers = [release(each) for each in ("1.0", "1.4", "1.2")]
    offers.append(release("3.0", minimum="2.0"))
    assert choose(offers, "1.0", (), newer) == release("1.4")
    assert choose(offers, "1.0", ("1.4",), newer) == release("1.2")
    assert choose(offers, "2.0", (), newer) == release("3.0", minimum="2.0")
    assert choose(offers, "3.0", (), newer) is None
