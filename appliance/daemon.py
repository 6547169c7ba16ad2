"""The life of the process: one instance, signals, watchdog, shutdown."""

import asyncio
import fcntl
import gc
import logging
import os
import signal
import stat
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.buttons import read_panel
from appliance.core.events import Shutdown
from appliance.core.gestures import DEBOUNCE
from appliance.core.model import Idle
from appliance.core.words import sentence
from appliance.errors import DeviceError
from appliance.hub import Hub, Levels, Mark
from appliance.messages import NOT_FED, READY
from appliance.ports import Manager, Panel
from appliance.supervisor import Supervisor

log = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SHUTDOWN_GUARD: Final = 2.5  # s; the supervisor needs at most 2 and is cut off then
HELD_TIME: Final = 60.0  # s of health after which a start has held
FEEDS: Final = 4  # checks in one watchdog time: a single slow one must not kill a good process
LOCK: Final = "lock"  # in the runtime directory; its first line is the process id


@dataclass(frozen=True, slots=True)
class Parts:
    """What a daemon is made of. All but the panel is open: `run_daemon` only drives it.

    `blocks`: how many audio blocks the call in progress has exchanged; None if no sound is open.
    `debounce`: seconds, of the panel's contacts. `warm_up`: run behind READY, so that the first
    press is as fast as the others. `watch`: run for ever beside the rest. `held`: told once
    the process has been well for HELD_TIME.
    """

    supervisor: Supervisor
    hub: Hub
    panel: Panel
    blocks: Callable[[], int | None] = lambda: None
    debounce: float = DEBOUNCE
    warm_up: Callable[[], Awaitable[None]] | None = None
    watch: Callable[[], Coroutine[None, None, None]] | None = None
    held: Callable[[], None] = lambda: None


async def run_daemon(parts: Parts, manager: Manager, watchdog: float | None = None) -> None:
    """Run until a signal or the machine ends it; READY is told as soon as the inbox is read.

    `watchdog`: seconds after which the manager kills a process that does not report; None: never.
    Raises an ExceptionGroup if a part that is needed fails. Cancelling releases the call.
    """
    async with asyncio.TaskGroup() as tasks:
        supervisor = tasks.create_task(parts.supervisor.run(), name="supervisor")
        reading = read_panel(parts.panel, parts.supervisor.post, parts.debounce)
        helpers = [
            tasks.create_task(reading, name="panel"),
            tasks.create_task(_tell_status(parts.hub, manager), name="status"),
            tasks.create_task(_tell_held(parts), name="held"),
        ]
        if parts.watch is not None:
            helpers.append(tasks.create_task(parts.watch(), name="board"))
        if watchdog is not None:
            feeding = feed_watchdog(manager, parts.supervisor.echo, parts.blocks, watchdog)
            helpers.append(tasks.create_task(feeding, name="watchdog"))
        with _obeying_signals(parts.supervisor, supervisor, manager):
            helpers.append(tasks.create_task(_tell_ready(parts, manager), name="ready"))
            await asyncio.wait({supervisor})
        manager.stopping()
        for helper in helpers:
            helper.cancel()


async def _tell_ready(parts: Parts, manager: Manager) -> None:
    await parts.supervisor.echo()
    manager.ready()
    log.info("Ready.", extra={"MESSAGE_ID": READY})
    if parts.warm_up is not None:
        await parts.warm_up()


async def _tell_held(parts: Parts) -> None:
    await asyncio.sleep(HELD_TIME)
    await parts.supervisor.echo()
    parts.held()


@contextmanager
def _obeying_signals(
    supervisor: Supervisor, task: "asyncio.Task[None]", manager: Manager
) -> Iterator[None]:
    """Turn the first signal into Shutdown; the second, or too long a wait, cuts the work off."""
    loop = asyncio.get_running_loop()
    guard: list[asyncio.TimerHandle] = []

    def stop(number: int) -> None:
        if guard:
            task.cancel()
            return
        log.info("Stopping after %s.", signal.Signals(number).name)
        manager.stopping()
        supervisor.post(Shutdown())
        guard.append(loop.call_later(SHUTDOWN_GUARD, task.cancel))

    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        for handle in guard:
            handle.cancel()


async def _tell_status(hub: Hub, manager: Manager) -> None:
    told = sentence(hub.model)
    manager.status(told)
    with hub.reader() as reader:
        async for message in reader:
            if not isinstance(message, Levels) and (text := sentence(hub.model)) != told:
                manager.status(text)
                told = text


async def feed_watchdog(
    manager: Manager,
    echo: Callable[[], Awaitable[None]],
    blocks: Callable[[], int | None],
    limit: float,
) -> None:
    """Feed the manager's watchdog for ever, but only while things really move.

    Each time the supervisor has to answer, and open sound has to have advanced since the last time.
    `limit`: seconds without food that the manager allows.
    """
    pause = limit / FEEDS
    before: int | None = None
    hungry = False
    while True:
        now = blocks()
        moved = now is None or now != before
        before = now
        if moved and await _answers(echo, pause):
            manager.alive()
            hungry = False
        elif not hungry:
            why = "sound stands still" if not moved else "the supervisor does not answer"
            log.warning("The watchdog is not fed: %s.", why, extra={"MESSAGE_ID": NOT_FED})
            hungry = True
        await asyncio.sleep(pause)


async def _answers(echo: Callable[[], Awaitable[None]], patience: float) -> bool:
    try:
        async with asyncio.timeout(patience):
            await echo()
    except TimeoutError:
        return False
    return True


async def collect_between_calls(hub: Hub) -> None:
    """Have Python's garbage collector work where nobody hears it, for ever.

    The first time that there is no call it collects, and passes over all that is left then: a full
    collection holds every thread up for 1 ms instead of 60 (measured on x86). One follows each
    call, whose remains (0.4 MB) would otherwise pile up until one of 15 to 30 ms meets another.
    """
    with hub.reader() as reader:
        passed_over = isinstance(hub.model.phase, Idle)
        if passed_over:
            gc.collect()
            gc.freeze()
        async for message in reader:
            if isinstance(message, Mark) and message.name == "call_ended":
                gc.collect()
                if not passed_over:
                    passed_over = True
                    gc.freeze()


@contextmanager
def only_instance(directory: Path) -> Iterator[None]:
    """Make the runtime directory and hold its lock as long as the context lasts.

    Raises DeviceError if another instance holds it, or if the directory is not ours alone.
    """
    _make_private(directory)
    path = directory / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            raise DeviceError(
                f"Another voice-appliance runs already (process {holder}).",
                "Use it, or end it first: sudo systemctl stop voice-appliance.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)  # the lock goes with it; the file stays, or two could hold "it"


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
    except OSError as error:
        raise DeviceError(
            f"The runtime directory {directory} cannot be made ({error.strerror}).",
            "Set RUNTIME_DIRECTORY or XDG_RUNTIME_DIR to a directory you own.",
        ) from error
    foreign = status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if foreign or not stat.S_ISDIR(status.st_mode):
        raise DeviceError(
            f"The runtime directory {directory} does not belong to this user alone.",
            f"Run: chmod 700 {directory}; if it is not yours, remove it.",
        )
