"""The test machine, the wire to it, and a Realtime service on the host's end of the wire."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.vm.box import Box
from tests.vm.machine import HOST, Machine, Parts, wire
from tests.vm.sound_card import SoundCard

PARTS = Parts.from_environment()
if PARTS is None:
    collect_ignore_glob = ["test_*.py"]  # `deploy/desktop vm-test` makes them


@pytest.fixture(scope="session")
def parts() -> Parts:
    """What the machines are made of."""
    assert PARTS is not None
    return PARTS


@pytest.fixture(scope="session", autouse=True)
def line() -> Iterator[None]:
    """The wire is there from the first machine to the last."""
    with wire():
        yield


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    """The base URL of an emulator that the machines reach."""
    with emulator() as url:
        yield url


@contextmanager
def emulator(*options: str) -> Iterator[str]:
    """Run the emulator as a process on the host's end of the wire; its base URL."""
    command = [sys.executable, "-m", "appliance", "emulator", "--host", HOST, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def power_on(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Machine]:
    """Make machines, as many as a test wants; who makes one ends it."""

    def made(**options: object) -> Machine:
        return Machine(parts, tmp_path_factory.mktemp("machine"), **options)  # type: ignore[arg-type]

    return made


@pytest.fixture(scope="module")
def machine(power_on: Callable[..., Machine]) -> Iterator[Machine]:
    """One booted machine for all tests of a module."""
    with power_on() as machine:
        yield machine


@pytest.fixture(scope="module")
def box(machine: Machine, service: str) -> Box:
    """The appliance in that machine, set up to call the emulator."""
    box = Box(machine)
    box.set_up(service)
    return box


@pytest.fixture
def card(machine: Machine) -> Iterator[SoundCard]:
    """A USB sound card that is plugged into that machine."""
    card = SoundCard()
    card.plug(machine)
    machine.until("grep -q USB-Audio /proc/asound/cards", 30)
    machine.run("udevadm settle")  # alsactl has the card open for a moment
    try:
        yield card
    finally:
        machine.try_("voice-appliance hangup")
        card.unplug()
