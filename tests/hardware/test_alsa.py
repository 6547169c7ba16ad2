"""What the kernel tells of its cards is read, whatever it looks like."""

import time
from pathlib import Path

import pytest

from appliance.hardware.alsa import (
    Kind,
    half_plugged,
    kind_of,
    parse_pcm,
    parse_stream,
    read_cards,
)
from tests.hardware.cards_tree import (
    HAT,
    HDMI,
    JACK,
    LOOPBACK,
    USB_STREAM,
    WEBCAM,
    build,
    dongle,
)


def test_cards_of_a_pi_are_read_with_their_names_and_places(tmp_path: Path) -> None:
    root = build(tmp_path, [JACK, HDMI, HAT, dongle(), WEBCAM, LOOPBACK])

    cards = read_cards(root)

    assert [(card.id, card.kind, card.usb_path, card.duplex) for card in cards.values()] == [
        ("Headphones", "built-in", "", False),
        ("vc4hdmi0", "hdmi", "", False),
        ("seeed2micvoicec", "i2s", "", True),
        ("Device", "usb", "1-1.3", True),
        ("Webcam", "usb", "1-1.2", False),
        ("Loopback", "virtual", "", True),
    ]
    assert cards[3].name == "USB PnP Sound Device"
    assert (cards[4].has("input"), cards[4].has("output")) == (True, False)


def test_rates_and_channels_of_a_usb_card_are_read_for_each_direction(tmp_path: Path) -> None:
    card = read_cards(build(tmp_path, [dongle()]))[0]

    assert card.abilities[0, "output"].rates == (44_100, 48_000)
    assert card.abilities[0, "output"].channels == (2,)
    assert card.abilities[0, "input"].channels == (1,)
    assert {8000, 16_000, 44_100, 48_000} <= set(card.abilities[0, "input"].rates)
    assert max(card.abilities[0, "input"].rates) == 48_000


def test_settings_of_one_direction_are_put_together() -> None:
    second = "\n  Interface 2\n    Altset 2\n    Channels: 6\n    Rates: 16000\n"
    told = parse_stream(USB_STREAM.rstrip() + second)

    assert told["input"].channels == (1, 6)
    assert 16_000 in told["input"].rates


def test_card_may_have_several_devices_each_with_its_ways() -> None:
    text = "00-00: ALC : ALC : playback 1 : capture 1\n00-03: HDMI 0 : HDMI 0 : playback 1\n"
    assert parse_pcm(text) == {0: {0: frozenset({"input", "output"}), 3: frozenset({"output"})}}


def test_name_of_a_device_does_not_make_it_a_microphone() -> None:
    text = "01-00: capture thing : playback thing : capture 1\n"
    assert parse_pcm(text) == {1: {0: frozenset({"input"})}}


@pytest.mark.parametrize(
    ("bus", "driver", "names", "kind"),
    [
        ("usb", "USB-Audio", "CODEC USB Audio CODEC", "usb"),
        ("", "USB-Audio", "CODEC USB Audio CODEC", "usb"),
        ("platform", "vc4-hdmi", "vc4hdmi vc4-hdmi", "hdmi"),
        ("vchiq-bus", "bcm2835_hdmi", "b1 bcm2835 HDMI 1", "hdmi"),
        ("platform", "bcm2835_headpho", "Headphones bcm2835 Headphones", "built-in"),
        ("pci", "HDA-Intel", "PCH HDA Intel PCH", "built-in"),
        ("platform", "sof-hda-dsp", "sofhdadsp sof-hda-dsp", "built-in"),
        ("platform", "snd_rpi_hifiber", "sndrpihifiberry snd_rpi_hifiberry_dac", "i2s"),
        ("platform", "Dummy", "Dummy Dummy", "virtual"),
    ],
)
def test_kind_follows_from_bus_driver_and_names(
    bus: str, driver: str, names: str, kind: Kind
) -> None:
    assert kind_of(bus, driver, names) == kind


def test_machine_without_sound_has_no_cards(tmp_path: Path) -> None:
    assert read_cards(build(tmp_path / "none", [])) == {}
    assert read_cards(tmp_path / "nothing") == {}


def test_card_is_half_plugged_until_udev_gave_us_all_of_it(tmp_path: Path) -> None:
    root = build(tmp_path, [JACK, dongle()])
    folder = root / "dev/snd"
    folder.mkdir(parents=True)
    names = ("controlC0", "pcmC0D0p", "controlC1", "pcmC1D0c", "pcmC1D0p")
    ours = set()
    for name in names:
        (folder / name).touch()
        assert half_plugged(root, allowed=lambda node: node.name in ours)
        ours.add(name)
    assert not half_plugged(root, allowed=lambda node: node.name in ours)


def test_device_that_stays_somebody_elses_is_not_half_plugged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build(tmp_path, [JACK])
    (root / "dev/snd").mkdir(parents=True)
    (root / "dev/snd/pcmC0D0p").touch()
    assert half_plugged(root, allowed=lambda _: False)
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert not half_plugged(root, allowed=lambda _: False)


def test_without_devices_nothing_is_half_plugged(tmp_path: Path) -> None:
    assert not half_plugged(tmp_path)
    assert not half_plugged(build(tmp_path, [JACK]))
