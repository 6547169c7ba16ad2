"""Does what a step says; a power cut leaves the old or the new, and all may be done again."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from appliance import durable
from appliance.firstboot.steps import Action, Link, Run, Step, WriteFile

Runner: TypeAlias = Callable[[Sequence[str]], str | None]
"""Runs a command; returns None if it succeeded, else why not, in a few words."""

LONGEST: Final = 120.0  # seconds for one command; each takes one or two, on a busy board more
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class StepError(Exception):
    """A step could not be done; the message is a sentence for a person."""


def apply_step(step: Step, root: Path, runner: Runner) -> None:
    """Do all of a step's actions in order. Blocks. Raises StepError at the first that fails."""
    for action in step.actions:
        try:
            _act(action, root, runner)
        except OSError as error:
            raise StepError(
                f"The card could not be written ({error.strerror}). "
                "Try again; if that does not help, take another card."
            ) from error


def _act(action: Action, root: Path, runner: Runner) -> None:
    match action:
        case WriteFile():
            write_file(_below(root, action.path), action.text.encode(), action.mode)
        case Link():
            link(_below(root, action.path), action.target)
        case Run():
            if action.unless and runner(action.unless) is None:
                return
            failed = runner(action.argv)
            if failed is not None and action.needed:
                raise StepError(
                    f"{action.argv[0]} did not work: {failed.rstrip('.')}. Start again."
                )


def write_file(path: Path, data: bytes, mode: int | None) -> None:
    """Have the file and its folder; what is so is not written again. See `durable.write`."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == data and mode in {None, path.stat().st_mode & 0o777}:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.write(path, data, mode)


def link(path: Path, target: str) -> None:
    """Have the symbolic link be so, on the card. Raises OSError."""
    if path.is_symlink() and path.readlink() == Path(target):
        return
    durable.link(path, target)


def overwrite(path: Path, data: bytes) -> None:
    """Write over a file's own bytes, not beside them, to the medium: FAT keeps what is deleted.

    `data` is as long as the file. What a card's controller keeps in spare blocks is out of reach.
    """
    with path.open("r+b") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def run_command(argv: Sequence[str]) -> str | None:
    """Run a command of the system; see `Runner`. What it says is not passed on."""
    try:
        done = subprocess.run(  # noqa: S603 - the plan's own commands
            list(argv), capture_output=True, text=True, timeout=LONGEST, check=False,
            stdin=subprocess.DEVNULL, env={"PATH": _PATH, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except FileNotFoundError:
        return "it is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it did not end ({type(error).__name__})"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
