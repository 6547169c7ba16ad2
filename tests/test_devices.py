"""The list of sound cards, as a person reads it and as a program does."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance import devices
from appliance.config import AudioConfig
from appliance.hardware.cards import Card
from tests.hardware.cards_tree import HDMI, WEBCAM, dongle
from tests.hardware.test_cards import machine


def shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cards: Sequence[Card],
    config: AudioConfig,
    *,
    as_json: bool = False,
) -> str:
    monkeypatch.setattr(devices, "list_devices", lambda: list(cards))
    devices.show(config, as_json=as_json)
    return capsys.readouterr().out


def test_each_card_is_shown_with_name_rates_rank_and_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cards = machine(tmp_path, HDMI, dongle())

    told = shown(monkeypatch, capsys, cards, AudioConfig()).splitlines()

    assert told[0] == "Microphones (audio.input):"
    assert told[1] == "->  USB PnP Sound Device: Audio (hw:Device,0)"
    assert told[2].strip() == "rank 2: a USB card with microphone and speaker"
    assert "1 channel;" in told[3]
    assert "48000 Hz; USB path 1-1.3; " in told[3]
    assert told[3].endswith('audio.input = "Device"')
    assert "    rank 7: the sound of a screen (HDMI)" in told


def test_card_that_the_configuration_names_is_marked_and_the_reason_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cards = machine(tmp_path, dongle(), WEBCAM)
    config = AudioConfig(input="Webcam")

    told = shown(monkeypatch, capsys, cards, config)
    rows = json.loads(shown(monkeypatch, capsys, cards, config, as_json=True))

    assert 'because: its ALSA id is "Webcam".' in told
    chosen = [(row["direction"], row["alsa_id"]) for row in rows if row["chosen"]]
    assert chosen == [("input", "Webcam"), ("output", "Device")]


def test_name_that_fits_none_is_told_below_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = shown(monkeypatch, capsys, machine(tmp_path, dongle()), AudioConfig(output="Jabra"))
    assert 'None is taken. There is no speaker called "Jabra".' in told


def test_machine_without_cards_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shown(monkeypatch, capsys, [], AudioConfig())
    assert "None is taken. There is no microphone." in told
    assert "None is taken. There is no speaker." in told
    assert json.loads(shown(monkeypatch, capsys, [], AudioConfig(), as_json=True)) == []
