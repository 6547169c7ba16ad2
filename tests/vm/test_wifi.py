"""Wi-Fi on radios that the kernel believes in: a call without it for a while, and setting it up."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.vm.air import OWN, Disks, Phone, Router, like_the_image
from tests.vm.box import CALL, KEY, KEY_FILE, Box
from tests.vm.machine import Machine
from tests.vm.sound_card import SoundCard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME, PASSWORD = "Flat 3", "correct horse battery"
SSID = NAME.encode().hex()
PAGE, PROBES = "http://10.42.0.1/", (
    "http://connectivitycheck.gstatic.com/generate_204",
    "http://captive.apple.com/hotspot-detect.html",
    "http://www.msftconnecttest.com/connecttest.txt",
)  # fmt: skip
UNIT = "voice-appliance-onboarding"
ENDED = f"[ $(systemctl is-active {UNIT}) = inactive ]"
PROFILES = "/etc/NetworkManager/system-connections/voice-appliance-*"
OUTAGE = 10  # s


class Home(NamedTuple):
    """An appliance, and the router of the flat that it is in."""

    machine: Machine
    router: Router


def until_joined(machine: Machine, limit: float = 120.0) -> None:
    """Wait until the appliance has a network."""
    machine.until(
        f"nmcli -t -f GENERAL.STATE device show {OWN} | grep -q :100 && ip route | grep default",
        limit,
    )


def is_well(model: dict[str, Any]) -> bool:
    """Whether a call goes on, and the service is heard."""
    return model["phase"] == "live" and not model["interrupted"] and model["problem"] is None


@pytest.fixture  # of one test: only one machine at a time has the wire
def known(
    power_on: Callable[..., Machine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """An appliance whose card names the network."""
    settings = f'ssid = "{NAME}"\npassword = "{PASSWORD}"\n'
    disks = like_the_image(power_on, tmp_path_factory.mktemp("card"), settings)
    with power_on(**disks) as machine:
        router = Router(machine, NAME, PASSWORD)
        router.switch_on()
        until_joined(machine)
        yield Home(machine, router)


@pytest.fixture
def card(known: Home) -> Iterator[SoundCard]:
    """A USB sound card that is plugged into that appliance; its wire is not the radio."""
    card, machine = SoundCard(), known.machine
    card.plug(machine, "router")
    machine.until("grep -q USB-Audio /proc/asound/cards", 30)
    machine.run("udevadm settle")
    try:
        yield card
    finally:
        machine.try_("voice-appliance hangup")
        card.unplug()


def test_call_goes_on_after_ten_seconds_without_wifi(
    known: Home, card: SoundCard, service: str
) -> None:
    box = Box(known.machine)
    box.set_up(service)
    box.press(CALL)
    box.until_phase("live")
    card.until_loud(1)
    known.router.switch_off()
    box.until(lambda status: not is_well(status["model"]), "missed", OUTAGE)
    box.until_light(lit=False)
    box.machine.run(f"sleep {OUTAGE}")
    known.router.switch_on()
    box.until(lambda status: is_well(status["model"]), "back")
    box.machine.run("voice-appliance say 'Count to five.'")
    box.until_said("Four. Five")


@pytest.fixture(scope="module")
def disks(power_on: Callable[..., Machine], tmp_path_factory: pytest.TempPathFactory) -> Disks:
    """A card that names no network."""
    return like_the_image(power_on, tmp_path_factory.mktemp("card"))


@pytest.fixture(scope="module")
def moved(power_on: Callable[..., Machine], disks: Disks) -> Iterator[Home]:
    """An appliance that knows no network where it is."""
    with power_on(**disks) as machine:
        router = Router(machine, NAME, PASSWORD)
        router.switch_on()
        yield Home(machine, router)


@pytest.fixture(scope="module")
def phone(moved: Home) -> Phone:
    """A phone beside it."""
    return Phone(moved.machine)


def test_phone_is_led_to_the_page_of_an_appliance_without_a_network(
    moved: Home, phone: Phone
) -> None:
    lease = phone.join()
    assert lease["router"] == lease["names"] == "10.42.0.1"
    for probe in PROBES:
        answer = phone.ask(probe)
        assert (answer["status"], answer["leads"]) == (302, PAGE), answer
    assert NAME in phone.ask(PAGE)["page"]
    assert phone.ask("http://10.42.0.1:22/")["status"] == 0  # nothing else is open
    moved.machine.run(f"systemctl is-active {UNIT}")


def test_wrong_password_is_told_on_the_page_that_comes_back(moved: Home, phone: Phone) -> None:
    phone.join()
    assert phone.send(PAGE, network=SSID, password="wrong horse")["status"] == 200  # noqa: S106
    moved.machine.until(f"! iw dev {OWN} info | grep 'type AP'", 30)
    phone.join()
    assert "did not accept the password" in phone.ask(PAGE)["page"]
    moved.machine.run(f"! ls {PROFILES}")


def test_right_password_is_joined_then_and_after_the_next_start(
    moved: Home, phone: Phone, power_on: Callable[..., Machine], disks: Disks
) -> None:
    machine = moved.machine
    phone.join()
    sent = phone.send(PAGE, network=SSID, password=PASSWORD, country="DE", api_key=KEY)
    assert sent["status"] == 200, sent
    machine.until(ENDED, 120)
    until_joined(machine, 10)
    assert "The network that was chosen is joined." in machine.journal(unit=UNIT)
    machine.run(f"iw dev {OWN} info | grep 'type managed' && grep -q {KEY} {KEY_FILE}")
    assert "wlan" not in machine.run("nft list set inet voice setup_device")  # closed again
    assert machine.run("stat -c '%U %a' " + PROFILES) == "root 600"
    for secret in (PASSWORD, KEY):
        assert secret not in machine.run("journalctl -b -o verbose")
    machine.power_off()
    with power_on(**disks) as machine:
        Router(machine, NAME, PASSWORD).switch_on()
        until_joined(machine)
        machine.until(ENDED, 60)
        assert "There is a network." in machine.journal(unit=UNIT)
