"""Pictures through a webcam that the kernel's own driver sees, and a cable that is pulled."""

from collections.abc import Iterator
from importlib import resources

import pytest

from tests.vm.box import CALL, PHOTO, Box
from tests.vm.sound_card import SoundCard
from tests.vm.webcam import Webcam

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


PICTURE = resources.files("appliance.hardware") / "pictures/3-note.jpg"  # the emulator reads it
SIZE = 1280, 960
READ = "Hello from the voice appliance"


@pytest.fixture
def webcam(box: Box) -> Iterator[Webcam]:
    """A webcam that is plugged in and shows that picture."""
    webcam = Webcam([PICTURE.read_bytes()], *SIZE)
    webcam.plug(box.machine)
    box.machine.until("ls /dev/video0", 30)
    box.machine.run("udevadm settle")
    try:
        yield webcam
    finally:
        webcam.unplug()


def test_photo_button_has_the_picture_described(box: Box, card: SoundCard, webcam: Webcam) -> None:
    box.press(CALL)
    box.until_phase("live")
    box.press(PHOTO)
    box.until_said(READ)
    assert webcam.seen > 0
    box.machine.run("voice-appliance hangup")
    box.until_phase("idle")
    box.until_light(lit=False)


def test_webcam_that_is_pulled_costs_the_picture_and_works_again(
    box: Box, card: SoundCard, webcam: Webcam
) -> None:
    box.press(CALL)
    before = box.until_phase("live")["model"]["calls_made"]
    webcam.unplug()
    refused = box.machine.try_("voice-appliance photo", 60)
    assert refused.status == 1, refused.told
    assert "camera" in refused.told.lower()
    webcam.plug(box.machine)
    box.machine.until("ls /dev/video0", 30)
    seen = box.transcript().count(READ)
    box.machine.run("voice-appliance photo", 60)
    box.until_said(READ, times=seen + 1)
    assert box.status()["model"]["calls_made"] == before
    box.machine.run("voice-appliance hangup")
