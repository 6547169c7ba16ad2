# ruff: noqa: RUF001 - the odd quotes and dashes are the point
"""Single settings: what is right, what is mended, what is refused and in which words."""

import re
import tomllib

import pytest

from appliance.config import ServiceConfig, load
from appliance.credentials import find_key
from appliance.firstboot import values
from appliance.firstboot.plan import Plan, make_plan
from appliance.firstboot.statements import read_statements
from appliance.firstboot.steps import Facts, SettingError, WriteFile
from tests.firstboot.device import BODY, KEY, SSH_KEY, ZONES, Device
from tests.pages import ROOT

FACTS = Facts(
    zones=frozenset(ZONES), countries={"DE": "Germany", "GB": "Britain (UK)"}, host="kitchen"
)


def plan(text: str, facts: Facts = FACTS) -> Plan:
    return make_plan([("a", each) for each in read_statements(text)[0]], facts)


def profile(text: str, facts: Facts = FACTS) -> str:
    made = plan(text, facts)
    files = [each for step in made.steps for each in step.actions if isinstance(each, WriteFile)]
    return next((each.text for each in files if each.path.endswith(".nmconnection")), "")


def problem(text: str) -> str:
    (only,) = plan(text).problems
    return only.words


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Kitchen", "kitchen"),
        (" living–room.local ", "living-room"),
        ("a1", "a1"),
        ("x" * 63, "x" * 63),
    ],
)
def test_host_name(text: str, name: str) -> None:
    assert values.host_name(text) == name


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("my kitchen", "my-kitchen"), ("Küche", "kuche"), ("-x-", "x"), ("a_b", "a-b"),
        ("123", "voice"), ("日本", "voice"), ("y" * 64, "y" * 63), ("a.b", "a-b"),
    ],
)  # fmt: skip
def test_host_name_that_is_none_gets_a_better_one_proposed(text: str, better: str) -> None:
    with pytest.raises(SettingError, match=f'hostname = "{better}"'):
        values.host_name(text)
    assert values.host_name(better) == better


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"), ("utc", "UTC"),
        ("America/New York", "America/New_York"), ("Europe / London", "Europe/London"),
    ],
)  # fmt: skip
def test_time_zone(text: str, zone: str) -> None:
    assert values.time_zone(text, ZONES) == zone


@pytest.mark.parametrize(
    ("text", "near"),
    [("Europe/Berlim", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("CET+1?", "Europe/Berlin")],
)
def test_time_zone_that_is_none_gets_the_nearest_proposed(text: str, near: str) -> None:
    with pytest.raises(SettingError, match=f'timezone = "{near}"'):
        values.time_zone(text, ZONES)


def test_time_zone_cannot_lead_out_of_its_folder() -> None:
    with pytest.raises(SettingError):
        values.time_zone("../../etc/shadow", ZONES)


@pytest.mark.parametrize(("text", "code"), [("de", "DE"), ("Germany", "DE"), ("UK", "GB")])
def test_country(text: str, code: str) -> None:
    made = plan(f'country = "{text}"')
    assert [step.name for step in made.steps] == ["country"]
    assert code in made.steps[0].told


@pytest.mark.parametrize("text", ["XX", "Germny", "D"])
def test_country_that_is_none(text: str) -> None:
    assert text in problem(f'country = "{text}"')


@pytest.mark.parametrize(
    ("password", "kept"),
    [
        ("correct horse", "correct horse"), ("  leading", "\\s\\sleading"),
        ("back\\slash", "back\\\\slash"),
        ("semi;colon#hash=", "semi;colon#hash="), ("x" * 63, "x" * 63), ("0a" * 32, "0a" * 32),
        ("Straße88", "Straße88"),
    ],
)  # fmt: skip
def test_password_is_kept_as_network_manager_reads_it(password: str, kept: str) -> None:
    text = profile(f"ssid = 'Home'\npassword = '{password}'")
    assert f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={kept}\n" in text


@pytest.mark.parametrize("password", ["short", "x" * 64, "x" * 65])
def test_password_of_a_wrong_length_is_refused_without_showing_it(password: str) -> None:
    words = problem(f"ssid = 'Home'\npassword = '{password}'")
    assert "8 to 63" in words
    assert password not in words


def test_escape_that_was_meant_as_a_backslash_is_told() -> None:
    assert "single quotes" in problem('ssid = "Home"\npassword = "secret\\\\new\\n"')
    assert "single quotes" in problem('ssid = "Ho\\tme"\npassword = "12345678"')


def test_name_that_is_too_long_counts_in_bytes() -> None:
    assert "32 bytes, this one has 34" in problem(f'ssid = "{"ä" * 17}"\npassword = "12345678"')


def test_special_characters_cannot_add_lines_to_the_profile() -> None:
    text = profile("ssid = 'x;[ipv4]'\npassword = '12345678'")
    assert text.count("[ipv4]") == 1


def test_hidden_and_open_networks() -> None:
    text = profile('ssid = "Home"\nhidden = yes')
    assert "hidden=true\n" in text
    assert "wifi-security" not in text
    assert "open one" in " ".join(plan('ssid = "Home"').steps[0].notes)
    assert "neither yes nor no" in problem('hidden = "perhaps"\nssid = "Home"')


def test_password_without_a_network_is_told() -> None:
    assert "ssid" in problem('password = "12345678"')


def test_missing_country_is_noted_but_no_fault() -> None:
    made = plan('ssid = "Home"\npassword = "12345678"')
    assert made.problems == []
    assert "country" in " ".join(made.steps[0].notes)


@pytest.mark.parametrize(
    "text",
    [
        SSH_KEY, SSH_KEY.replace(" ", "   ", 1), f"ssh-ed25519 {BODY}",
        f" ssh–ed25519 {BODY} a – b ",
    ],
)  # fmt: skip
def test_ssh_key(text: str) -> None:
    (kept,) = values.ssh_keys([text])
    assert kept.startswith(f"ssh-ed25519 {BODY}")


@pytest.mark.parametrize(
    "text",
    [
        "ssh-ed25519", f"ssh-rsa {BODY}", f"ssh-ed25519 {BODY[:-4]}", "ssh-ed25519 AAAA",
        "ssh-dss AAAA",
        f'command="reboot" {SSH_KEY}', f"ssh-ed25519 {BODY} a\nssh-ed25519 x", "SHA256:abcdef",
    ],
)  # fmt: skip
def test_ssh_key_that_is_none(text: str) -> None:
    with pytest.raises(SettingError, match=r"\.pub"):
        values.ssh_keys([text])


def test_more_than_one_ssh_key() -> None:
    for text in (
        f'ssh_key = ["{SSH_KEY}", "{SSH_KEY}2"]',
        f'ssh_key = """\n{SSH_KEY}\n{SSH_KEY}2\n"""',
    ):
        (step,) = plan(text).steps
        assert "2 keys" in step.told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sk-a b", "blank"),
        ("sk-ключ", "no key has"),
        ("sk-…abcd", "no key has"),
        ("sk-abc***xyz", "whole"),
    ],
)
def test_api_key_that_is_none_is_refused_without_showing_it(text: str, words: str) -> None:
    told = problem(f'api_key = "{text}"')
    assert words in told
    assert text not in told


def test_api_key_that_is_taken_is_one_the_service_takes(device: Device) -> None:
    device.write(f'api_key = " \u200b{KEY}\u00a0"')
    device.start()
    folder = device.root / "etc/voice-appliance"
    secret = find_key(ServiceConfig(), {"CREDENTIALS_DIRECTORY": str(folder)})
    assert secret.reveal() == KEY


def test_settings_become_a_file_that_the_service_reads(device: Device) -> None:
    device.write(
        '[session]\ninstructions = "Say \\"hi\\", 😀\\u007f\\n"\nturn_detection.threshold = 0.25\n'
        'voice = cedar\n[tools]\ndisabled = ["echo_upper"]\n[call]\ndial_on_start = true\n'
    )
    device.start()
    config = load(device.root / "etc/voice-appliance/config.d/10-first-boot.toml").config
    assert config.session.instructions == 'Say "hi", 😀\x7f\n'
    assert config.session.turn_detection.threshold == 0.25
    assert config.session.voice == "cedar"
    assert config.tools.disabled == ("echo_upper",)
    assert config.call.dial_on_start


def test_misspelled_setting_gets_the_nearest_one_proposed() -> None:
    assert "Did you mean password?" in problem('[wifi]\npasword = "12345678"')
    assert "Did you mean audio.volume" in problem("[audio]\nvolum = 3")
    assert "hostname, timezone" in problem("xyzzy = 3")


def test_a_key_may_be_any_of_three() -> None:
    assert "Did you mean ssh_key or api_key?" in problem('key = "sk-abc"')
    assert "Did you mean api_key?" in problem('api_kei = "sk-abc"')
    told = problem('[wifi]\nkey = "12345678"')
    assert "can be set: ssid, password, country, hidden." in told


def test_setting_that_is_given_twice_is_noted() -> None:
    made = plan('hostname = "one"\nhostname = "two"')
    assert made.steps[0].told.endswith("two.local")
    assert made.notes == [
        "Line 2, hostname: It is given twice; this one counts, not that of line 1."
    ]


SAMPLE = (ROOT / "deploy/imaging/boot/voice-appliance.toml").read_text("utf-8")


def test_untouched_sample_sets_nothing() -> None:
    assert tomllib.loads(SAMPLE)
    assert plan(SAMPLE) == Plan()


def test_filled_in_sample_is_right() -> None:
    text = SAMPLE.replace('ssid = ""', 'ssid = "Home"').replace('country = ""', 'country = "DE"')
    text = text.replace('password = ""', 'password = "12345678"')
    text = text.replace('api_key = ""', f'api_key = "{KEY}"').replace("#[", "[")
    text = re.sub("(?m)^#(?=[a-z])", "", text)
    made = plan(text)
    assert made.problems == []
    assert made.notes == []
    assert [step.name for step in made.steps] == ["country", "Wi-Fi", "API key", "settings"]
