"""What every test gets: the switches of pytest, and a check that nothing is left behind."""

import asyncio
import gc
import logging
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.log import PINNED
from tests.notified import NotifySocket

THREAD_TIMEOUT = 5.0  # seconds; on an idle machine they end within milliseconds
GENERATED_TIMEOUT = 120.0  # seconds for all the runs of a generated test
GOLDEN_VARIABLE = "VOICE_APPLIANCE_GOLDEN"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pi", action="store_true", help="also run what needs a Raspberry Pi")
    parser.addoption("--live", action="store_true", help="also run what needs the real service")
    parser.addoption("--long", action="store_true", help="also run what takes minutes")


def pytest_configure() -> None:
    """Looptime asks for a loop in every test: asyncio would make one that nobody closes."""
    asyncio.set_event_loop(None)


@pytest.hookimpl(trylast=True)  # after Hypothesis, which marks what is its own
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for switch, needs in (
        ("pi", "the hardware"),
        ("live", "the real service and a key"),
        ("long", "minutes"),
    ):
        if not config.getoption(f"--{switch}"):
            skip = pytest.mark.skip(reason=f"needs {needs}: --{switch}")
            for item in items:
                if switch in item.keywords:
                    item.add_marker(skip)
    for item in items:  # a hundred runs; they are short, but not on every machine
        if item.get_closest_marker("hypothesis") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(GENERATED_TIMEOUT))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own key, notify socket and credentials never reach a test."""
    for name in ("OPENAI_API_KEY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotifySocket]:
    """A service manager that listens."""
    notified = NotifySocket(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(notified.path))
    yield notified
    notified.close()


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Give pytest its logging back after a test that configures ours."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    pinned = {name: logging.getLogger(name).level for name in PINNED}
    yield
    logging.captureWarnings(capture=False)
    for name, before in pinned.items():
        logging.getLogger(name).setLevel(before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Recorded traffic of the real service, where a developer has it."""
    sibling = Path(__file__).resolve().parents[2] / "shared" / "golden"
    folder = Path(os.environ.get(GOLDEN_VARIABLE, sibling))
    if not folder.is_dir():
        pytest.skip(f"no recordings here: set {GOLDEN_VARIABLE} to their folder")
    return folder


@pytest_asyncio.fixture
async def no_leftover_tasks() -> AsyncIterator[None]:
    """Fails a test that leaves a task running on its loop."""
    before = asyncio.all_tasks()
    yield
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert left == set(), f"tasks left running: {sorted(task.get_name() for task in left)}"


@pytest.fixture
def no_leftover_resources() -> Iterator[None]:
    """Fails a test that leaves a thread or an open file descriptor behind."""
    gc.collect()
    descriptors, threads = _descriptors(), set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(THREAD_TIMEOUT)  # drivers let go of a device on a thread of their own
    assert set(threading.enumerate()) - threads == set(), "threads left running"
    gc.collect()
    left = _descriptors() - descriptors
    assert left == set(), f"file descriptors left open: {left}"


def _descriptors() -> set[tuple[int, str]]:
    """Open descriptors of this process with what they point at."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add((int(entry.name), str(entry.readlink())))
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    return found
