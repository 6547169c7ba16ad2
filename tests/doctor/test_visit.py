"""The command: everything is looked at, and told for a person and for a program."""

import json
from pathlib import Path

import msgspec
import pytest

from appliance.config import Config, load
from appliance.doctor.contract import Check
from appliance.doctor.visit import Places, examinations, visit
from tests.doctor.conftest import KEY, Service


def settings(*overrides: str) -> Config:
    return load(Path("/dev/null"), overrides, "desktop").config


async def test_everything_is_checked_without_sound_card_and_pi(
    service_: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(f"service.base_url={service_.url}", "audio.driver=file")

    assert await visit(config, as_json=True) == 0

    out = capsys.readouterr().out
    checks = {check.name: check for check in msgspec.json.decode(out, type=list[Check])}
    assert list(checks) == [each.name for each in examinations(config, Places())]
    wrong = {name for name, check in checks.items() if check.verdict in {"warn", "fail"}}
    assert wrong == {"daemon"}
    assert KEY not in out


async def test_fault_is_the_exit_code_and_the_key_is_not_shown(
    service_: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service_.status, service_.body = (
        401,
        json.dumps(
            {"error": {"code": "invalid_api_key", "message": f"Incorrect API key provided: {KEY}"}}
        ).encode(),
    )

    config = settings(f"service.base_url={service_.url}", "audio.driver=file")
    assert await visit(config, as_json=False) == 1

    out = capsys.readouterr().out
    assert "fail  service" in out
    assert "Check the key on the service's web page" in out
    assert KEY not in out
