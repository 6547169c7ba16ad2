"""Counts the starts of the service that did not hold, so that safe mode ends their row."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from appliance import durable
from appliance.config import runtime_directory
from appliance.core.model import Problem
from appliance.core.problems import problem_of
from appliance.messages import START_FAILED

log = logging.getLogger(__name__)

FILE: Final = "starts.json"  # in the runtime directory: forgotten at boot, and no wear of a card
LIMIT: Final = 5  # starts in a row that did not hold; the next one is safe mode
JOURNAL: Final = "`journalctl -u voice-appliance` may say more."
# Stands in the file from the beginning of a start; whoever is killed cannot write anything better.
KILLED: Final = Problem(
    "bug", "It was ended from outside: by the watchdog, for lack of memory, or by a crash.", JOURNAL
)


class _Record(msgspec.Struct, frozen=True):
    """How many starts in a row did not hold, and how the last of them ended."""

    failed: int = 0
    last: Problem = KILLED


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the process.

    `failed`: how many before it did not hold, in a row; `last`: how the last of them ended.
    `file`: where they are counted; None: nobody starts the process again, and nothing is counted.
    """

    file: Path | None = None
    failed: int = 0
    last: Problem = KILLED

    @property
    def unsafe(self) -> Problem | None:
        """Why this start has to be safe mode, None if it need not."""
        if self.failed < LIMIT:
            return None
        cause = f"Safe mode: it failed to start five times. Last: {self.last.cause}"
        hold = f"{self.last.cure} Then hold" if self.last.cure else "Hold"
        again = "the call button for five seconds, or: sudo systemctl restart voice-appliance."
        return Problem(self.last.kind, cause, f"{hold} {again}")

    def tell(self) -> None:
        """Log how the start before this one ended, if it did not hold."""
        if self.failed:
            said = f"{self.last.cause} {self.last.cure}".strip()
            log.warning(
                "Start %d of %d did not hold. %s", self.failed, LIMIT, said,
                extra={"PROBLEM": self.last.kind, "MESSAGE_ID": START_FAILED},
            )  # fmt: skip

    def held(self) -> None:
        """Begin to count anew: the process is well, or was ended on purpose."""
        if self.file is not None:
            with suppress(OSError):
                self.file.unlink(missing_ok=True)


def starts_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return where starts are counted: only where a service manager starts the process again."""
    return runtime_directory(environ) / FILE if environ.get("NOTIFY_SOCKET") else None


@contextmanager
def counted(file: Path | None) -> Iterator[Start]:
    """Count a start that lasts as long as the context, and write down what it fails with.

    Enter it before anything is loaded or read that may fail. Leaving without an Exception means
    that somebody ended the process on purpose. `file`: as in Start. Main thread only.

    A safe mode that fails is followed by a start as usual: no state is for ever.
    """
    before = _read(file) if file is not None else _Record()
    start = Start(file, before.failed, before.last)
    now = LIMIT - 1 if start.unsafe else before.failed + 1
    _write(file, _Record(now, before.last if start.unsafe else KILLED))
    handler = signal.signal(signal.SIGTERM, _end)  # the daemon has a better one, later
    try:
        yield start
    except Exception as error:
        if file is not None and file.exists():  # else it held, and then failed
            _write(file, _Record(now, _told(error)))
        raise
    except BaseException:
        start.held()
        raise
    else:
        start.held()
    finally:
        signal.signal(signal.SIGTERM, handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _told(error: Exception) -> Problem:
    problem = problem_of(error)
    return replace(problem, cure=JOURNAL) if problem.kind == "bug" else problem


def _read(file: Path) -> _Record:
    """Return what is written there; what cannot be read counts as no failure."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Record)
    except (OSError, msgspec.DecodeError):
        return _Record()


def _write(file: Path | None, record: _Record) -> None:
    """Write so that a kill leaves the old or the new; a full or read-only disk stops no start."""
    if file is None:
        return
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(file, msgspec.json.encode(record), 0o600)
