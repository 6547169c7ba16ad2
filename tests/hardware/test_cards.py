from pathlib import Path

import pytest

from appliance.errors import DeviceError
from appliance.hardware.cards import Card, choose, stable_name

HDMI = Card(0, "vc4-hdmi-0: MAI PCM i2s-hifi-0 (hw:vc4hdmi0,0)", 0, 8, 44_100, default_output=True)
USB = Card(1, "USB PnP Sound Device: Audio (hw:Device,0)", 1, 2, 44_100)
JABRA = Card(2, "Jabra SPEAK 410 USB: Audio (hw:USB,0)", 1, 2, 16_000)
PULSE = Card(3, "pulse", 32, 32, 44_100)
DEFAULT = Card(4, "default", 32, 32, 44_100, default_input=True, default_output=True)


def test_a_card_is_found_by_a_part_of_its_name() -> None:
    choice = choose([HDMI, USB, JABRA], "jabra", "input")
    assert choice.card is JABRA
    assert "jabra" in choice.reason


def test_a_card_is_found_by_its_alsa_id() -> None:
    assert choose([HDMI, USB, JABRA], "hw:Device", "output").card is USB


def test_on_a_bare_pi_a_usb_card_is_taken_for_both() -> None:
    assert choose([HDMI, USB], "", "input").card is USB
    assert choose([HDMI, USB], "", "output").card is USB


def test_where_a_sound_server_runs_its_default_is_taken() -> None:
    choice = choose([USB, PULSE, DEFAULT], "", "input")
    assert choice.card is DEFAULT
    assert choice.reason == "the sound server's default"


def test_without_usb_the_default_is_taken_and_without_a_default_the_first() -> None:
    assert choose([HDMI], "", "output").card is HDMI
    unnamed = Card(7, "codec (hw:codec,0)", 1, 0, 48_000)
    assert choose([unnamed], "", "input").card is unnamed


def test_a_card_without_that_direction_does_not_count() -> None:
    with pytest.raises(DeviceError, match="There is no microphone"):
        choose([HDMI], "", "input")
    with pytest.raises(DeviceError, match="There is no microphone"):
        choose([HDMI], "vc4", "input")


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(DeviceError) as caught:
        choose([HDMI, USB, JABRA], "yabra", "input")
    assert USB.name in caught.value.cure
    assert JABRA.name in caught.value.cure
    assert HDMI.name not in caught.value.cure


def test_a_name_keeps_when_the_number_of_the_card_changes(tmp_path: Path) -> None:
    names = []
    for number in (1, 5):
        (tmp_path / f"card{number}").mkdir()
        (tmp_path / f"card{number}" / "id").write_text("Device\n")
        names.append(stable_name(f"USB PnP Sound Device: Audio (hw:{number},0)", tmp_path))
    assert names == ["USB PnP Sound Device: Audio (hw:Device,0)"] * 2


def test_a_card_that_has_just_gone_keeps_its_number(tmp_path: Path) -> None:
    assert stable_name("USB (hw:3,0)", tmp_path) == "USB (hw:3,0)"
    assert stable_name("default", tmp_path) == "default"
