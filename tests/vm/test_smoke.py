"""The shortest way through the whole machine: boot, READY, one press, one call, power off."""

import pytest

from tests.vm.box import CALL, Box
from tests.vm.machine import Machine
from tests.vm.sound_card import SoundCard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_system_comes_up_whole(machine: Machine) -> None:
    told = machine.try_("systemctl is-system-running --wait", 120).told.strip()
    assert told == "running", machine.run("systemctl --failed --no-pager")


def test_service_is_ready_and_says_what_is_missing(machine: Machine) -> None:
    machine.run("systemctl is-active voice-appliance")
    assert "There is no API key." in machine.try_("voice-appliance doctor").told


def test_a_press_starts_a_call_and_a_press_ends_it(box: Box, card: SoundCard) -> None:
    box.until_light(lit=False)
    box.press(CALL)
    box.until_phase("live")
    box.until_light(lit=True)
    card.until_loud(1)
    box.press(CALL)
    status = box.until_phase("idle")
    assert status["last_call"]["RESPONSES"] == 1, status
    box.until_light(lit=False)


def test_machine_powers_off(machine: Machine) -> None:
    machine.power_off()
