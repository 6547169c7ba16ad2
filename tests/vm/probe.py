"""Runs in the test machine in the service's sandbox; tries what must work and what must not.

Prints one line of JSON: for each attempt, None where it went through, else the name of the error.
"""

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000  # linux/sched.h
PTRACE_ATTACH = 16
PER_LINUX32 = 8


def called(function: str, *arguments: object) -> None:
    """Call a function of the C library; raises OSError where it fails."""
    if getattr(LIBC, function)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), function)


def opened(path: str, flags: int = os.O_RDWR) -> None:
    """Open a file or device, and close it."""
    os.close(os.open(path, flags))


def written(path: str) -> None:
    """Write a file."""
    Path(path).write_text("x")


def listed(path: str) -> None:
    """Look into a folder."""
    list(Path(path).iterdir())


def connected(family: int, kind: int, protocol: int = 0) -> None:
    """Make a socket."""
    socket.socket(family, kind, protocol).close()


def callback() -> None:
    """Make a function that C may call, as the encryption of calls does."""
    ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0)()


def suid() -> None:
    """Make a program that runs as its owner."""
    path = Path(os.environ["STATE_DIRECTORY"], "suid")
    path.touch()
    path.chmod(0o4755)


def others() -> None:
    """See a process of another user."""
    Path("/proc/1/comm").read_text()


MUST_WORK: dict[str, Callable[[], None]] = {
    "the pins": lambda: opened("/dev/gpiochip0"),
    "the sound card": lambda: opened("/dev/snd/controlC0"),
    "its state": lambda: written(f"{os.environ['STATE_DIRECTORY']}/probe"),
    "its runtime folder": lambda: written(f"{os.environ['RUNTIME_DIRECTORY']}/probe"),
    "its key": lambda: opened(f"{os.environ['CREDENTIALS_DIRECTORY']}/openai_api_key", os.O_RDONLY),
    "udp": lambda: connected(socket.AF_INET, socket.SOCK_DGRAM),
    "tcp over v6": lambda: connected(socket.AF_INET6, socket.SOCK_STREAM),
    "netlink": lambda: connected(socket.AF_NETLINK, socket.SOCK_RAW),
    "callbacks of C": callback,
}
MUST_FAIL: dict[str, Callable[[], None]] = {
    "write settings": lambda: written("/etc/voice-appliance/config.d/evil.toml"),
    "write a program": lambda: written("/usr/bin/evil"),
    "read the key's file": lambda: opened("/etc/voice-appliance/openai_api_key", os.O_RDONLY),
    "read passwords": lambda: opened("/etc/shadow", os.O_RDONLY),
    "list root's home": lambda: listed("/root"),
    "the disk": lambda: opened("/dev/ubda", os.O_RDONLY),
    "memory": lambda: opened("/dev/mem", os.O_RDONLY),
    "the kernel's log": lambda: opened("/dev/kmsg"),
    "a terminal": lambda: opened("/dev/ttyS0"),
    "listen to the network": lambda: connected(17, socket.SOCK_RAW, 768),  # AF_PACKET
    "raw packets": lambda: connected(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "Bluetooth": lambda: connected(31, socket.SOCK_RAW, 1),
    "mount": lambda: called("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "a namespace": lambda: called("unshare", CLONE_NEWUSER),
    "become root": lambda: os.setuid(0),
    "trace a process": lambda: called("ptrace", PTRACE_ATTACH, 1, 0, 0),
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
    "name the machine": lambda: called("sethostname", b"evil", 4),
    "load a module": lambda: called("syscall", 313, -1, b"", 0),  # finit_module
    "tune the kernel": lambda: written("/proc/sys/kernel/hostname"),
    "see other processes": others,
    "real-time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "a program for its owner": suid,
    "another personality": lambda: called("personality", PER_LINUX32),
    "end another process": lambda: os.kill(1, signal.SIGTERM),
    "reboot": lambda: called("reboot", 0x01234567),
}


def attempts(things: dict[str, Callable[[], None]]) -> Iterator[tuple[str, str | None]]:
    """Try each thing."""
    for name, attempt in things.items():
        try:
            attempt()
        except OSError as error:
            yield name, errno.errorcode.get(error.errno or 0, str(error))
        else:
            yield name, None


if __name__ == "__main__":
    result = json.dumps([dict(attempts(MUST_WORK)), dict(attempts(MUST_FAIL))])
    sys.stdout.write(f"probe {result}\n")
