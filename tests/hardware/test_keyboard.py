"""A real terminal, its keys, and that it is given back as it was."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from appliance.core.gestures import Button, Edge, Kind, Recognizer
from appliance.core.lights import IN_CALL
from appliance.errors import DeviceError
from appliance.hardware.keyboard import END_OF_INPUT, MUTE_HOLD, TAP, KeyboardPanel

LOCAL_FLAGS = 3  # of what tcgetattr returns


@dataclass
class Terminal:
    """Both ends of a pseudo-terminal: `master` is the person."""

    master: int
    slave: int

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def modes(self) -> object:
        return termios.tcgetattr(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    master, slave = pty.openpty()
    yield Terminal(master, slave)
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError:  # a test may have closed it
            continue


async def take(edges: AsyncIterator[Edge], count: int) -> list[Edge]:
    async with asyncio.timeout(5):
        return [await anext(edges) for _ in range(count)]


class Keys:
    """What the panel did not know."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._came = asyncio.Event()

    def __call__(self, key: str) -> None:
        self.seen.append(key)
        self._came.set()

    async def wait_for(self, key: str) -> None:
        async with asyncio.timeout(5):
            while key not in self.seen:
                self._came.clear()
                await self._came.wait()


@pytest.mark.parametrize(
    ("key", "button", "kind"),
    [
        ("c", Button.CALL, Kind.TAP),
        ("p", Button.PHOTO, Kind.TAP),
        ("m", Button.PHOTO, Kind.HOLD),
    ],
)
async def test_a_key_is_a_press_and_a_release(
    terminal: Terminal, key: str, button: Button, kind: Kind
) -> None:
    with KeyboardPanel(source=terminal.slave) as panel:
        terminal.type(key)
        edges = await take(panel.edges(), 2)
    assert [(edge.button, edge.pressed) for edge in edges] == [(button, True), (button, False)]
    recognizer = Recognizer()
    kinds = [gesture.kind for edge in edges for gesture in recognizer.feed(edge)]
    assert kinds == [Kind.PRESS, kind]


@pytest.mark.looptime
async def test_presses_last_as_long_as_a_fingers() -> None:
    source = os.open(os.devnull, os.O_RDONLY)
    panel = KeyboardPanel(source=source)
    with panel:
        panel.press(Button.CALL)
        panel.press(Button.PHOTO, MUTE_HOLD)
        panel.press(Button.CALL)  # it is down already
        edges = await take(panel.edges(), 4)
    down = {edge.button: edge.at for edge in edges if edge.pressed}
    up = {edge.button: edge.at for edge in edges if not edge.pressed}
    assert up[Button.CALL] - down[Button.CALL] == pytest.approx(TAP)
    assert up[Button.PHOTO] - down[Button.PHOTO] == pytest.approx(MUTE_HOLD)
    os.close(source)


async def test_other_keys_go_to_whoever_asked(terminal: Terminal) -> None:
    keys = Keys()
    with KeyboardPanel(keys, terminal.slave):
        terminal.type("tq?é")
        await keys.wait_for("é")
    assert keys.seen == ["t", "q", "?", "é"]


async def test_an_arrow_key_is_no_key(terminal: Terminal) -> None:
    keys = Keys()
    with KeyboardPanel(keys, terminal.slave) as panel:
        terminal.type("\x1b[C\x1bOc\x1b[15~q")
        await keys.wait_for("q")
        assert keys.seen == ["q"]
        assert not panel._edges


async def test_the_terminal_is_raw_inside_and_as_before_outside(terminal: Terminal) -> None:
    before = terminal.modes()
    with KeyboardPanel(source=terminal.slave):
        flags = termios.tcgetattr(terminal.slave)[LOCAL_FLAGS]
        assert not flags & termios.ICANON
        assert not flags & termios.ECHO
        assert flags & termios.ISIG  # Ctrl-C still ends the program
    assert terminal.modes() == before


async def test_keys_come_singly_again_after_a_stop(terminal: Terminal) -> None:
    """While a job is stopped the shell has its own modes, and leaves them."""
    before = termios.tcgetattr(terminal.slave)
    handler = signal.getsignal(signal.SIGCONT)
    with KeyboardPanel(source=terminal.slave) as panel:
        termios.tcsetattr(terminal.slave, termios.TCSANOW, before)
        os.kill(os.getpid(), signal.SIGCONT)
        async with asyncio.timeout(5):
            while termios.tcgetattr(terminal.slave)[LOCAL_FLAGS] & termios.ICANON:  # noqa: ASYNC110 - a terminal tells no change
                await asyncio.sleep(0)
        terminal.type("c")
        assert (await take(panel.edges(), 1))[0].button is Button.CALL
    assert terminal.modes() == before
    assert signal.getsignal(signal.SIGCONT) == handler


JOB = """
import asyncio, sys
from appliance.hardware.keyboard import KeyboardPanel
async def main():
    sys.stdin.readline()
    with KeyboardPanel(source=int(sys.argv[1])) as panel:
        print("raw" if panel._modes else "not raw", flush=True)
        sys.stdin.readline()
asyncio.run(main())
"""

SHELL = """
import fcntl, os, signal, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
terminal = os.dup(0)
job = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(terminal)], process_group=0,
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[terminal], text=True, bufsize=1)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # as shells do; after Popen, or the job inherits it
os.tcsetpgrp(0, job.pid)
print("in the foreground", file=job.stdin)
print(job.stdout.readline().strip())
os.tcsetpgrp(0, os.getpgrp())
print("in the background", file=job.stdin)
_, status = os.waitpid(job.pid, os.WUNTRACED)
print("stopped" if os.WIFSTOPPED(status) else "ended")
if os.WIFSTOPPED(status):
    os.killpg(job.pid, signal.SIGKILL)
"""


def test_a_job_in_the_background_ends_without_touching_the_terminal(terminal: Terminal) -> None:
    """Setting its modes from there would stop the process for good (SIGTTOU)."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "ignore", "-c", SHELL, JOB],
        stdin=terminal.slave, capture_output=True, timeout=15, check=False,
        start_new_session=True,
    )  # fmt: skip
    assert done.stdout.split() == [b"raw", b"ended"], done.stderr


async def test_the_terminal_is_restored_after_a_failure(terminal: Terminal) -> None:
    before = terminal.modes()
    with pytest.raises(KeyError), KeyboardPanel(source=terminal.slave):
        raise KeyError
    assert terminal.modes() == before


@pytest.mark.parametrize("ending", ["sys.exit(3)", "raise KeyError", "return"])
def test_the_terminal_is_restored_when_the_process_ends(terminal: Terminal, ending: str) -> None:
    """Even if nobody left the context: the interpreter's own end restores it."""
    before = terminal.modes()
    code = f"""
import asyncio, sys
from appliance.hardware.keyboard import KeyboardPanel
async def main():
    panel = KeyboardPanel(source=0)
    panel.__enter__()
    print("raw", flush=True)
    {ending}
asyncio.run(main())
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=terminal.slave, capture_output=True, timeout=15, check=False,
    )  # fmt: skip
    assert done.stdout == b"raw\n"
    assert terminal.modes() == before


async def test_the_end_of_a_pipe_is_told_once() -> None:
    reading, writing = os.pipe()
    keys = Keys()
    with KeyboardPanel(keys, reading) as panel:
        os.write(writing, b"c")
        edges = panel.edges()
        assert (await take(edges, 1))[0].button is Button.CALL
        os.close(writing)
        await keys.wait_for(END_OF_INPUT)
        await asyncio.sleep(0)
        assert keys.seen == [END_OF_INPUT]
    os.close(reading)


async def test_a_hang_up_of_the_terminal_is_an_end_of_input() -> None:
    master, slave = pty.openpty()
    keys = Keys()
    with KeyboardPanel(keys, slave):
        os.close(master)
        await keys.wait_for(END_OF_INPUT)
    os.close(slave)


async def test_without_a_keyboard_there_are_no_keys() -> None:
    with open(os.devnull) as nothing, KeyboardPanel(source=nothing.fileno()) as panel:  # noqa: ASYNC230, PTH123 - at once
        panel.show(IN_CALL)
        assert panel.pattern is IN_CALL
    closed = os.open(os.devnull, os.O_RDONLY)
    os.close(closed)
    with KeyboardPanel(source=closed):
        pass


async def typed(terminal: Terminal, text: str) -> tuple[str | None, list[str], list[str]]:
    """What read_line returns for `text`, what it showed, and the keys that got through."""
    shown: list[str] = []
    keys = Keys()
    with KeyboardPanel(keys, terminal.slave) as panel:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            line = tasks.create_task(panel.read_line(shown.append))
            await asyncio.sleep(0)
            terminal.type(text)
        assert not panel._edges
    return line.result(), shown, keys.seen


async def test_a_line_is_typed_and_shown(terminal: Terminal) -> None:
    line, shown, _ = await typed(terminal, "add 2 and 5\r")
    assert line == "add 2 and 5"
    assert shown[-1] == "add 2 and 5"


async def test_a_line_can_be_corrected(terminal: Terminal) -> None:
    line, _, _ = await typed(terminal, "nonsense\x15hellp\x7fo €\n")
    assert line == "hello €"


async def test_escape_gives_a_line_up(terminal: Terminal) -> None:
    line, shown, _ = await typed(terminal, "hello\x1b")
    assert line is None
    assert shown[-1] == "hello"


async def test_the_rest_of_a_paste_presses_no_button(terminal: Terminal) -> None:
    line, _, keys = await typed(terminal, "one\ncall me, please\n")
    assert line == "one"
    assert keys == []


async def test_after_a_line_keys_are_buttons_again(terminal: Terminal) -> None:
    with KeyboardPanel(source=terminal.slave) as panel:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            tasks.create_task(panel.read_line())
            await asyncio.sleep(0)
            terminal.type("c\n")
        terminal.type("c")
        assert (await take(panel.edges(), 1))[0].button is Button.CALL


async def test_only_one_line_at_a_time(terminal: Terminal) -> None:
    with KeyboardPanel(source=terminal.slave) as panel:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(panel.read_line())
            await asyncio.sleep(0)
            with pytest.raises(DeviceError):
                await panel.read_line()
            first.cancel()
