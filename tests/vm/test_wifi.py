"""Wi-Fi on radios that the kernel believes in: a call without it for a while, and setting it up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.vm.air import OWN, Phone, Router, like_the_image
from tests.vm.box import CALL, Box
from tests.vm.machine import Machine
from tests.vm.sound_card import SoundCard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME, PASSWORD = "Flat 3", "correct horse battery"
PAGE = "http://10.42.0.1/"
ONBOARDING = "voice-appliance-onboarding"
JOINED = (
    f"nmcli -t -f GENERAL.STATE device show {OWN} | grep -q :100 && ip -4 route | grep -q default"
)


def on_the_net(machine: Machine) -> None:
    """Wait until the appliance has its network."""
    machine.until(JOINED, 120)


@pytest.fixture(scope="module")
def known(power_on: Callable[..., Machine], service: str) -> Iterator[tuple[Box, Router]]:
    """An appliance whose card named the network, and its router."""
    card = f'ssid = "{NAME}"\npassword = "{PASSWORD}"\n'
    with power_on(changes=like_the_image(power_on, card)) as machine:
        router = Router(machine, NAME, PASSWORD)
        router.switch_on()
        on_the_net(machine)
        box = Box(machine)
        box.set_up(service)
        yield box, router


@pytest.fixture
def card(known: tuple[Box, Router]) -> Iterator[SoundCard]:
    """A USB sound card that is plugged into that appliance."""
    card, machine = SoundCard(), known[0].machine
    card.plug(machine, "router")
    machine.until("grep -q USB-Audio /proc/asound/cards", 30)
    machine.run("udevadm settle")
    try:
        yield card
    finally:
        machine.try_("voice-appliance hangup")
        card.unplug()


def test_call_goes_on_after_ten_seconds_without_wifi(
    known: tuple[Box, Router], card: SoundCard
) -> None:
    box, router = known
    box.press(CALL)
    box.until_phase("live")
    card.until_loud(1)
    router.switch_off()
    box.until(lambda status: status["model"]["problem"] is not None, "missed", 10)
    box.until_light(lit=False)
    box.machine.run("sleep 7")
    router.switch_on()
    box.until(lambda status: status["model"]["problem"] is None, "back", 60)
    assert box.status()["model"]["phase"] == "live"
    box.machine.run("voice-appliance say 'Count to five.'")
    box.until_said("Four. Five")
    box.machine.run("voice-appliance hangup")


@pytest.fixture(scope="module")
def unknown(power_on: Callable[..., Machine]) -> Path:
    """The changes to a disk that make of it a card without a known network."""
    return like_the_image(power_on)


@pytest.fixture(scope="module")
def moved(
    power_on: Callable[..., Machine], unknown: Path
) -> Iterator[tuple[Machine, Router, Phone]]:
    """An appliance that knows no network, a router, and somebody with a phone."""
    with power_on(changes=unknown) as machine:
        router = Router(machine, NAME, PASSWORD)
        router.switch_on()
        yield machine, router, Phone(machine)


def test_phone_is_led_to_the_page_of_an_appliance_without_a_network(
    moved: tuple[Machine, Router, Phone],
) -> None:
    machine, _, phone = moved
    lease = phone.join()
    assert lease["router"] == lease["names"] == "10.42.0.1"
    for probe in (
        "http://connectivitycheck.gstatic.com/generate_204",
        "http://captive.apple.com/hotspot-detect.html",
        "http://www.msftconnecttest.com/connecttest.txt",
    ):
        answer = phone.ask(probe)
        assert (answer["status"], answer["leads"]) == (302, PAGE), answer
    page = phone.ask(PAGE)["page"]
    assert NAME in page
    machine.run(f"systemctl is-active {ONBOARDING}")


def test_wrong_password_is_told_on_the_page_that_comes_back(
    moved: tuple[Machine, Router, Phone],
) -> None:
    machine, _, phone = moved
    phone.join()
    sent = phone.send(PAGE, network=NAME.encode().hex(), password="wrong horse")  # noqa: S106
    assert sent["status"] == 200, sent
    machine.until(f"! iw dev {OWN} info | grep -q 'type AP'", 30)
    phone.join(180)
    assert "did not accept the password" in phone.ask(PAGE)["page"]


def test_right_password_is_joined_and_joined_again_after_a_start(
    moved: tuple[Machine, Router, Phone],
    power_on: Callable[..., Machine],
    service: str,
) -> None:
    machine, _, phone = moved
    phone.join()
    sent = phone.send(PAGE, network=NAME.encode().hex(), password=PASSWORD)
    assert sent["status"] == 200, sent
    machine.until(f"[ $(systemctl is-active {ONBOARDING}) = inactive ]", 120)
    on_the_net(machine)
    machine.run(f"iw dev {OWN} info | grep 'type managed'")
    machine.run("ping -c 1 -W 5 10.99.0.1")
    machine.power_off()
    with power_on(changes=machine.changes) as again:
        Router(again, NAME, PASSWORD).switch_on()
        on_the_net(again)
        again.until(f"[ $(systemctl is-active {ONBOARDING}) = inactive ]", 60)
        told = again.run(f"journalctl -b -u {ONBOARDING} -o cat")
        assert "There is a network." in told
