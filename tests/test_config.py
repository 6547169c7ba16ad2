"""Configuration: layers, origins, errors that name cause and cure."""

from pathlib import Path

import pytest

from appliance.config import Config, load, runtime_directory, state_directory
from appliance.errors import ConfigError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_later_layers_win_and_every_value_knows_its_origin(tmp_path: Path) -> None:
    file = write(tmp_path / "config.toml", '[session]\nvoice = "cedar"\nspeed = 1.2\n')
    extra = write(tmp_path / "config.d" / "10-voice.toml", '[session]\nvoice = "sage"\n')
    loaded = load(file, ["session.speed=0.5"])
    assert loaded.config.session.voice == "sage"
    assert loaded.config.session.speed == 0.5
    assert loaded.origins["session.voice"] == str(extra)
    assert loaded.origins["session.speed"] == "--set session.speed=0.5"
    assert 'session.voice = "sage"  # ' + str(extra) in list(loaded.lines())
    assert 'service.model = "gpt-realtime-2.1"  # default' in list(loaded.lines())


def test_drop_ins_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    file = write(tmp_path / "config.toml", "")
    for number in (20, 10):
        write(tmp_path / "config.d" / f"{number}.toml", f'[service]\nmodel = "m{number}"\n')
    assert load(file).config.service.model == "m20"


def test_profile_sets_the_drivers_at_once(tmp_path: Path) -> None:
    file = write(tmp_path / "config.toml", "")
    assert load(file, profile="pi").config.panel.driver == "gpio"
    assert load(file, profile="desktop").config.panel.driver == "keyboard"


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ('[audio]\ndriver = "alsa"\n', "audio.driver"),
        ("[audio]\nblock_ms = 15\n", "audio.block_ms"),
        ('[session]\nspeed = "fast"\n', "session.speed"),
        ("[session]\nspeed = 9.0\n", "session.speed"),
        ("nonsense", "not valid TOML"),
        ('[service]\nbase_url = "ftp://x"\n', "service.base_url"),
        ('[service]\nbase_url = "https://x\\n"\n', "service.base_url"),
        ('[update]\nindex_url = "https://x/\\n"\n', "update.index_url"),
        ('[update]\nindex_url = "\\n"\n', "update.index_url"),
    ],
)
def test_wrong_value_is_refused_with_its_place(tmp_path: Path, text: str, needle: str) -> None:
    file = write(tmp_path / "config.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(file) in str(caught.value)
    assert needle in str(caught.value)


def test_misspelt_key_is_refused_with_the_right_one(tmp_path: Path) -> None:
    file = write(tmp_path / "config.toml", '[session]\nvoise = "marin"\n')
    with pytest.raises(ConfigError, match=r"Did you mean session\.voice instead of session\.voise"):
        load(file)


def test_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        load(tmp_path / "missing.toml")


@pytest.mark.parametrize("text", ["driver=file", "audio.driver", "audio=1"])
def test_override_without_section_or_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        load(None, [text])


def test_override_takes_numbers_lists_and_bare_words(tmp_path: Path) -> None:
    file = write(tmp_path / "config.toml", "")
    overrides = ["panel.led_pin=5", 'tools.disabled=["take_photo"]', "audio.input=USB Audio"]
    config = load(file, overrides).config
    assert config.panel.led_pin == 5
    assert config.tools.disabled == ("take_photo",)
    assert config.audio.input == "USB Audio"


def test_defaults_are_a_whole_configuration() -> None:
    assert Config().service.base_url == "https://api.openai.com/v1"


def test_directories_follow_systemd_then_the_desktop(tmp_path: Path) -> None:
    assert runtime_directory({"RUNTIME_DIRECTORY": "/run/va:/run/other"}) == Path("/run/va")
    assert runtime_directory({"XDG_RUNTIME_DIR": "/run/user/1"}) == Path(
        "/run/user/1/voice-appliance"
    )
    assert runtime_directory({}).name.startswith("voice-appliance-")
    assert state_directory({"STATE_DIRECTORY": "/var/lib/va"}) == Path("/var/lib/va")
    assert state_directory({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "voice-appliance"


def test_settings_for_safe_mode_leave_out_what_is_wrong(tmp_path: Path) -> None:
    main = tmp_path / "config.toml"
    main.write_text("this is [not toml")
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d" / "1.toml").write_text("[panel]\ncall_pin = 5\n")
    (tmp_path / "config.d" / "2.toml").write_text("[panel]\ncal_pin = 6\n")
    overrides = ["panel.photo_pin=6", "audio.volume=300", "nonsense"]
    with pytest.raises(ConfigError):
        load(main, overrides)
    panel = load(main, overrides, lenient=True).config.panel
    assert (panel.call_pin, panel.photo_pin) == (5, 6)
    missing = load(tmp_path / "no.toml", overrides, lenient=True).config
    assert missing.audio.volume == 100
