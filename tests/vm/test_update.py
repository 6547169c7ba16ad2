"""Updates by the real dpkg under the real systemd: a good version, a bad one, and power that goes in between."""  # noqa: E501

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance import __version__
from tests.vm.box import Box
from tests.vm.machine import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
UPDATE_S = 400  # one that proves itself for a minute, and one that is taken back
INSTALLED = "dpkg-query -W -f '${db:Status-Abbrev}${Version}' voice-appliance"
STATE = "/var/lib/voice-appliance-update/state.json"
TRIAL = f"json.load(open('{STATE}')).get('trial')"
OVER = f'python3 -c "import json, sys; sys.exit({TRIAL} is not None)"'
BROKEN = "\nraise RuntimeError('this version is broken')\n"


class Channel:
    """A signed channel in a folder that the machine sees, with versions made of our package."""

    def __init__(self, machine: Machine) -> None:
        self.folder = machine.folder / "channel"
        self.folder.mkdir()
        self._key = machine.folder / "channel-key"
        self._given = Path(os.environ["VOICE_APPLIANCE_PACKAGE"])
        self.first = self._given.name.split("_")[1]
        self._run(sys.executable, "deploy/release", "key", self._key)
        shutil.copy(self._given, self.folder)
        machine.run("mkdir -p /etc/voice-appliance/update-keys")
        machine.run("install -m 644 /run/host/channel-key.pem /etc/voice-appliance/update-keys/")

    def offer(self, upstream: str, *, broken: bool = False) -> str:
        """Add a version and sign the index anew; its whole version."""
        version = self.first.replace(self.first.split("-")[0], upstream, 1)
        tree = self.folder.parent / "tree"
        self._run("dpkg-deb", "-R", self._given, tree)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
        package = tree / "usr/lib/voice-appliance/site/appliance"
        about = package / "__init__.py"
        about.write_text(about.read_text().replace(f'"{__version__}"', f'"{upstream}"'))
        if broken:
            app = package / "app.py"
            app.write_text(app.read_text() + BROKEN)
        name = self._given.name.replace(self.first, version)
        self._run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, self.folder / name)
        shutil.rmtree(tree)
        self._run(sys.executable, "deploy/release", "index", self.folder, "--key", self._key)
        return version

    @staticmethod
    def _run(*command: str | Path) -> None:
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603


def connected(machine: Machine, service: str) -> tuple[Box, Channel]:
    """Return an appliance whose updates come from a channel of its own."""
    box, channel = Box(machine), Channel(machine)
    box.set_up(service, '[update]\nindex_url = "file:///run/host/channel/index.json"\n')
    return box, channel


def running(box: Box) -> str:
    return str(box.until(lambda _: True, "up")["version"])


def test_newer_version_is_installed_and_a_broken_one_is_taken_back(
    power_on: Callable[..., Machine], service: str
) -> None:
    with power_on() as machine:
        box, channel = connected(machine, service)
        good = channel.offer("0.8.0")
        told = machine.run("voice-appliance update", UPDATE_S)
        assert good in told
        assert machine.run(INSTALLED) == f"ii {good}"
        assert running(box) == "0.8.0"
        channel.offer("0.9.0", broken=True)
        for _ in range(2):  # it is not tried again
            machine.try_("voice-appliance update", UPDATE_S)
            assert machine.run(INSTALLED) == f"ii {good}"
            box.until_phase("idle", 90)
        assert "0.9.0" in machine.run(f"cat {STATE}")


@pytest.mark.parametrize(
    "begun", ["pgrep -x dpkg", "grep -q 'stage.*prove' {STATE}"], ids=["dpkg", "prove"]
)
def test_update_that_loses_its_power_ends_whole(
    power_on: Callable[..., Machine], service: str, begun: str
) -> None:
    with power_on() as machine:
        _, channel = connected(machine, service)
        version = channel.offer("0.8.0")
        before = machine.run(f"sync; {INSTALLED}")
        machine.run("systemctl start --no-block voice-appliance-update")
        machine.until(begun.format(STATE=STATE), 120)
    with power_on(changes=machine.changes) as machine:
        shutil.copytree(channel.folder, machine.folder / "channel")
        box = Box(machine)
        box.until_phase("idle", 240)
        machine.until(OVER, UPDATE_S)
        installed = machine.run(INSTALLED)
        assert installed in {before, f"ii {version}"}
        assert running(box) == installed.removeprefix("ii ").split("-")[0]
        assert json.loads(machine.run(f"cat {STATE}")).get("trial") is None
