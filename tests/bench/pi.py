"""What the service promises on the board, measured in the test machine (deploy/vm)."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from appliance.errors import DeviceError
from tests.bench.rows import Row
from tests.vm.box import CALL, KEY_FILE, PHOTO, Box
from tests.vm.conftest import emulator
from tests.vm.machine import Machine, Parts, wire
from tests.vm.sound_card import SoundCard
from tests.vm.test_photo import PICTURE, SIZE
from tests.vm.webcam import Webcam

BOOTS, STARTS, CRASHES, HANGS, PLUGS = 3, 5, 3, 2, 3
PRESSES: Final = 200
PHOTOS: Final = 5
LIMIT_S: Final = 60.0
BLOCKS: Final = 50  # of 10 ms
LOOK_S: Final = 0.02  # between two looks at the status, and so the resolution of what is seen there
SETTINGS: Final = "/etc/voice-appliance/config.d/camera.toml"
CHAIN: Final = (  # what a start was spent on
    "systemd-analyze time | head -n 1"
    "; systemd-analyze --no-pager critical-chain voice-appliance.service"
    "; systemd-analyze --no-pager blame | head -n 10"
)
MAIN: Final = "$(systemctl show -P MainPID voice-appliance)"


async def pi() -> list[Row]:
    """Start, press, photo, replug, crash and hang under the real systemd; size of the package."""
    return await asyncio.to_thread(_measure)


def _measure() -> list[Row]:
    parts = Parts.from_environment()
    if parts is None:
        raise DeviceError("There is no test machine.", "Run: sudo deploy/desktop bench pi")
    rows = []
    with ExitStack() as stack:
        stack.enter_context(wire())
        service = stack.enter_context(emulator())
        boots = [_boot(parts, show=number == 0) for number in range(BOOTS)]
        rows += _told([Row("pi.boot", "power-on to READY, median", "s", median(boots))])
        machine = stack.enter_context(_machine(parts))
        box = Box(machine)
        box.set_up(service)
        rows += _told(_starts(box))
        rows += _told(_presses(box, service))
        card = SoundCard()
        stack.callback(card.unplug)
        rows += _told(_plugs(box, card))
        rows += _told(_ends(box))
        rows += _told(_photos(box))
    size = Path(os.environ["VOICE_APPLIANCE_PACKAGE"]).stat().st_size / 1e6
    rows.append(Row("pi.package", "package", "MB", size, 50))
    return rows


def _told(rows: list[Row]) -> list[Row]:
    """Show what is measured so far: it takes minutes, and may fail later."""
    for row in rows:
        print(f"  {row.measure}: {row.ours:.3g} {row.unit}", flush=True)
    return rows


@contextmanager
def _machine(parts: Parts) -> Iterator[Machine]:
    with (
        tempfile.TemporaryDirectory(prefix="voice-appliance-") as folder,
        Machine(parts, Path(folder)) as machine,
    ):
        yield machine


def _boot(parts: Parts, *, show: bool) -> float:
    """Return the seconds from power-on to READY. `show`: and what they were spent on."""
    with _machine(parts) as machine:
        machine.run("systemctl is-system-running --wait", 120)
        if show:
            print(machine.run(CHAIN), flush=True)
        stamp = machine.run("systemctl show -P ActiveEnterTimestampMonotonic voice-appliance")
    return int(stamp) / 1e6


def _starts(box: Box) -> list[Row]:
    ready = []
    for _ in range(STARTS):
        box.restart()
        ready.append(box.ready_after())
    return [Row("pi.ready", "service start to READY, median", "s", median(ready), 3)]


def _presses(box: Box, service: str) -> list[Row]:
    """Press without a key: the order to open a call is given, and ends at once."""
    box.machine.run(f"rm {KEY_FILE}")
    box.restart()
    told = box.machine.run(f"python3 /run/host/presses.py {CALL} press {PRESSES} 0.2", 300)
    took = [1000 * each for each in json.loads(told)]
    box.set_up(service)
    return [
        Row("pi.press", f"edge to the order to call, median of {PRESSES}", "ms", median(took), 20)
    ]  # fmt: skip


def _plugs(box: Box, card: SoundCard) -> list[Row]:
    noticed, back = [], []
    card.plug(box.machine)
    box.machine.until("grep -q USB-Audio /proc/asound/cards", 30)
    box.machine.run("udevadm settle")
    box.press(CALL)
    box.until_phase("live")
    for _ in range(PLUGS):
        _until_moving(box)
        card.unplug()
        noticed.append(_until(box, missing=True))
        card.plug(box.machine)
        back.append(_until(box, missing=False))
    box.machine.run("voice-appliance hangup")
    return [
        Row("pi.unplugged", "USB sound card pulled in a call to noticed, median", "s", median(noticed), 1),  # noqa: E501
        Row("pi.replugged", "plugged in again to back in the same call, median", "s", median(back), 3),  # noqa: E501
    ]  # fmt: skip


def _until_moving(box: Box) -> None:
    """Wait for half a second of sound, so that a card that is about to open is not pulled."""

    def moved(status: dict[str, Any]) -> bool:
        return int(status["audio"].get("blocks", 0)) >= before + BLOCKS

    before = int(box.status()["audio"].get("blocks", 0))
    box.until(moved, "heard")


def _until(box: Box, *, missing: bool) -> float:
    began = time.monotonic()
    while (box.status()["model"]["problem"] is not None) is not missing:
        if time.monotonic() > began + LIMIT_S:
            raise DeviceError(f"The card was not {'missed' if missing else 'heard'} in time.")
        time.sleep(LOOK_S)
    return time.monotonic() - began


def _photos(box: Box) -> list[Row]:
    webcam = Webcam([PICTURE.read_bytes()], *SIZE)
    webcam.plug(box.machine)
    rows = []
    try:
        box.machine.until("ls /dev/video0", 30)
        box.machine.run("udevadm settle")
        for warm in (False, True):
            box.machine.run(f"printf '[camera]\\nwarm = {str(warm).lower()}\\n' >{SETTINGS}")
            box.restart()
            box.press(CALL)
            box.until_phase("live")
            told = box.machine.run(
                f"python3 /run/host/presses.py {PHOTO} photo_sent {PHOTOS} 4", 120
            )
            box.machine.run("voice-appliance hangup")
            name, goal = ("warm", 0.6) if warm else ("cold", None)
            rows.append(
                Row(
                    f"pi.photo.{name}",
                    f"photo button to item, webcam {name}, median",
                    "s",
                    median(json.loads(told)),
                    goal,
                )
            )
    finally:
        webcam.unplug()
    return rows


def _ends(box: Box) -> list[Row]:
    """How soon a process that crashed, or stands still, is replaced by one that is ready."""
    crash = [_replaced(box, "KILL", 60) for _ in range(CRASHES)]
    hang = [_replaced(box, "STOP", 90) for _ in range(HANGS)]
    return [
        Row("pi.crash", "crash to READY, median", "s", median(crash), 5),
        Row("pi.hang", "hang to READY, median", "s", median(hang), 25),
    ]


def _replaced(box: Box, signal: str, limit: float) -> float:
    box.restart()
    told = box.machine.run(
        f"cut -d' ' -f1 /proc/uptime; before={MAIN}; kill -{signal} $before"
        f"; until [ {MAIN} != $before ] && [ {MAIN} != 0 ]; do sleep 1; done"
        "; systemctl start voice-appliance"  # waits for the start that systemd has begun
        "; systemctl show -P ActiveEnterTimestampMonotonic voice-appliance",
        limit,
    )
    began, ready = told.split()
    return int(ready) / 1e6 - float(began)
