"""Modules that are put off: not loaded where they are only imported, whole where they are used."""

import subprocess
import sys

import pytest

BEGIN = """
import inspect, sys
from appliance.later import MULTICAST_DNS, load_later

def loaded():
    return [name for name in MULTICAST_DNS if sys.modules[name].__spec__ is not None]

load_later(*MULTICAST_DNS)
"""


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import appliance.app; inspect.getmodule(loaded.__code__); print(loaded())", "[]"),
        (
            "import dns.message as m; print(m.make_query('a.local', 'A').question[0])",
            "a.local. IN A",
        ),
        ("from dns.zone import Zone; print(Zone('a.local', False).origin)", "a.local."),
        ("import aioice.mdns as m; print(m.dns.zone.Zone('a.local', False).origin)", "a.local."),
        (
            "load_later(*MULTICAST_DNS); import dns.name; print(dns.name.root, loaded())",
            ". ['dns.name']",
        ),
    ],
)
def test_what_is_put_off_is_loaded_when_it_is_used(program: str, told: str) -> None:
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", BEGIN + program],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.strip() == told
