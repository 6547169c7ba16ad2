"""A whole machine under user-mode Linux: boot it, give it commands, cut its power.

Needs the files that `deploy/desktop vm-test` makes and, for the wire to the host, a network namespace of its own with a
tap device in it. Memory lives in /dev/shm; what the machine writes goes to a copy-on-write file beside an untouched disk.
It has one processor and is held to one of the host's: its kernel and its programs are processes that take turns, several at
each page fault. With both on one core a turn there and back takes 7 us, with each on a core of its own 66 (measured).
"""  # noqa: E501

import base64
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.vm.agent import ANSWER

HERE = Path(__file__).resolve().parent
TAP = "vmtap"
HOST = "10.99.0.1"  # of the wire; the machine's own end is 10.99.0.2
BOOT_LIMIT_S = 180.0  # a boot takes 10 s; on a loaded machine several times that
UNIT = """[Unit]
DefaultDependencies=no
After=local-fs.target systemd-remount-fs.service
Before=shutdown.target
Conflicts=shutdown.target
[Service]
ExecStartPre=mkdir -p /run/host
ExecStartPre=mount -t hostfs -o hostfs={folder} none /run/host
ExecStart=python3 {agent}
OOMScoreAdjust=-1000
"""


class MachineError(Exception):
    """The machine did not boot, or stopped while it was asked something."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command in the machine ended with, and all it printed."""

    status: int
    told: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What a machine is made of: a folder with `linux` and `board.dtb`, and a disk image."""

    kernel: Path
    disk: Path

    @classmethod
    def from_environment(cls) -> Self | None:
        """The parts that VOICE_APPLIANCE_VM names, or None."""
        folder = os.environ.get("VOICE_APPLIANCE_VM")
        return cls(Path(folder) / "kernel", Path(folder) / "disk.ext4") if folder else None


class Machine:
    """One powered machine. Not for several threads.

    `folder` is shared with it, as /run/host; `changes` keeps what it writes, so that another machine on the same
    file goes on from there. `second`: another disk, /dev/ubdb.
    """  # noqa: E501

    def __init__(
        self,
        parts: Parts,
        folder: Path,
        *,
        memory: str = "1G",
        changes: Path | None = None,
        second: Path | None = None,
    ) -> None:
        self.folder = folder
        self.console = folder / "console.log"
        self.changes = changes or folder / "disk.changes"
        self._pending = b""
        for program in HERE.glob("*.py"):
            shutil.copy(program, folder)
        unit = UNIT.format(folder=folder, agent="/run/host/agent.py")
        credential = base64.b64encode(unit.encode()).decode()
        command = [
            str(parts.kernel / "linux"), f"ubd0={self.changes},{parts.disk}", "root=/dev/ubda", "rw", f"mem={memory}",  # noqa: E501
            f"dtb={parts.kernel / 'board.dtb'}", f"uml_dir={folder}/", "umid=machine", "con=null", "con0=null,fd:2",  # noqa: E501
            "ssl=null", "ssl0=fd:0,fd:1", "quiet", "panic=-1",
            f"systemd.set_credential_binary=systemd.extra-unit.agent.service:{credential}", "systemd.wants=agent.service",  # noqa: E501
        ]  # fmt: skip
        if second is not None:
            command.append(f"ubd1={second}")
        if TAP in dict(socket.if_nameindex()).values():
            command.append(f"vec0:transport=tap,ifname={TAP},depth=128,gro=0")
        self._console = self.console.open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - the kernel we built
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._console,
            start_new_session=True, env={"TMPDIR": "/dev/shm", "PATH": os.environ["PATH"]},  # noqa: S108
        )  # fmt: skip
        _give_a_place(self._process.pid)
        self.powered_at = time.monotonic()

    def __enter__(self) -> Self:
        try:
            self.booted()
        except BaseException:
            self.cut_power()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.cut_power()

    def booted(self) -> float:
        """Wait until it takes commands; how long its own clock says that took, in seconds."""
        return float(self._answer(BOOT_LIMIT_S)["uptime"])

    def try_(self, shell: str, timeout: float = 60.0) -> Result:
        """Run a shell command as root in the machine, however it ends."""
        self._request({"shell": shell, "timeout": timeout})
        return self._result(timeout + 60)

    def ask(self, path: str) -> Result:
        """Ask the appliance's control socket; an HTTP status, or 0 when nobody answers."""
        self._request({"ask": path})
        return self._result(60)

    def run(self, shell: str, timeout: float = 60.0) -> str:
        """Run a shell command that must succeed; what it printed."""
        done = self.try_(shell, timeout)
        assert done.status == 0, f"{shell!r} ended with {done.status}:\n{done.told}"
        return done.told.strip()

    def until(self, shell: str, timeout: float = 60.0) -> str:
        """Repeat a shell command in the machine until it succeeds; what it printed then."""
        loop = f"until told=$({shell}); do sleep 0.1; done; printf '%s' \"$told\""
        done = self.try_(loop, timeout)
        assert done.status == 0, (
            f"not within {timeout:.0f} s: {shell}\n{self.try_(shell).told}\n{self.journal(40)}"
        )
        return done.told.strip()

    def journal(self, lines: int = 200, unit: str = "voice-appliance") -> str:
        """Return the last lines of a unit's journal, of the service's by itself."""
        return self.try_(f"journalctl -u {unit} -n {lines} -o cat --no-pager").told

    def power_off(self, timeout: float = 60.0) -> None:
        """Shut down as a person's `poweroff` does, and wait until it is off."""
        self._request({"shell": "systemctl poweroff", "timeout": 30})
        with suppress(MachineError):  # it may be gone before it answers
            self._answer(timeout)
        self._process.wait(timeout)  # the line stays open: a closed one drops what was not read
        self.cut_power()

    def cut_power(self) -> None:
        """Stop it between two instructions. What it gave to the disk stays in `changes`."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._console.close()

    def _request(self, request: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def _result(self, limit: float) -> Result:
        answer = self._answer(limit)
        return Result(int(answer["status"]), str(answer["told"]))

    def _answer(self, limit: float) -> dict[str, Any]:
        """Return the next answer of the agent. Raises MachineError when the machine is gone or silent too long."""  # noqa: E501
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            line, found, rest = self._pending.partition(b"\n")
            if found:
                self._pending = rest
                text = line.decode(errors="replace")
                if ANSWER in text:
                    said: dict[str, Any] = json.loads(text.partition(ANSWER)[2])
                    return said
                continue
            self._pending += self._read(end)
        raise MachineError(
            f"The machine said nothing for {limit:.0f} s; its console is {self.console}."
        )

    def _read(self, end: float) -> bytes:
        """Return what comes before the deadline, or nothing."""
        assert self._process.stdout is not None
        select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
        chunk = self._process.stdout.read()
        if chunk == b"":
            raise MachineError(
                f"The machine stopped (status {self._process.wait()}); its console is {self.console}."  # noqa: E501
            )
        return chunk or b""


def _give_a_place(pid: int) -> None:
    """Hold a machine to one core, and give it the priority there that this process has.

    Where the scheduler groups processes by their session, `nice` counts within one alone, and the
    machine has one of its own (sched(7), "The autogroup feature").
    """
    with suppress(ProcessLookupError):  # it has ended, which is told elsewhere
        os.sched_setaffinity(pid, {max(os.sched_getaffinity(0))})
    with suppress(OSError):  # no such grouping, or no right to a higher priority
        Path(f"/proc/{pid}/autogroup").write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))


@contextmanager
def wire() -> Iterator[None]:
    """Make the host's end of the wire, in this process' own network namespace."""
    for command in (
        f"ip tuntap add {TAP} mode tap", f"ip addr add {HOST}/24 dev {TAP}",
        # The machine's end cuts large pieces short; each would be sent again, a second later.
        f"ip link set {TAP} up gso_max_segs 1", "ip link set lo up",
    ):  # fmt: skip
        subprocess.run(command.split(), check=True)  # noqa: S603 - fixed words
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "del", TAP], check=False)  # noqa: S603, S607
