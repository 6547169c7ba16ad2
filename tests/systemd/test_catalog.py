"""The message catalogue is one that systemd takes, and explains exactly what the log sends."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest

from appliance import messages
from appliance.core.model import ProblemKind
from tests.pages import ROOT

CATALOG = ROOT / "systemd" / "voice-appliance.catalog"
FIELDS = {"CALL_NO"}  # what every message has that is named by @FIELD@
HEADERS = {"Subject", "Defined-By"}

NAMES = {
    name: value
    for name, value in vars(messages).items()
    if isinstance(value, str) and name.isupper()
}
NUMBERS = [*NAMES.values(), *messages.PROBLEMS.values()]


def entries() -> Mapping[str, tuple[dict[str, str], str]]:
    """Headers and explanation of each number, as systemd reads them (catalog.c of systemd)."""
    found: dict[str, tuple[dict[str, str], str]] = {}
    text = CATALOG.read_text(encoding="utf-8")
    for entry in re.split(r"^-- ", text, flags=re.MULTILINE)[1:]:
        number, _, rest = entry.partition("\n")
        head, _, body = rest.partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines() if line)
        assert number not in found, "explained twice"
        found[number] = (headers, body.strip())
    return found


def test_every_number_that_is_sent_is_explained_and_no_other() -> None:
    assert set(entries()) == set(NUMBERS)
    assert len(set(NUMBERS)) == len(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_entry_has_what_systemd_wants(number: str) -> None:
    headers, body = entries()[number]
    assert re.fullmatch("[0-9a-f]{32}", number)
    assert set(headers) == HEADERS
    assert set(re.findall("@(.*?)@", headers["Subject"] + body)) <= FIELDS
    assert body or number == messages.PANEL_BACK, "good news needs no more words"


def test_every_kind_of_problem_has_a_number() -> None:
    assert set(messages.PROBLEMS) == set(get_args(ProblemKind))


@pytest.mark.parametrize("name", [*NAMES, "PROBLEMS"])
def test_every_number_is_sent_somewhere(name: str) -> None:
    sending = rf"MESSAGE_ID\": {name}\b|number = {name}\["
    texts = [path.read_text("utf-8") for path in (ROOT / "appliance").rglob("*.py")]
    assert any(re.search(sending, text) for text in texts)


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl here")
def test_systemd_takes_every_entry(tmp_path: Path) -> None:
    folder = tmp_path / "usr" / "lib" / "systemd" / "catalog"
    folder.mkdir(parents=True)
    shutil.copy(CATALOG, folder)
    journalctl = [str(shutil.which("journalctl")), "--root", str(tmp_path)]
    made = subprocess.run(  # noqa: S603 - a fixed command on an empty root
        [*journalctl, "--update-catalog"], capture_output=True, text=True, timeout=15, check=True
    )
    assert made.stderr == ""
    listed = subprocess.run(  # noqa: S603 - a fixed command on that root
        [*journalctl, "--list-catalog"], capture_output=True, text=True, timeout=15, check=True
    )
    assert {line.split()[0] for line in listed.stdout.splitlines()} == set(NUMBERS)
