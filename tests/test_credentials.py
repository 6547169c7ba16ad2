"""The key: where it is looked for, and that it never shows."""

import pickle
from pathlib import Path

import pytest

from appliance.config import ServiceConfig
from appliance.credentials import Secret, find_key
from appliance.errors import AuthError, ConfigError

KEY = "sk-test-canary-0123456789"


def test_secret_never_shows_itself() -> None:
    secret = Secret(KEY)
    assert KEY not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == KEY
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_units_stand_in_for_a_missing_credential_is_no_key(tmp_path: Path) -> None:
    tmp_path.joinpath("openai_api_key").write_text("\n", encoding="utf-8")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    with pytest.raises(AuthError, match="There is no API key"):
        find_key(ServiceConfig(), environ)
    assert find_key(ServiceConfig(), {**environ, "OPENAI_API_KEY": "sk-env"}).reveal() == "sk-env"


def test_credential_wins_over_file_and_environment(tmp_path: Path) -> None:
    tmp_path.joinpath("openai_api_key").write_text("sk-credential\n", encoding="utf-8")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "OPENAI_API_KEY": "sk-environment"}
    assert find_key(ServiceConfig(), environ).reveal() == "sk-credential"


def test_key_file_wins_over_environment(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-file\n", encoding="utf-8")
    path.chmod(0o600)
    config = ServiceConfig(key_file=str(path))
    assert find_key(config, {"OPENAI_API_KEY": "sk-environment"}).reveal() == "sk-file"


def test_environment_is_the_last_resort() -> None:
    assert find_key(ServiceConfig(), {"OPENAI_API_KEY": KEY}).reveal() == KEY


def test_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY, encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        find_key(ServiceConfig(key_file=str(path)), {})
    assert KEY not in str(caught.value)


def test_file_that_is_no_text_is_a_damaged_key(tmp_path: Path) -> None:
    path = tmp_path / "openai_api_key"
    path.write_bytes(b"sk-\xff\xfe\n")
    path.chmod(0o600)
    with pytest.raises(AuthError, match="damaged"):
        find_key(ServiceConfig(key_file=str(path)), {})
    with pytest.raises(AuthError, match="damaged"):
        find_key(ServiceConfig(), {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        find_key(ServiceConfig(key_file=str(tmp_path / "none")), {})


def test_no_key_says_where_to_put_one() -> None:
    with pytest.raises(AuthError, match="OPENAI_API_KEY"):
        find_key(ServiceConfig(), {})


@pytest.mark.parametrize("text", [" \n", "sk-a b", "sk-\x00", "sk-ü"])
def test_damaged_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(AuthError) as caught:
        find_key(
            ServiceConfig(), {"OPENAI_API_KEY": text} if text.strip() else {"OPENAI_API_KEY": " "}
        )
    assert "sk-" not in str(caught.value)
