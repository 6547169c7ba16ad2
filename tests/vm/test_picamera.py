"""Pictures through the real picamera2 and libcamera: of the kernel's virtual camera, and of a webcam."""  # noqa: E501

import json
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest

from tests.vm.box import CALL, LIGHT, PHOTO, PINS, SETTINGS, Box
from tests.vm.machine import Machine
from tests.vm.sound_card import SoundCard
from tests.vm.webcam import Webcam

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CAMERA = f'{SETTINGS}[camera]\ndriver = "picamera2"\n'
WARM = "warm = true\n"
PATIENT = "timeout = 20\n"  # beside a call, on a host that has more to do
VIMC = "/sys/bus/platform/drivers/vimc"
SENSOR = 1024, 540  # of 4096x2160, the virtual camera's
PICTURE = resources.files("appliance.hardware") / "pictures/3-note.jpg"  # the emulator reads it
READ = "Hello from the voice appliance"
MAIN = "$(systemctl show -P MainPID voice-appliance)"
IS_OPEN = f"ls -l /proc/{MAIN}/fd | grep -Eq '/dev/(video|v4l-subdev)'"
MISSING = "No camera is connected."
# libcamera names a webcam after the firmware's node of what it is plugged into, and takes none
# without. This machine has no such firmware: one node is put above all devices.
FIRMWARE = r"""mkdir /run/devices && mount -t tmpfs none /run/devices && cd /sys/devices &&
for each in *; do mkdir /run/devices/$each && mount --bind $each /run/devices/$each; done &&
mkdir /run/devices/firmware_node && echo '\_SB' >/run/devices/firmware_node/path &&
mount --rbind /run/devices /sys/devices"""


@pytest.fixture(scope="module")
def machine(power_on: Callable[..., Machine]) -> Iterator[Machine]:
    """A machine whose firmware knows its USB ports."""
    with power_on() as machine:
        machine.run(FIRMWARE)
        yield machine


@pytest.fixture(scope="module")
def box(machine: Machine, service: str) -> Box:
    """The appliance in it, with this camera."""
    box = Box(machine)
    box.set_up(service, CAMERA)
    return box


@pytest.fixture
def sensor(machine: Machine) -> Iterator[None]:
    """The kernel's virtual camera, which shows coloured bars."""
    machine.run("modprobe vimc && udevadm settle")
    yield
    machine.run(f"echo vimc.0 >{VIMC}/bind; udevadm settle", 60)
    machine.until("modprobe -r vimc", 30)


@pytest.fixture
def webcam(machine: Machine) -> Iterator[Webcam]:
    """A webcam that is plugged in and shows that picture."""
    webcam = Webcam([PICTURE.read_bytes()], 1280, 960)
    plug(webcam, machine)
    try:
        yield webcam
    finally:
        webcam.unplug()


def plug(webcam: Webcam, machine: Machine) -> None:
    """Put the cable in, and wait until everybody knows."""
    webcam.plug(machine)
    machine.until("ls /dev/video0", 30)
    machine.run("udevadm settle")


def photo(box: Box) -> dict[str, Any]:
    """Have a photo taken; what `watch` tells of it."""
    script = f"python3 /run/host/watch.py {MAIN} {PINS}/sim_gpio{LIGHT}/value"
    watched: dict[str, Any] = json.loads(box.machine.run(script).splitlines()[-1])
    return watched


def test_photo_is_taken_in_the_light_and_the_camera_let_go(box: Box, sensor: None) -> None:
    watched = photo(box)
    assert watched["status"] == 0, watched
    assert watched["open"] > 0.3, watched
    assert watched["dark"] < 0.3, watched
    box.machine.run(f"! {IS_OPEN}")


def test_picture_in_the_album_is_a_small_jpeg_of_all_that_the_sensor_sees(
    box: Box, sensor: None
) -> None:
    told = json.loads(box.machine.run("python3 /run/host/album.py").splitlines()[-1])
    assert told == {
        "about": "picamera2, Sensor B",
        "size": [*SENSOR],
        "ends": "ffd8ffd9",
        "lit": True,
        "dark again": True,
    }


def test_camera_that_is_gone_is_told_and_one_that_comes_back_is_taken(
    box: Box, sensor: None
) -> None:
    box.machine.run(f"echo vimc.0 >{VIMC}/unbind")
    refused = photo(box)
    assert refused["status"] == 1
    assert MISSING in refused["told"]
    box.machine.run(f"echo vimc.0 >{VIMC}/bind; udevadm settle")
    assert photo(box)["status"] == 0


def test_camera_that_another_program_uses_is_told_and_taken_once_it_is_free(
    box: Box, sensor: None
) -> None:
    taking = "import time, picamera2; picamera2.Picamera2(); time.sleep(600)"
    box.machine.run(f"systemd-run -q --unit=taker python3 -c '{taking}'")
    try:
        box.machine.until(f"ls -l /proc/{MAIN.replace('voice-appliance', 'taker')}/fd | grep heap")
        refused = photo(box)
    finally:
        box.machine.run("systemctl stop taker")
    assert refused["status"] == 1
    assert "used by another program" in refused["told"]
    box.machine.run(f"! {IS_OPEN}")
    assert photo(box)["status"] == 0


def test_driver_that_is_taken_away_in_a_picture_costs_that_and_works_again(
    box: Box, sensor: None
) -> None:
    machine = box.machine
    machine.run("systemd-run -q --collect --unit=asker voice-appliance photo")
    machine.run(f"until pgrep vimc-streamer; do :; done; echo vimc.0 >{VIMC}/unbind")
    machine.until("! systemctl -q is-active asker", 60)
    # libcamera 0.4.0 ends the process: its pipeline insists that no picture waits when it stops.
    machine.until(f"systemctl -q is-active voice-appliance && ! {IS_OPEN}", 60)
    box.until(lambda _: True, "there")
    assert MISSING in photo(box)["told"]
    machine.run(f"echo vimc.0 >{VIMC}/bind; udevadm settle")
    assert photo(box)["status"] == 0


@pytest.mark.parametrize("warm", [False, True])
def test_webcam_in_a_call_is_pulled_in_a_picture_and_works_again(
    box: Box, service: str, card: SoundCard, webcam: Webcam, *, warm: bool
) -> None:
    machine = box.machine
    box.set_up(service, f"{CAMERA}{PATIENT}{WARM if warm else ''}")
    machine.until(f"grep -q libcamera /proc/{MAIN}/maps")  # it takes the whole processor
    machine.run(f"! {IS_OPEN}")
    box.press(CALL)
    box.until_phase("live")
    if warm:
        machine.until(IS_OPEN)
    box.press(PHOTO)
    box.until_said(READ)
    machine.run(IS_OPEN if warm else f"! {IS_OPEN}")
    webcam.frozen = True  # so that the picture is under way for as long as it takes to pull
    machine.run(
        "systemd-run -q --collect --unit=asker sh -c 'voice-appliance photo >/run/asked 2>&1'"
    )
    machine.until(IS_OPEN)
    webcam.unplug()
    machine.until("! systemctl -q is-active asker", 60)
    assert "camera" in machine.run("cat /run/asked")
    machine.until(f"! {IS_OPEN}", 10)
    webcam.frozen = False
    plug(webcam, machine)
    machine.run("voice-appliance photo", 60)
    box.until_said(READ, times=2)
    assert box.status()["model"]["calls_made"] == 1
    machine.run("voice-appliance hangup")
    box.until_phase("idle")
    machine.until(f"! {IS_OPEN}", 10)
    box.until_light(lit=False)


def test_webcam_that_hangs_is_told_and_let_go(box: Box, service: str, webcam: Webcam) -> None:
    box.set_up(service, CAMERA)
    webcam.frozen = True
    refused = photo(box)
    assert refused["status"] == 1
    assert "no picture within 5 seconds" in refused["told"]
    box.machine.until(f"! {IS_OPEN}", 10)
    webcam.frozen = False
    assert photo(box)["status"] == 0
