"""Words of the configuration become parts."""

import logging
import sys

import pytest

from appliance.config import AudioConfig
from appliance.drivers import make_echo
from appliance.errors import ConfigError


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (AudioConfig(), "webrtc"),
        (AudioConfig(driver="file"), "none"),
        (AudioConfig(driver="file", echo="webrtc"), "webrtc"),
        (AudioConfig(echo="none"), "none"),
        (AudioConfig(echo="system"), "system"),
        (AudioConfig(echo="half-duplex"), "half-duplex"),
    ],
)
def test_echo_is_cancelled_as_configured(config: AudioConfig, name: str) -> None:
    assert make_echo(config).name == name
    assert make_echo(config) is not make_echo(config), "each call its own"


@pytest.fixture
def no_webrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "appliance.media.webrtc_echo", raising=False)
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)


@pytest.mark.usefixtures("no_webrtc")
def test_without_the_library_the_microphone_takes_turns_and_that_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert make_echo(AudioConfig()).name == "half-duplex"
    assert "microphone is closed while the appliance speaks" in caplog.text


@pytest.mark.usefixtures("no_webrtc")
def test_library_that_is_asked_for_and_missing_is_an_error_with_a_cure() -> None:
    with pytest.raises(ConfigError, match="voice-appliance\\[sound\\]"):
        make_echo(AudioConfig(echo="webrtc"))
