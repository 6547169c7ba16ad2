"""What the doctor finds out about sound, camera and pins."""

import re
import sys
import wave
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import convert

from appliance.config import AudioConfig, CameraConfig, PanelConfig
from appliance.doctor import devices
from appliance.doctor.contract import Found
from appliance.doctor.devices import camera, microphone, panel, sound, speaker
from appliance.errors import ConfigError, DeviceError
from appliance.hardware import gpiochip
from appliance.media import speex
from tests.console.stage import stage
from tests.hardware.cards_tree import HDMI, dongle
from tests.hardware.gpio_kernel import Kernel
from tests.hardware.test_cards import machine

GPIO = PanelConfig(driver="gpio")


async def test_files_in_place_of_a_sound_card_are_looked_at(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with wave.open(str(heard), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(bytes(960))
    said = tmp_path / "said.wav"
    config = AudioConfig(driver="file", input_file=str(heard), output_file=str(said))

    assert await microphone(config) == f"The file {heard}."
    assert await speaker(config) == f"The file {said}."
    assert not said.exists()


async def test_files_need_not_be_named() -> None:
    config = AudioConfig(driver="file")

    for check, words in ((microphone, "Silence"), (speaker, "Nothing is kept")):
        found = await check(config)
        assert isinstance(found, Found)
        assert found.verdict == "not-applicable"
        assert words in found.sentence


async def test_card_that_would_be_taken_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cards = machine(tmp_path, HDMI, dongle())
    monkeypatch.setattr(devices, "list_devices", lambda: cards)
    told = "USB PnP Sound Device: Audio (hw:Device,0): a USB card with microphone and speaker."
    assert await microphone(AudioConfig()) == told
    assert await speaker(AudioConfig()) == f"{told} 1 more: voice-appliance devices."


async def test_card_is_no_fault_while_the_appliance_itself_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (card,) = machine(tmp_path, dongle())
    busy = replace(card, inputs=0, outputs=0, busy=frozenset({"input", "output"}))
    monkeypatch.setattr(devices, "list_devices", lambda: [busy])
    with pytest.raises(DeviceError, match="is in use"):
        await microphone(AudioConfig())
    async with stage(tmp_path) as (scene, _):
        scene.audio = {"driver": "pyaudio"}
        with pytest.raises(DeviceError, match="is in use"):
            await microphone(AudioConfig())
        scene.audio = {"driver": "pyaudio", "input_rate": 16_000, "output_rate": 48_000}
        heard, said = await microphone(AudioConfig()), await speaker(AudioConfig())

    assert heard == "In use by the appliance's own call, at 16000 Hz."
    assert said == "In use by the appliance's own call, at 48000 Hz."


def conceal(monkeypatch: pytest.MonkeyPatch, *, deeply: bool) -> None:
    monkeypatch.setattr(devices, "conceals_deeply", lambda _opus: deeply)


async def test_what_decodes_and_what_cancels_the_echo_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conceal(monkeypatch, deeply=True)
    with_card = await sound(AudioConfig())
    without = await sound(AudioConfig(driver="file"))
    assert isinstance(with_card, str)
    assert isinstance(without, str)
    assert re.fullmatch(r"libopus 1\.\S+ with deep concealment; echo: webrtc\.", with_card)
    assert without.endswith("echo: none.")


async def test_libopus_without_its_neural_network_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conceal(monkeypatch, deeply=False)
    found = await sound(AudioConfig(driver="file"))
    assert isinstance(found, Found)
    assert found.verdict == "warn"
    assert "with classic concealment; echo: none. This libopus conceals" in found.sentence
    assert "package voice-appliance again" in found.cure


@pytest.mark.parametrize("missing", ["pywebrtc_audio", "numpy"])
async def test_canceller_that_is_missing_is_a_warning_where_the_best_is_wanted(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    conceal(monkeypatch, deeply=True)
    monkeypatch.delitem(sys.modules, "appliance.media.webrtc_echo", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    found = await sound(AudioConfig())
    assert isinstance(found, Found)
    assert found.verdict == "warn"
    assert "echo: half-duplex." in found.sentence
    assert f"is missing here ({missing})" in found.sentence
    assert "python3-numpy" in found.cure
    assert isinstance(await sound(AudioConfig(echo="half-duplex")), str), "it is wanted so"
    assert isinstance(await sound(AudioConfig(echo="none")), str)


async def test_half_a_canceller_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    conceal(monkeypatch, deeply=False)
    monkeypatch.setattr(speex, "_LIBRARY", "libmissing.so.1")
    for echo in ("auto", "webrtc"):
        found = await sound(convert({"echo": echo}, AudioConfig))
        assert isinstance(found, Found)
        assert found.verdict == "warn"
        assert "libspeexdsp is missing" in found.sentence
        assert "This libopus" in found.sentence, "all that is wrong is told"
        assert found.cure.endswith("Run: sudo apt install libspeexdsp1")
    conceal(monkeypatch, deeply=True)
    assert isinstance(await sound(AudioConfig(echo="half-duplex")), str), "it is not needed there"


async def test_canceller_that_is_asked_for_and_missing_is_a_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "appliance.media.webrtc_echo", raising=False)
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(ConfigError, match="half-duplex"):
        await sound(AudioConfig(echo="webrtc"))


async def test_missing_files_are_faults(tmp_path: Path) -> None:
    config = AudioConfig(
        driver="file", input_file=f"{tmp_path}/no.wav", output_file=f"{tmp_path}/no/said.wav"
    )

    with pytest.raises(DeviceError, match="cannot be read as sound"):
        await microphone(config)
    with pytest.raises(DeviceError, match="Nothing can be written"):
        await speaker(config)


async def test_camera_proves_itself_with_a_picture() -> None:
    found = await camera(CameraConfig(driver="folder"))
    assert isinstance(found, str)
    assert "It delivered a picture of" in found


async def test_camera_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        await camera(CameraConfig(driver="folder", folder=str(tmp_path)))


async def test_no_camera_by_choice_is_no_fault() -> None:
    assert await camera(CameraConfig(driver="none")) == Found(
        "not-applicable", "camera.driver is none."
    )


async def test_panel_needs_pins_only_if_it_uses_them() -> None:
    found = await panel(PanelConfig(driver="keyboard"))
    assert found == Found("not-applicable", "panel.driver is keyboard.")


async def test_machine_without_pins_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no pins"):
        await panel(GPIO, tmp_path)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    fake = Kernel(tmp_path)
    monkeypatch.setattr(gpiochip, "ioctl", fake.ioctl)
    return fake


async def test_pins_without_their_library_are_told(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.plug("gpiochip0", "pinctrl-rp1")
    monkeypatch.setattr(devices, "find_spec", lambda _name: None)
    with pytest.raises(DeviceError, match="lgpio is missing"):
        await panel(GPIO, kernel.devices)


async def test_pins_that_are_free_or_our_own_are_fine(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = kernel.plug("gpiochip0", "pinctrl-rp1")
    chip.holders[17] = "voice-appliance"
    (kernel.devices / "lgpio.py").touch()
    monkeypatch.syspath_prepend(kernel.devices)
    config = PanelConfig(driver="gpio", led="rgb")
    told = "GPIO 17, 27, 22, 23, 24 on gpiochip0 (pinctrl-rp1)."
    assert await panel(config, kernel.devices) == told
    chip.holders[24] = "gpiomon"
    with pytest.raises(DeviceError, match=r"GPIO 24 \(panel.blue_pin\) is used by gpiomon"):
        await panel(config, kernel.devices)
