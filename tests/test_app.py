"""The parts of an appliance know of each other what they have to."""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.app import assemble
from appliance.config import load
from appliance.credentials import Secret
from appliance.tuning import LONGEST, TIMER_SLACK

# In a process of its own: what tests have imported stays loaded.
ASSEMBLED = """
import asyncio, sys
from pathlib import Path
from appliance.app import assemble
from appliance.config import load
from appliance.credentials import Secret

HEAVY = {"aiortc", "av", "cryptography", "numpy"}

async def main():
    config = load(Path("/dev/null"), ["panel.driver=none"], "desktop").config
    async with assemble(config, lambda: Secret("sk-none")) as assembly:
        print("before" if HEAVY & sys.modules.keys() else "not before")
        await assembly.warm_up.run()
        print("but behind" if {"aiortc", "av"} <= sys.modules.keys() else "nor behind")

asyncio.run(main())
"""


# A call is wanted, refused and wanted again while everything is still loading.
PRESSED = """
import asyncio, sys, threading
from importlib.abc import MetaPathFinder
from pathlib import Path
from appliance.app import assemble
from appliance.config import load
from appliance.core.events import Dial, HangUp, Shutdown
from appliance.core.model import Model
from appliance.core.words import phase_word
from appliance.credentials import Secret

HEAVY = {"aiortc", "av", "cryptography", "numpy"}
UNREACHABLE = "http://127.0.0.1:9/v1"

class Slow(MetaPathFinder):
    '''Holds up who loads something heavy until it may; tells if that is the loop.'''

    def __init__(self):
        self.may = threading.Event()

    def find_spec(self, name, path=None, target=None):
        if name in HEAVY and threading.current_thread() is threading.main_thread():
            print("loop loads", name)
        elif name in HEAVY:
            self.may.wait(30)

async def reach(reader, word):
    async for message in reader:
        if isinstance(message, Model) and phase_word(message.phase) == word:
            print(word)
            return

async def main():
    settings = ["panel.driver=none", "audio.driver=file", f"service.base_url={UNREACHABLE}"]
    config = load(Path("/dev/null"), settings, "desktop").config
    async with (
        assemble(config, lambda: Secret("sk-none")) as assembly,
        asyncio.timeout(30),
        asyncio.TaskGroup() as tasks,
    ):
        sys.meta_path.insert(0, slow := Slow())
        supervisor = assembly.supervisor
        tasks.create_task(supervisor.run())
        tasks.create_task(assembly.warm_up.run())
        with assembly.hub.reader() as reader:
            for wish, word in (Dial(), "dialing"), (HangUp(), "idle"), (Dial(), "dialing"):
                supervisor.post(wish)
                await reach(reader, word)
                assert assembly.snapshot().model.phase == word
            slow.may.set()
            await reach(reader, "waiting")
        supervisor.post(Shutdown())

asyncio.run(main())
"""


# What runs the daemon tells how long a waiting thread waits, and how late it is woken (prctl(2)).
SERVED = """
import asyncio, ctypes, sys
from pathlib import Path
from appliance import daemon
from appliance.app import serve
from appliance.config import load
from appliance.starts import counted, starts_file

async def run_daemon(*_):
    print(sys.getswitchinterval())
    print(ctypes.CDLL(None).prctl(30))  # PR_GET_TIMERSLACK

daemon.run_daemon = run_daemon
config = load(Path("/dev/null"), ["panel.driver=none", "audio.driver=file"], "desktop").config
with counted(starts_file()) as start:
    asyncio.run(serve(config, start))
"""


def test_busy_threads_give_way_to_the_sound_card(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    interval, slack = (float(line) for line in output_of(SERVED))
    assert interval <= LONGEST * 1.0001
    assert slack == TIMER_SLACK


def test_nothing_is_loaded_before_ready_that_the_first_call_can_wait_for() -> None:
    assert output_of(ASSEMBLED) == ["not before", "but behind"]


def test_loop_is_free_while_a_call_waits_for_what_is_loaded() -> None:
    assert output_of(PRESSED) == ["dialing", "idle", "dialing", "waiting"]


def output_of(program: str) -> list[str]:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout.splitlines()


@pytest.mark.parametrize(("echo", "may"), [("auto", True), ("webrtc", False), ("none", False)])
async def test_only_the_canceller_nobody_chose_may_be_given_up(
    echo: str, may: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    config = load(Path("/dev/null"), ["panel.driver=none", f"audio.echo={echo}"], "desktop").config
    async with assemble(config, lambda: Secret("sk-none")) as assembly:
        await assembly.warm_up.run()
        call = await assembly._open_call(1, False)
        assert call._parts.may_fall_back is may
