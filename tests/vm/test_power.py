"""Machines of their own: the power is cut, memory is short, and a service that cannot start."""

from collections.abc import Callable

import pytest

from tests.vm.box import CALL, Box
from tests.vm.machine import Machine
from tests.vm.sound_card import SoundCard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CUTS = 3


def test_what_was_acknowledged_survives_a_power_cut(
    power_on: Callable[..., Machine], service: str
) -> None:
    with power_on() as machine:
        box = Box(machine)
        box.set_up(service)
        changes = machine.changes
        machine.run("voice-appliance volume 61; sync")
    for cut in range(CUTS):
        with power_on(changes=changes) as machine:
            box = Box(machine)
            box.until_phase("idle", 90)
            assert box.status()["model"]["volume"] == 61 + cut
            machine.run(f"voice-appliance volume {62 + cut}")
            machine.cut_power()


def test_half_a_gigabyte_of_memory_is_enough(
    power_on: Callable[..., Machine], service: str
) -> None:
    card = SoundCard()
    with power_on(memory="512M") as machine:
        box = Box(machine)
        box.set_up(service)
        card.plug(machine)
        machine.until("grep -q USB-Audio /proc/asound/cards", 30)
        machine.run("udevadm settle")
        try:
            box.press(CALL)
            box.until_phase("live")
            card.until_loud(1)
            machine.run("voice-appliance say 'Count to five.'")
            box.until_said("Four. Five")
            assert machine.run("grep -c 'oom_kill [1-9]' /proc/vmstat || true") == "0"
            free = machine.run("awk '/MemAvailable/ {print int($2 / 1024)}' /proc/meminfo")
            assert int(free) > 100, f"{free} MB are left"
        finally:
            card.unplug()


def test_service_that_cannot_start_ends_in_a_safe_mode_that_a_held_button_leaves(
    power_on: Callable[..., Machine], service: str
) -> None:
    with power_on() as machine:
        box = Box(machine)
        box.set_up(service)
        wrong = "/etc/voice-appliance/config.d/wrong.toml"
        machine.run(
            f"echo 'call = is wrong' >{wrong}; systemctl restart --no-block voice-appliance"
        )
        told = box.until_phase("safe-mode", 120)
        assert "wrong.toml" in told["model"]["sentence"]
        refused = machine.try_("voice-appliance call")
        assert refused.status == 1
        assert "Safe mode" in refused.told
        machine.run(f"rm {wrong}")
        box.press(CALL, 5.5)
        box.until_phase("idle", 60)
