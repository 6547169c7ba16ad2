"""The life of the process, told to a real notify socket."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from weakref import ref

import pytest

from appliance.config import PanelConfig
from appliance.core.events import ToggleCall
from appliance.core.gestures import Button
from appliance.core.model import Cue, Model, Outgoing, Photo
from appliance.core.words import sentence
from appliance.daemon import (
    FEEDS,
    HELD_TIME,
    Parts,
    collect_between_calls,
    feed_watchdog,
    only_instance,
    run_daemon,
)
from appliance.errors import DeviceError
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.nothing import NoPanel
from appliance.hub import Hub, Mark
from appliance.manager import NoManager, find_manager
from appliance.power import UNDERVOLTAGE, PowerWatch
from appliance.supervisor import Supervisor
from tests.hardware.hwmon_tree import HwmonTree
from tests.notified import NotifySocket

MOCK = PanelConfig(driver="gpio-mock")
WATCHDOG = 15.0  # s, as in the unit


class FakeCall:
    """A call that lives until it is closed; a stubborn one until it is cancelled."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self._stubborn = stubborn
        self._closed = asyncio.Event()
        self.opened = asyncio.Event()

    async def run(self) -> None:
        self.opened.set()
        await self._closed.wait()

    def close(self) -> None:
        if not self._stubborn:
            self._closed.set()

    def send(self, item: Outgoing) -> None:
        pass

    def mute(self, muted: bool) -> None:
        pass

    def volume(self, percent: int) -> None:
        pass

    def cue(self, cue: Cue) -> None:
        pass


async def no_call(_number: int, _resume: bool) -> FakeCall:
    raise AssertionError


async def no_photo() -> Photo:
    raise DeviceError("There is no camera.")


def make_supervisor(hub: Hub, call: FakeCall) -> Supervisor:
    async def open_call(_number: int, _resume: bool) -> FakeCall:
        return call

    return Supervisor(open_call, no_photo, hub.publish)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_ready_status_and_stopping_are_told_in_order(systemd: NotifySocket) -> None:
    hub, call = Hub(), FakeCall()
    supervisor = make_supervisor(hub, call)
    with GpioPanel(MOCK) as panel:
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            tasks.create_task(run_daemon(Parts(supervisor, hub, panel), find_manager()))
            await systemd.wait_for("READY=1")
            panel.press(Button.CALL)
            await call.opened.wait()
            await systemd.wait_for("STATUS=Calling.")
            terminate()
            await systemd.wait_for("STOPPING=1")
    lines = systemd.read()
    assert lines.index("READY=1") < lines.index("STATUS=Calling.") < lines.index("STOPPING=1")
    assert f"STATUS={sentence(Model())}" in lines


async def test_weak_supply_is_told_to_the_service_manager(
    systemd: NotifySocket, tmp_path: Path
) -> None:
    hub, tree = Hub(), HwmonTree(tmp_path)
    tree.alarm(True)
    supervisor = make_supervisor(hub, FakeCall())
    watch = PowerWatch(supervisor.post, tmp_path)
    parts = Parts(supervisor, hub, NoPanel(), watch=watch.run)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(run_daemon(parts, find_manager()))
        await systemd.wait_for(f"STATUS={sentence(Model(board=UNDERVOLTAGE))}")
        terminate()
        await systemd.wait_for("STOPPING=1")


async def test_first_call_is_warmed_up_behind_ready(systemd: NotifySocket) -> None:
    hub, warm = Hub(), asyncio.Event()
    told: list[str] = []

    async def warm_up() -> None:
        told.extend(systemd.read())
        warm.set()

    parts = Parts(make_supervisor(hub, FakeCall()), hub, NoPanel(), warm_up=warm_up)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(run_daemon(parts, find_manager()))
        await warm.wait()
        terminate()
    assert "READY=1" in told


@pytest.mark.looptime
@pytest.mark.parametrize(("lasts", "times"), [(HELD_TIME - 1, 0), (HELD_TIME + 1, 1)])
async def test_start_has_held_after_a_minute_of_health(lasts: float, times: int) -> None:
    held: list[float] = []
    loop, hub = asyncio.get_running_loop(), Hub()
    supervisor = make_supervisor(hub, FakeCall())
    parts = Parts(supervisor, hub, NoPanel(), held=lambda: held.append(loop.time()))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_daemon(parts, NoManager()))
        await supervisor.echo()
        await asyncio.sleep(lasts)
        terminate()
    assert len(held) == times


@pytest.mark.looptime
@pytest.mark.parametrize("stubborn", [False, True])
async def test_shutdown_takes_two_seconds_at_most(stubborn: bool) -> None:
    loop = asyncio.get_running_loop()
    hub, call = Hub(), FakeCall(stubborn=stubborn)
    supervisor = make_supervisor(hub, call)
    supervisor.post(ToggleCall())
    with GpioPanel(MOCK) as panel:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_daemon(Parts(supervisor, hub, panel), NoManager()))
            await call.opened.wait()
            began = loop.time()
            terminate()
    assert loop.time() - began <= 2.0


@pytest.mark.looptime
async def test_an_errand_that_hangs_does_not_hold_the_process() -> None:
    loop = asyncio.get_running_loop()
    hub, call = Hub(), FakeCall()
    supervisor = make_supervisor(hub, call)
    with GpioPanel(MOCK) as panel:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_daemon(Parts(supervisor, hub, panel), NoManager()))
            await supervisor.echo()
            supervisor.run_errand("hang-up", asyncio.Event().wait)  # type: ignore[arg-type]  # for ever
            began = loop.time()
            terminate()
    assert loop.time() - began <= 2.0


@pytest.mark.looptime
async def test_a_second_signal_ends_at_once() -> None:
    hub, call = Hub(), FakeCall(stubborn=True)
    supervisor = make_supervisor(hub, call)
    supervisor.post(ToggleCall())
    loop = asyncio.get_running_loop()
    with GpioPanel(MOCK) as panel:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_daemon(Parts(supervisor, hub, panel), NoManager()))
            await call.opened.wait()
            began = loop.time()
            terminate()
            await asyncio.sleep(0.1)
            terminate()
    assert loop.time() - began < 0.2


async def test_a_supervisor_that_fails_ends_the_process() -> None:
    class Broken(Supervisor):
        async def run(self) -> None:
            raise RuntimeError("bug")

    hub = Hub()
    supervisor = Broken(no_call, no_photo, hub.publish)
    with GpioPanel(MOCK) as panel, pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5):
            await run_daemon(Parts(supervisor, hub, panel), NoManager())
    assert [str(error) for error in caught.value.exceptions] == ["bug"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


async def test_nothing_is_left_behind(no_leftover_tasks: None) -> None:
    hub = Hub()
    supervisor = make_supervisor(hub, FakeCall())
    with GpioPanel(MOCK) as panel:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            tasks.create_task(run_daemon(Parts(supervisor, hub, panel), NoManager(), WATCHDOG))
            await supervisor.echo()
            terminate()


# The watchdog


async def fed(
    systemd: NotifySocket,
    echo: Callable[[], Awaitable[None]],
    blocks: Callable[[], int | None],
    seconds: float,
) -> int:
    """How often the watchdog was fed within `seconds` of the loop's time.

    At most ten times: Linux queues no more datagrams (net.unix.max_dgram_qlen).
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await feed_watchdog(find_manager(), echo, blocks, WATCHDOG)
    return systemd.read().count("WATCHDOG=1")


async def at_once() -> None:
    pass


async def never() -> None:
    await asyncio.Event().wait()


@pytest.mark.looptime
async def test_a_healthy_process_feeds_the_watchdog_in_time(systemd: NotifySocket) -> None:
    assert await fed(systemd, at_once, lambda: None, 2 * WATCHDOG) >= 2 * FEEDS


@pytest.mark.looptime
async def test_a_supervisor_that_hangs_starves_the_watchdog(systemd: NotifySocket) -> None:
    assert await fed(systemd, never, lambda: None, 10 * WATCHDOG) == 0


@pytest.mark.looptime
async def test_a_supervisor_that_never_ran_starves_the_watchdog(systemd: NotifySocket) -> None:
    hub = Hub()
    supervisor = make_supervisor(hub, FakeCall())
    assert await fed(systemd, supervisor.echo, lambda: None, 10 * WATCHDOG) == 0


@pytest.mark.looptime
async def test_sound_that_stands_still_starves_the_watchdog(systemd: NotifySocket) -> None:
    assert await fed(systemd, at_once, lambda: 7, 10 * WATCHDOG) == 1  # the first sight of it


@pytest.mark.looptime
async def test_sound_that_advances_feeds_the_watchdog(systemd: NotifySocket) -> None:
    loop = asyncio.get_running_loop()
    assert await fed(systemd, at_once, lambda: int(loop.time() * 100), WATCHDOG) >= FEEDS


@pytest.mark.looptime
async def test_one_slow_answer_does_not_kill(systemd: NotifySocket) -> None:
    """Between two feeds there is never more than the manager allows."""
    loop = asyncio.get_running_loop()
    times: list[float] = []

    class Clocked(NoManager):
        def alive(self) -> None:
            times.append(loop.time())

    answers = 0

    async def every_third_is_slow() -> None:
        nonlocal answers
        answers += 1
        await asyncio.sleep(5 if answers % 3 == 0 else 0)

    with suppress(TimeoutError):
        async with asyncio.timeout(200):
            await feed_watchdog(Clocked(), every_third_is_slow, lambda: None, WATCHDOG)
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) < WATCHDOG


# One instance

HOLDER = """
import sys
from pathlib import Path
from appliance.daemon import only_instance
with only_instance(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_instance_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    directory = tmp_path / "run" / "voice-appliance"
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(DeviceError, match=rf"process {holder.pid}\)"),
            only_instance(directory),
        ):
            pass
        holder.kill()  # even a killed one leaves nothing behind that would refuse the next
        holder.wait()
    with only_instance(directory):
        assert (directory / "lock").read_text() == f"{os.getpid()}\n"


def test_the_runtime_directory_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "voice-appliance"
    with only_instance(directory):
        assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_runtime_directory_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "shared"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(DeviceError, match="this user alone"), only_instance(directory):
        pass


def test_a_link_in_place_of_the_runtime_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceError, match="this user alone"), only_instance(link):
        pass


def test_a_directory_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceError, match="cannot be made"), only_instance(tmp_path / "file" / "x"):
        pass


# The whole process

PROCESS = """
import asyncio, os
from appliance.config import PanelConfig
from appliance.core.model import Photo
from appliance.daemon import Parts, run_daemon
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.nothing import NoPanel
from appliance.hub import Hub, Mark
from appliance.manager import find_manager, watchdog_limit
from appliance.supervisor import Supervisor

async def main() -> None:
    hub = Hub()
    supervisor = Supervisor(None, None, hub.publish)
    with GpioPanel(PanelConfig(driver="gpio-mock")) as panel:
        await run_daemon(Parts(supervisor, hub, panel), find_manager(), watchdog_limit())

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_real_process_reports_and_exits_with_0(
    systemd: NotifySocket, number: signal.Signals
) -> None:
    environ = {**os.environ, "WATCHDOG_USEC": "15000000"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, env=environ)
    try:
        await systemd.wait_for("READY=1")
        await systemd.wait_for("WATCHDOG=1")
        process.send_signal(number)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert systemd.read()[-1] in {"STOPPING=1", "STATUS=Off."}
    assert "STOPPING=1" in systemd.lines


class Remains:
    """What is left of a call: it holds itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_remains_of_a_call_are_collected_at_its_end_and_nothing_older_is() -> None:
    hub = Hub()
    there = Remains()
    older = ref(there)
    async with asyncio.TaskGroup() as tasks:
        collecting = tasks.create_task(collect_between_calls(hub))
        try:
            await asyncio.sleep(0)
            del there
            remains = ref(Remains())
            hub.publish(Mark("call_up", 1.0, 1))
            await asyncio.sleep(0)
            assert remains() is not None
            hub.publish(Mark("call_ended", 2.0, 1))
            await asyncio.sleep(0)
            assert remains() is None
            assert older() is not None
        finally:
            gc.unfreeze()
            collecting.cancel()
