"""Tells the service manager how the process does: systemd, or nobody."""

import logging
import os
import socket
from collections.abc import Mapping

from typing_extensions import override

from appliance.ports import Manager

log = logging.getLogger(__name__)


class NoManager(Manager):
    """Nobody supervises the process: what it would tell goes to the debug log."""

    @override
    def ready(self) -> None:
        self._tell("READY=1")

    @override
    def status(self, text: str) -> None:
        self._tell(f"STATUS={' '.join(text.split())}")

    @override
    def alive(self) -> None:
        self._tell("WATCHDOG=1")

    @override
    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def _tell(self, line: str) -> None:
        log.debug("= %s", line)


class SystemdManager(NoManager):
    """Speaks the protocol of sd_notify(3), and never waits for systemd to listen.

    The socket's queue is short (sysctl net.unix.max_dgram_qlen), and libsystemd's own sender, which
    systemd-python wraps, blocks while it is full: the loop would stand still with it.
    """

    def __init__(self, address: str) -> None:
        """`address`: of the notify socket, a path, or `@` and a name (unix(7), abstract)."""
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._waiting: dict[str, str] = {}  # what to tell: of each kind the newest, in order

    @override
    def _tell(self, line: str) -> None:
        self._waiting[line.partition("=")[0]] = line
        message = "\n".join(self._waiting.values())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), self._address)
        except BlockingIOError:
            log.debug("systemd is busy; it is told with the next news")
            return
        except OSError as error:  # systemd restarts itself now and then; it asks again later
            log.debug("systemd does not listen: %s", error)
        self._waiting.clear()


def find_manager(environ: Mapping[str, str] = os.environ) -> Manager:
    """Return systemd if it started us with Type=notify, else nobody (sd_notify(3))."""
    address = environ.get("NOTIFY_SOCKET")
    return SystemdManager(address) if address else NoManager()


def watchdog_limit(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return systemd's WatchdogSec= in seconds, None without one (sd_watchdog_enabled(3))."""
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdigit() or int(microseconds) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None  # meant for another process
    return int(microseconds) / 1e6
