"""Which card is taken, and why."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import DeviceError
from appliance.hardware.alsa import read_cards
from appliance.hardware.cards import (
    Card,
    Rank,
    choose,
    judge,
    listed,
    stable_id,
    stable_name,
    vanished,
)
from appliance.hardware.portaudio import with_busy
from tests.hardware.cards_tree import HAT, JACK, LOOPBACK, WEBCAM, Plugged, build, dongle
from tests.hardware.cards_tree import HDMI as PLUGGED_HDMI

HDMI = Card(0, "vc4-hdmi-0: MAI PCM i2s-hifi-0 (hw:vc4hdmi0,0)", 0, 8, 44_100, default_output=True)
USB = Card(1, "USB PnP Sound Device: Audio (hw:Device,0)", 1, 2, 44_100)
JABRA = Card(2, "Jabra SPEAK 410 USB: Audio (hw:USB,0)", 1, 2, 16_000)
PULSE = Card(3, "pulse", 32, 32, 44_100)
DEFAULT = Card(4, "default", 32, 32, 44_100, default_input=True, default_output=True)
MONITOR = Card(5, "Monitor of Built-in Audio", 2, 0, 48_000)


def machine(root: Path, *plugged: Plugged) -> list[Card]:
    """The cards as PortAudio lists them, each with what the kernel tells."""
    kernel = read_cards(build(root, plugged))
    return [
        Card(
            index=index,
            name=f"{alsa.name}: Audio (hw:{alsa.id},0)",
            inputs=int(alsa.has("input")),
            outputs=2 * int(alsa.has("output")),
            rate_hz=44_100,
            alsa=alsa,
        )
        for index, alsa in enumerate(kernel.values())
    ]


# By name


def test_a_card_is_found_by_a_part_of_its_name() -> None:
    choice = choose([HDMI, USB, JABRA], "jabra", "input")
    assert choice.card is JABRA
    assert "jabra" in choice.reason


def test_a_part_that_several_have_takes_the_best_and_says_so(tmp_path: Path) -> None:
    cards = machine(tmp_path, WEBCAM, dongle())
    choice = choose(cards, "audio", "input")
    assert choice.card is cards[1]
    assert choice.reason == 'its name contains "audio", as do 1 more'


@pytest.mark.parametrize("wanted", ["Device", "device", "hw:Device", "hw:Device,0"])
def test_a_card_is_found_by_its_alsa_id_before_any_name(tmp_path: Path, wanted: str) -> None:
    namesake = Plugged("Other", "USB-Audio", "The Device", "usb", "1-1.1:1.0")
    cards = machine(tmp_path, namesake, dongle())
    choice = choose(cards, wanted, "output")
    assert choice.card is cards[1]
    assert choice.reason == 'its ALSA id is "Device"'


def test_a_card_is_found_by_where_it_is_plugged_in(tmp_path: Path) -> None:
    cards = machine(tmp_path, dongle("Device", "1-1.3"), dongle("Device_1", "1-1.4"))
    choice = choose(cards, "1-1.4", "input")
    assert choice.card is cards[1]
    assert choice.reason == "it is plugged in at USB path 1-1.4"


@pytest.mark.parametrize("wanted", ["1", "hw:1", "hw:1,0", "card 1"])
def test_a_number_is_refused_because_it_does_not_stay(wanted: str) -> None:
    with pytest.raises(DeviceError, match="changes from boot to boot") as caught:
        choose([HDMI, USB], wanted, "output")
    assert USB.name in caught.value.cure


def test_a_model_number_is_a_part_of_a_name() -> None:
    assert choose([USB, JABRA], "410", "input").card is JABRA


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(DeviceError) as caught:
        choose([HDMI, USB, JABRA], "yabra", "input")
    assert USB.name in caught.value.cure
    assert JABRA.name in caught.value.cure
    assert HDMI.name not in caught.value.cure


# By rank


def test_cards_are_ranked_from_usb_to_hdmi_and_each_says_why(tmp_path: Path) -> None:
    speaker = Plugged("Speaker", "USB-Audio", "USB Speaker", "usb", "1-1.1:1.0", "playback 1")
    cards = machine(tmp_path, PLUGGED_HDMI, JACK, HAT, speaker, dongle(), LOOPBACK)
    assert [(row.alsa_id, row.rank, row.reason) for row in listed(cards, "", "output")] == [
        ("Device", Rank.USB_DUPLEX, "a USB card with microphone and speaker"),
        ("Speaker", Rank.USB, "a USB speaker"),
        ("seeed2micvoicec", Rank.I2S, "an I2S card, such as a HAT"),
        ("Headphones", Rank.BUILT_IN, "built in"),
        ("vc4hdmi0", Rank.HDMI, "the sound of a screen (HDMI)"),
        ("Loopback", Rank.NEVER, "a card without sound"),
    ]


def test_the_best_one_is_taken_whatever_the_order(tmp_path: Path) -> None:
    cards = machine(tmp_path, WEBCAM, HAT, dongle())
    for order in (cards, cards[::-1]):
        assert choose(order, "", "input").card is cards[2]
    assert choose(cards[:2], "", "input").card is cards[0]


def test_on_a_bare_pi_a_usb_card_is_taken_for_both() -> None:
    assert choose([HDMI, USB], "", "input").card is USB
    assert choose([HDMI, USB], "", "output").card is USB


def test_where_a_sound_server_runs_its_default_is_taken() -> None:
    choice = choose([USB, PULSE, DEFAULT], "", "input")
    assert choice.card is DEFAULT
    assert choice.reason == "the sound server's default"


def test_the_systems_default_goes_before_hdmi_and_after_what_is_built_in(tmp_path: Path) -> None:
    jack, hdmi = machine(tmp_path, JACK, PLUGGED_HDMI)
    assert choose([hdmi, DEFAULT], "", "output").card is DEFAULT
    assert choose([DEFAULT, jack], "", "output").card is jack
    assert choose([hdmi], "", "output").card is hdmi


def test_the_hdmi_of_a_computers_own_codec_is_hdmi() -> None:
    codec = Card(0, "HDA Intel PCH: HDMI 0 (hw:PCH,3)", 0, 8, 44_100)
    assert judge(codec, [codec], "output")[0] is Rank.HDMI


def test_a_card_without_that_direction_does_not_count() -> None:
    for wanted in ("", "vc4"):
        with pytest.raises(DeviceError, match="There is no microphone"):
            choose([HDMI], wanted, "input")


def test_a_monitor_and_a_card_without_sound_are_taken_only_by_name(tmp_path: Path) -> None:
    (loopback,) = machine(tmp_path, LOOPBACK)
    for card, wanted in ((MONITOR, "monitor"), (loopback, "Loopback")):
        with pytest.raises(DeviceError, match="There is no microphone but"):
            choose([card], "", "input")
        assert choose([card], wanted, "input").card is card


# In use


def test_a_card_that_somebody_else_has_open_is_told_as_such(tmp_path: Path) -> None:
    kernel = read_cards(build(tmp_path, [dongle()]))
    cards = with_busy([HDMI], kernel)
    for wanted in ("", "Device", "PnP"):
        with pytest.raises(DeviceError, match=r"USB PnP Sound Device .* is in use"):
            choose(cards, wanted, "input")
    (row,) = listed(cards, "", "input")
    assert (row.chosen, row.rank, row.reason) == (False, Rank.NEVER, "in use at the moment")
    assert choose(cards, "", "output").card.name == HDMI.name


def test_a_card_whose_microphone_alone_is_in_use_still_plays(tmp_path: Path) -> None:
    kernel = read_cards(build(tmp_path, [dongle()]))
    half = Card(0, "USB (hw:Device,0)", 0, 2, 48_000, alsa=kernel[0])
    cards = with_busy([half], kernel)
    assert len(cards) == 1
    assert cards[0].busy == {"input"}
    assert choose(cards, "", "output").card == cards[0]


# Names that stay


def test_a_name_keeps_when_the_number_of_the_card_changes(tmp_path: Path) -> None:
    first = read_cards(build(tmp_path / "one", [HAT, dongle()]))
    later = read_cards(build(tmp_path / "two", [dongle(), HAT]))
    assert stable_name("USB: Audio (hw:1,0)", first) == "USB: Audio (hw:Device,0)"
    assert stable_name("USB: Audio (hw:0,0)", later) == "USB: Audio (hw:Device,0)"


def test_a_card_that_has_just_gone_keeps_its_number() -> None:
    assert stable_name("USB (hw:3,0)", {}) == "USB (hw:3,0)"
    assert stable_name("default", {}) == "default"


def test_a_card_has_vanished_once_the_kernel_has_it_no_more(tmp_path: Path) -> None:
    (card,) = machine(tmp_path, dongle())
    assert not vanished(card, tmp_path)
    just_gone = replace(card, name="USB: Audio (hw:0,0)", alsa=None)
    assert not vanished(just_gone, tmp_path)
    shutil.rmtree(tmp_path / "proc/asound/card0")
    assert vanished(card, tmp_path)
    assert vanished(just_gone, tmp_path)
    assert not vanished(PULSE, tmp_path)


def test_the_setting_is_the_id_and_for_twins_the_usb_path(tmp_path: Path) -> None:
    one, two, hat = machine(tmp_path, dongle("Device"), dongle("Device_1", "1-1.4"), HAT)
    assert stable_id(one, [one, hat]) == "Device"
    assert [stable_id(card, [one, two, hat]) for card in (one, two)] == ["1-1.3", "1-1.4"]
    assert stable_id(DEFAULT, [DEFAULT]) == "default"


def test_each_device_of_a_card_has_a_setting_of_its_own(tmp_path: Path) -> None:
    (analog,) = machine(tmp_path, dongle("PCH"))
    screen = replace(analog, name="HDA Intel PCH: HDMI 0 (hw:PCH,3)", device=3)
    cards = [screen, analog]
    assert [stable_id(card, cards) for card in cards] == ["hw:PCH,3", "hw:PCH,0"]
    assert choose(cards, "hw:PCH,3", "output").card is screen
    assert choose(cards, "hw:PCH,0", "output").card is analog
    assert choose(cards, "PCH", "output").card is analog


def test_what_is_listed_can_be_put_into_the_configuration(tmp_path: Path) -> None:
    cards = machine(tmp_path, dongle("Device"), dongle("Device_1", "1-1.4"), HAT, JACK)
    for row in listed(cards, "", "output"):
        wanted = row.setting.partition(" = ")[2].strip('"')
        assert choose(cards, wanted, "output").card.name == row.name
