"""Power cuts in the test machine (deploy/vm): while a setting is changed, in a call, in an update."""  # noqa: E501

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.errors import DeviceError
from tests.bench.rows import Row, kept_rows
from tests.vm import turns
from tests.vm.box import CALL, SETTINGS, Box
from tests.vm.conftest import emulator
from tests.vm.machine import Machine, MachineError, Parts, wire
from tests.vm.sound_card import SoundCard
from tests.vm.test_update import INSTALLED, OVER, STATE, UPDATE_S, Channel

CUTS: Final = 200
ROUND: Final = (*("settings", "call") * 9, "update", "update")
PART_S: Final = 900.0  # then what was done is kept, and the next run goes on from there
CARD_CUTS: Final = 20  # cuts that one card takes; the next begins with a new one
LONGEST_S: Final = {"settings": 5.0, "call": 12.0, "update": 40.0}  # s from the order to the cut
READY_S: Final = 120.0
SPOILT_MOST: Final = 3  # in a row: then the machine is not fit to measure with
UPDATES: Final = '[update]\nindex_url = "file:///run/host/channel/index.json"\n'
# All that the appliance keeps is JSON, and has to be readable as such.
WHOLE: Final = (
    "python3 -c 'import json, pathlib\n"
    'for path in pathlib.Path("/var/lib").glob("*voice-appliance*/**/*.json"):\n'
    " json.loads(path.read_text())'"
)


class SpoiltError(Exception):
    """A card that could not be prepared: nothing was cut, so nothing is told of cuts."""


async def cuts() -> AsyncIterator[list[Row]]:
    """Two hundred power cuts, a quarter of an hour of them at a time."""
    counts = _measured()
    while (rows := await asyncio.to_thread(next, counts, None)) is not None:
        yield rows


def _measured() -> Iterator[list[Row]]:
    parts = Parts.from_environment()
    if parts is None:
        raise DeviceError("There is no test machine.", "Run: sudo deploy/desktop bench cuts")
    kept = kept_rows("cuts")
    done, faults = int(kept.get("cuts.done", 0)), int(kept.get("cuts.faults", 0))
    end = time.monotonic() + PART_S
    with wire(), emulator() as service:
        yield from tallied(
            done,
            faults,
            lambda done: _card(parts, service, done),
            lambda: time.monotonic() > end,
        )


def tallied(
    done: int,
    faults: int,
    card: Callable[[int], Iterator[str]],
    over: Callable[[], bool],
) -> Iterator[list[Row]]:
    """Take one card after the other through its cuts; after each cut yield the rows so far.

    `card(done)`: takes a new card through the next cuts, and yields the kind of each once what it
    has left was looked at; AssertionError and MachineError mean that it left a fault. An error of
    another kind speaks of the measurement, not of the cut, which is made again on a new card: the
    third in a row is raised.
    """
    spoilt = 0
    while done < CUTS and not over():
        try:
            for kind in card(done):
                done, spoilt = done + 1, 0
                print(f"  cut {done} of {CUTS}: {kind}", flush=True)
                yield _rows(done, faults)
                if over():
                    break
        except (AssertionError, MachineError) as error:
            done, faults, spoilt = done + 1, faults + 1, 0
            print(f"  cut {done} of {CUTS} FAILED: {error}", flush=True)
            yield _rows(done, faults)
        except (OSError, ValueError, SpoiltError) as error:  # a broken pipe, a garbled answer
            spoilt += 1
            print(f"  cut {done + 1} of {CUTS} is made again: {error!r}", flush=True)
            if spoilt == SPOILT_MOST:
                raise


def _rows(done: int, faults: int) -> list[Row]:
    return [
        Row("cuts.done", "power cuts so far", "", done, at_least=CUTS),
        Row("cuts.faults", "after which something was lost, corrupt or not ready", "", faults, 0),
    ]


def _card(parts: Parts, service: str, done: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="voice-appliance-") as folder:
        try:
            card = _Card(parts, Path(folder), service)
        except (AssertionError, MachineError) as error:
            raise SpoiltError("The card could not be prepared.") from error
        yield from card.cuts(_kinds(done), done)


def _kinds(done: int) -> list[str]:
    """Return what the next card goes through."""
    return [ROUND[each % len(ROUND)] for each in range(done, min(done + CARD_CUTS, CUTS))]


class _Card:
    """One card, which is booted again after each cut."""

    def __init__(self, parts: Parts, folder: Path, service: str) -> None:
        self._parts = parts
        self._folder = folder
        self._told = folder / "acknowledged"
        self._version = 0
        with self._powered() as box:
            self._channel = Channel(box.machine)
            box.set_up(service, SETTINGS + UPDATES)
            box.machine.run("voice-appliance volume 50; sync")
            self._told.write_text("50")

    @contextmanager
    def _powered(self) -> Iterator[Box]:
        with Machine(self._parts, self._folder) as machine:
            box = Box(machine)
            box.until_phase("idle", READY_S)
            yield box

    def cuts(self, kinds: Sequence[str], done: int) -> Iterator[str]:
        """Boot, look what the cut before has left, begin something, cut the power within it.

        Yields the kind of each cut once what it has left was looked at. `done`: cuts before these.
        """
        for number, kind in enumerate(kinds):
            moment = random.Random(done + number)  # noqa: S311 - when, not what
            card = SoundCard()
            try:
                with self._powered() as box:
                    self._look(box)
                    if number:
                        yield kinds[number - 1]
                    self._begin(kind, box, card)
                    time.sleep(moment.uniform(0.0, LONGEST_S[kind]))
                    box.machine.cut_power()
            finally:
                card.unplug()
        with self._powered() as box:
            self._look(box)
        yield kinds[-1]

    def _begin(self, kind: str, box: Box, card: SoundCard) -> None:
        machine = box.machine
        if kind == "update":
            self._version += 1
            self._channel.offer(f"0.8.{self._version}")
            machine.run("systemctl start --no-block voice-appliance-update")
            return
        machine.run(
            "systemd-run -q --collect python3 /run/host/turns.py"
            f" {self._told.read_text()} /run/host/{self._told.name}"
        )
        if kind == "call":
            card.plug(machine)
            machine.until("grep -q USB-Audio /proc/asound/cards", 30)
            machine.run("udevadm settle")
            box.press(CALL)

    def _look(self, box: Box) -> None:
        machine = box.machine
        machine.until(f"[ ! -e {STATE} ] || {OVER}", UPDATE_S)
        box.until_phase("idle", READY_S)
        acknowledged, volume = int(self._told.read_text()), box.status()["model"]["volume"]
        assert volume in {acknowledged, acknowledged % turns.LOUDEST + 1}, (
            f"the volume was {acknowledged} and is {volume}"
        )
        assert machine.run(INSTALLED).startswith("ii "), "the package is not whole"
        machine.run(WHOLE)
        machine.run("systemctl is-system-running --wait", READY_S)
        self._told.write_text(str(volume))
