"""Country and API key go where the first boot puts them."""

from pathlib import Path

import pytest

from appliance.onboarding.keeper import Settings
from appliance.onboarding.model import Choice
from tests.firstboot.device import API_KEY, KEY, Device

REGULATION = "etc/modprobe.d/voice-appliance-wifi.conf"


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "device")


async def keep(device: Device, choice: Choice) -> None:
    await Settings(device.root, device.system).keep(choice)


async def test_country_holds_now_and_after_a_start(device: Device) -> None:
    await keep(device, Choice(b"Home", country="DE"))
    assert device.text(REGULATION).endswith("regdom=DE\n")
    assert device.system.done == [("iw", "reg", "set", "DE")]


async def test_key_is_roots_and_the_service_takes_it(device: Device) -> None:
    await keep(device, Choice(b"Home", api_key=KEY))
    assert device.text(API_KEY) == KEY + "\n"
    assert device.mode(API_KEY) == 0o600
    assert device.system.done == [
        ("systemctl", "--no-block", "try-restart", "voice-appliance.service")
    ]


async def test_what_was_not_given_stays_as_it_is(device: Device) -> None:
    await keep(device, Choice(b"Home", "correct horse"))
    assert not device.has(API_KEY)
    assert not device.has(REGULATION)
    assert device.system.done == []


async def test_a_card_that_cannot_be_written_is_told_without_the_key(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    (device.root / "etc/voice-appliance").write_text("in the way")
    await keep(device, Choice(b"Home", country="DE", api_key=KEY))
    assert "API key: The card could not be written" in caplog.text
    assert KEY not in caplog.text
    assert device.has(REGULATION)
