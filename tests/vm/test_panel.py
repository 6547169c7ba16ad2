"""Buttons and LED on real lines of a gpiochip: presses, bounces, holds, other programs, a chip that goes."""  # noqa: E501

from functools import partial
from typing import Any

import pytest

from tests.vm.box import CALL, PHOTO, PINS, SETTINGS, Box
from tests.vm.machine import Machine
from tests.vm.sound_card import SoundCard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHIP = "/sys/kernel/config/gpio-sim/header/live"


def pulls(pin: int, *ways: str) -> str:
    """Return the commands that pull a line so, one way after another, as fast as that goes."""
    return "; ".join(f"echo pull-{way} >{PINS}/sim_gpio{pin}/pull" for way in ways)


def test_a_bouncing_press_is_one(box: Box, card: SoundCard) -> None:
    before = box.status()["model"]["calls_made"]
    bounces = ["down", "up"] * 5
    box.machine.run(f"{pulls(CALL, *bounces, 'down')}; sleep 0.2; {pulls(CALL, *bounces, 'up')}")
    box.until_phase("live")
    assert box.status()["model"]["calls_made"] == before + 1
    box.press(CALL)
    assert box.until_phase("idle")["model"]["calls_made"] == before + 1


def is_muted(muted: bool, status: dict[str, Any]) -> bool:
    return status["model"]["muted"] is muted


def test_photo_button_held_mutes_and_held_again_unmutes(box: Box) -> None:
    for muted in (True, False):
        box.press(PHOTO, 1.3)
        box.until(partial(is_muted, muted), f"muted {muted}")


def test_button_that_was_down_at_the_start_is_told_until_it_is_let_go(
    box: Box, service: str
) -> None:
    box.machine.run("systemctl stop voice-appliance")
    box.hold(PHOTO)
    try:
        # A resistor that the driver switches on would release a simulated finger.
        box.set_up(service, f'{SETTINGS}[panel]\npull = "none"\n')
        told = box.until(lambda status: status["model"]["problem"] is not None, "a problem")
        assert "button is stuck" in told["model"]["sentence"]
        box.release(PHOTO)
        box.release(CALL)  # without a resistor that one hangs low too
        box.until(lambda status: status["model"]["problem"] is None, "well again")
    finally:
        box.release(PHOTO)
        box.set_up(service)


def test_pin_that_another_program_holds_is_named_with_it_and_taken_once_it_is_free(
    box: Box, card: SoundCard
) -> None:
    machine = box.machine
    machine.run("systemctl stop voice-appliance")
    machine.run(f"systemd-run -q --unit=holder gpiomon --chip gpiochip0 {CALL}")
    machine.until("gpioinfo --chip gpiochip0 | grep -q gpiomon", 10)
    try:
        machine.run("systemctl start voice-appliance", 90)
        told = box.until(lambda status: status["model"]["problem"] is not None, "a problem")
        assert f"GPIO {CALL}" in told["model"]["sentence"]
        assert "gpiomon" in told["model"]["sentence"]
        machine.run("voice-appliance call; voice-appliance hangup")
    finally:
        machine.run("systemctl stop holder")
    box.until(lambda status: status["model"]["problem"] is None, "well again")
    box.press(CALL)
    box.until_phase("live")
    assert consumers(machine) == {"voice-appliance"}


def consumers(machine: Machine) -> set[str]:
    """Return who the kernel says holds the header's lines."""
    told = machine.run("gpioinfo --chip gpiochip0 | grep -o 'consumer=.*'")
    return {line.split("=")[1].split()[0].strip('"') for line in told.splitlines()}


def test_chip_that_goes_is_told_and_one_that_comes_back_is_taken(box: Box, card: SoundCard) -> None:
    machine = box.machine
    machine.run(f"echo 0 >{CHIP}")
    try:
        told = box.until(lambda status: status["model"]["problem"] is not None, "a problem")
        assert "pins are gone" in told["model"]["sentence"]
        machine.run("voice-appliance call; voice-appliance hangup")
    finally:
        machine.run(f"echo 1 >{CHIP}; udevadm settle")
    box.until(lambda status: status["model"]["problem"] is None, "well again")
    box.press(CALL)
    box.until_phase("live")
    lines = machine.run("journalctl -u voice-appliance -o cat | grep -c lgPthAlert || true")
    assert int(lines) < 100, "lgpio's thread complained without end"
