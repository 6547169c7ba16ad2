"""How starts are counted, and when they end in safe mode."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.errors import ConfigError, DeviceError
from appliance.starts import FILE, KILLED, LIMIT, Start, counted, starts_file

WRONG = ConfigError("panel.call_pin is 99.", "Use 0 to 27.")


def fail(file: Path | None, error: Exception) -> Start:
    """A start that fails with `error`."""
    with pytest.raises(type(error)), counted(file) as start:
        raise error
    return start


def killed(file: Path) -> None:
    """A start that is killed without a word."""
    code = f"""
import os, signal
from pathlib import Path
from appliance.starts import counted
with counted(Path({str(file)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=15)  # noqa: S603 - ours
    assert done.returncode == -signal.SIGKILL


def next_start(file: Path) -> Start:
    """What the start after it is told; it is ended on purpose."""
    with counted(file) as start:
        pass
    return start


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run" / FILE


def test_starts_are_counted_only_for_a_service_manager(tmp_path: Path) -> None:
    own = {"RUNTIME_DIRECTORY": str(tmp_path)}
    assert starts_file(own) is None
    assert starts_file({**own, "NOTIFY_SOCKET": "/x"}) == tmp_path / FILE


def test_nothing_is_counted_or_written_without_a_file(tmp_path: Path) -> None:
    for _ in range(2 * LIMIT):
        assert fail(None, WRONG).unsafe is None


def test_five_failures_lead_to_safe_mode_with_the_last_reason(file: Path) -> None:
    fail(file, RuntimeError("private"))
    for _ in range(LIMIT - 1):
        assert fail(file, WRONG).unsafe is None
    problem = next_start(file).unsafe
    assert problem is not None
    assert problem.cause == "Safe mode: it failed to start five times. Last: panel.call_pin is 99."
    assert problem.cure.startswith("Use 0 to 27. Then hold the call button for five seconds")
    assert problem.kind == "rejected"


def test_killed_start_counts_and_has_a_reason(file: Path) -> None:
    fail(file, WRONG)
    killed(file)
    start = next_start(file)
    assert (start.failed, start.last) == (2, KILLED)


@pytest.mark.parametrize("error", [RuntimeError("my secret"), ExceptionGroup("x", [KeyError("y")])])
def test_bug_is_named_by_its_type_alone(file: Path, error: Exception) -> None:
    fail(file, error)
    told = file.read_text()
    assert ("RuntimeError" in told) or ("KeyError" in told)
    assert "secret" not in told
    assert "journalctl" in next_start(file).last.cure


def test_clean_end_counts_anew(file: Path) -> None:
    for _ in range(LIMIT - 1):
        fail(file, WRONG)
    next_start(file)
    assert next_start(file).failed == 0


def test_start_that_held_counts_anew_whatever_comes_later(file: Path) -> None:
    fail(file, WRONG)
    with suppress(DeviceError), counted(file) as start:
        assert start.failed == 1
        start.held()
        raise DeviceError("Much later.")
    assert next_start(file).failed == 0


def test_signal_before_the_daemon_is_there_is_a_clean_end(file: Path) -> None:
    fail(file, WRONG)
    with pytest.raises(SystemExit) as end, counted(file):
        os.kill(os.getpid(), signal.SIGTERM)
    assert end.value.code == 0
    assert next_start(file).failed == 0
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    "torn", [b"", b"{", b'{"failed": "x"}', b"\xff\xfe", b'{"failed": 3, "last": {"kind": "no"}}']
)
def test_torn_file_counts_as_none(file: Path, torn: bytes) -> None:
    fail(file, WRONG)
    file.write_bytes(torn)
    assert fail(file, WRONG).failed == 0
    assert next_start(file).failed == 1


def test_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert fail(tmp_path / "taken" / FILE, WRONG).failed == 0


def test_fifty_failures_never_give_up_and_every_safe_mode_that_fails_is_followed_by_a_try(
    file: Path,
) -> None:
    modes = [fail(file, WRONG).unsafe is not None for _ in range(50)]
    assert modes[: LIMIT + 1] == [False] * LIMIT + [True]
    assert modes[LIMIT:] == [True, False] * 22 + [True]


def test_killed_safe_mode_keeps_its_reason_for_nobody_but_leads_to_a_try(file: Path) -> None:
    for _ in range(LIMIT):
        fail(file, WRONG)
    killed(file)
    start = next_start(file)
    assert start.unsafe is None
    assert start.last.cause == WRONG.cause


def test_failed_start_is_told_to_the_next_ones_log(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Start().tell()
    assert caplog.text == ""
    fail(file, WRONG)
    next_start(file).tell()
    assert "Start 1 of 5 did not hold. panel.call_pin is 99. Use 0 to 27." in caplog.text
