"""What the service manager is told, over a real notify socket."""

import os
import socket
from contextlib import suppress

import pytest

from appliance.manager import NoManager, SystemdManager, find_manager, watchdog_limit
from tests.notified import NotifySocket


def test_without_a_notify_socket_nobody_is_told() -> None:
    assert type(find_manager({})) is NoManager


@pytest.mark.parametrize(
    ("environ", "limit"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "15000000"}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_time_is_systemds(environ: dict[str, str], limit: float | None) -> None:
    assert watchdog_limit(environ) == limit


def test_a_status_is_one_line(systemd: NotifySocket) -> None:
    find_manager().status("Needs you: no\nkey.  Give one.")
    assert systemd.read() == ["STATUS=Needs you: no key. Give one."]


def test_a_systemd_that_went_away_is_no_failure(systemd: NotifySocket) -> None:
    manager = find_manager()
    systemd.close()
    systemd.path.unlink()
    manager.alive()


def test_abstract_socket_is_reached() -> None:
    name = f"voice-appliance-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        SystemdManager(f"@{name}").ready()
        assert listener.recv(100) == b"READY=1"


def test_full_queue_delays_the_news_and_nobody(systemd: NotifySocket) -> None:
    manager = find_manager()
    fill(systemd)

    manager.ready()  # would wait for ever if it waited
    manager.status("Calling.")
    manager.status("In a call.")
    assert set(systemd.read()) == {"FILLED=1"}
    manager.alive()

    assert systemd.read()[-3:] == ["READY=1", "STATUS=In a call.", "WATCHDOG=1"]
    manager.stopping()
    assert systemd.read()[-1] == "STOPPING=1", "what was told is not told again"


def fill(systemd: NotifySocket) -> None:
    """Queue datagrams until the kernel takes no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(BlockingIOError):
        sender.setblocking(False)
        while True:
            sender.sendto(b"FILLED=1", str(systemd.path))
