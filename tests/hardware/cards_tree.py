"""A machine's /proc/asound and /sys/class/sound, made of files: what `read_cards` reads."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

USB_STREAM = """\
C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.3, full speed : USB Audio

Playback:
  Status: Stop
  Interface 1
    Altset 1
    Format: S16_LE
    Channels: 2
    Endpoint: 0x01 (1 OUT) (ADAPTIVE)
    Rates: 44100, 48000
    Bits: 16

Capture:
  Status: Stop
  Interface 2
    Altset 1
    Format: S16_LE
    Channels: 1
    Endpoint: 0x82 (2 IN) (ASYNC)
    Rates: 8000 - 48000 (continuous)
    Bits: 16
"""
BOTH = "playback 1 : capture 1"


@dataclass(frozen=True)
class Plugged:
    """A card as the kernel would show it. `device`: the last part of its path in sysfs."""

    id: str
    driver: str
    name: str
    bus: str
    device: str
    ways: str = BOTH
    stream: str = ""


def dongle(card_id: str = "Device", port: str = "1-1.3") -> Plugged:
    name = "USB PnP Sound Device"
    return Plugged(card_id, "USB-Audio", name, "usb", f"{port}:1.0", BOTH, USB_STREAM)


WEBCAM = Plugged(
    "Webcam", "USB-Audio", "Dynex 1.3MP Webcam", "usb", "1-1.2:1.2", "capture 1",
    USB_STREAM.replace("Playback:", "Nothing:"),
)  # fmt: skip
HAT = Plugged("seeed2micvoicec", "seeed-2mic-voic", "seeed-2mic-voicecard", "platform", "soc:sound")
JACK = Plugged(
    "Headphones", "bcm2835_headpho", "bcm2835 Headphones", "vchiq-bus", "bcm2835_audio",
    "playback 8",
)  # fmt: skip
HDMI = Plugged("vc4hdmi0", "vc4-hdmi", "vc4-hdmi-0", "platform", "fef00700.hdmi", "playback 1")
LOOPBACK = Plugged("Loopback", "Loopback", "Loopback", "platform", "snd_aloop.0")


def build(root: Path, cards: Sequence[Plugged | None]) -> Path:
    """Lay out `cards`, numbered in their order, under `root`, in place of others; returns it.

    None: a number that is free, as after a card was unplugged.
    """
    for part in ("proc", "sys"):
        shutil.rmtree(root / part, ignore_errors=True)
    proc, classes = root / "proc/asound", root / "sys/class/sound"
    proc.mkdir(parents=True)
    told, pcm = [], []
    for number, card in enumerate(cards):
        if card is None:
            continue
        told.append(f"{number:2} [{card.id:15}]: {card.driver} - {card.name}\n")
        told.append(f"                      {card.name} at somewhere\n")
        pcm.append(f"{number:02}-00: {card.name} : {card.name} : {card.ways}\n")
        (proc / f"card{number}").mkdir()
        (proc / card.id).symlink_to(f"card{number}")
        if card.stream:
            (proc / f"card{number}/stream0").write_text(card.stream)
        place = root / "sys/devices/somewhere" / card.device
        sound = place / "sound" / f"card{number}"
        sound.mkdir(parents=True)
        (place / "subsystem").symlink_to(f"../../../bus/{card.bus}")
        (sound / "device").symlink_to(f"../../../{card.device}")
        classes.mkdir(parents=True, exist_ok=True)
        (classes / f"card{number}").symlink_to(
            f"../../devices/somewhere/{card.device}/sound/card{number}"
        )
    (proc / "cards").write_text("".join(told) or "--- no soundcards ---\n")
    (proc / "pcm").write_text("".join(pcm))
    return root
