"""The command: everything is looked at, and told for a person and for a program."""

import json
from pathlib import Path

import msgspec
import pytest

from appliance import __version__
from appliance.config import Loaded, load
from appliance.doctor.contract import Check
from appliance.doctor.visit import Places, Report, examinations, lines, visit
from tests.doctor.conftest import KEY, Service


def settings(*overrides: str) -> Loaded:
    return load(Path("/dev/null"), overrides, "desktop")


async def test_everything_is_checked_without_sound_card_and_pi(
    service_: Service, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = settings(f"service.base_url={service_.url}", "audio.driver=file")

    places = Places(tmp_path)  # no sensors, no pins, no clock that was set
    assert await visit(config, as_json=True, places=places) == 0

    out = capsys.readouterr().out
    report = msgspec.json.decode(out, type=Report)
    names = [check.name for check in report.checks]
    assert names == [each.name for each in examinations(config.config, places)]
    wrong = {check.name for check in report.checks if check.verdict in {"warn", "fail"}}
    assert wrong - {"clock"} == {"daemon"}
    assert report.verdict == "warn"
    assert (report.schema, report.version) == (1, __version__)
    assert all(check.cure for check in report.checks if check.name in wrong)
    assert KEY not in out


def test_check_is_lines_that_fit_and_whole_ones_for_a_pipe() -> None:
    check = Check(
        "disk", "warn", "The disk is full of things nobody needs, I am told.", "Make room."
    )
    assert lines(check, 0) == [
        "warn disk        The disk is full of things nobody needs, I am told.",
        "                 -> Make room.",
    ]
    assert lines(check, 60) == [
        "warn disk        The disk is full of things nobody needs, I",
        "                 am told.",
        "                 -> Make room.",
    ]
    assert lines(check, 1) == lines(check, 51)


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
    assert "FAIL service" in out
    assert "Calls cannot work: service." in out
    assert "Check the key on the service's web page" in out
    assert KEY not in out
