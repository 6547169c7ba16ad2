"""The first boot itself: find the letters, apply them, tell, overwrite the secrets, remember."""

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.firstboot import report
from appliance.firstboot.apply import (
    Runner,
    StepError,
    apply_step,
    overwrite,
    run_command,
    write_file,
)  # fmt: skip
from appliance.firstboot.facts import read_facts
from appliance.firstboot.letter import BLANK, LARGEST, Letter, UnreadableError, read_letter
from appliance.firstboot.plan import make_plan, name_of
from appliance.firstboot.statements import Statement, read_statements
from appliance.firstboot.steps import Problem

BOOT: Final = "boot/firmware"  # Raspberry Pi OS since bookworm
STATE: Final = "var/lib/voice-appliance-first-boot/state"

# Names as editors and browsers leave them: voice-appliance.toml.txt, "voice-appliance (1).toml".
_NAME: Final = re.compile(
    r"voice[-_ \u2010-\u2015]?appliance(?: ?\(\d+\)| copy| - copy)?"
    r"\.(?:toml|txt|rtf|toml\.txt|toml\.rtf)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went. `words`: the result file; empty if there was nothing to do."""

    words: str = ""
    failed: bool = False  # the card or a command failed, not the person's settings


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that could be read."""

    letter: Letter
    statements: Sequence[Statement]

    def blanked(self, names: Collection[str]) -> bytes:
        return self.letter.blanked(
            (each.start, each.end) for each in self.statements if name_of(each) in names
        )


def first_boot(root: Path, runner: Runner = run_command) -> Outcome:
    """Apply what is new on the boot partition below `root`. Blocks, for some seconds at most.

    It may be cut off at any moment and run again: all it does may be done twice, and the state
    says whether the secrets were being overwritten, so that half a password is never applied.
    """
    return _Boot(root, runner).run()


def find_letters(boot: Path) -> Sequence[Path]:
    """Return the files that somebody meant for us, the newest last."""
    if not boot.is_dir():
        return ()
    found = [path for path in boot.iterdir() if _NAME.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda path: (path.stat().st_mtime, path.name))


def digest(files: Mapping[str, bytes]) -> str:
    """Return what tells one state of the files from any other."""
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()


class _Boot:
    def __init__(self, root: Path, runner: Runner) -> None:
        self._root = root
        self._runner = runner
        self._boot = root / BOOT
        self._state = root / STATE
        self._read: list[_Read] = []
        self._problems: list[Problem] = []
        self._files = dict(self._load(find_letters(self._boot)))

    def run(self) -> Outcome:
        before = self._state.read_text() if self._state.exists() else ""
        if before == f"applied {digest(self._files)}":
            return Outcome()
        self._read_files()
        with writable(self._boot, self._runner):
            if before.startswith("overwriting ") and self._torn():
                _, names, finished = before.split(" ")
                if self._finished(names.split(",")) == finished:
                    return Outcome(failed=not self._overwrite(names.split(",")))
            return self._apply()

    def _load(self, paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
        """Yield what the files hold; of one that is too large only enough to see that."""
        for path in paths:
            try:
                with path.open("rb") as file:
                    yield path.name, file.read(LARGEST + 1)
            except OSError as error:
                words = f"It cannot be read ({error.strerror}). Copy it to the card anew."
                self._problems.append(Problem(0, path.name, words))

    def _read_files(self) -> None:
        for name, data in self._files.items():
            try:
                letter = read_letter(name, data)
            except UnreadableError as error:
                self._problems.append(Problem(0, name, str(error)))
                continue
            statements, puzzles = read_statements(letter.text)
            self._read.append(_Read(letter, statements))
            self._problems += [Problem(each.line, "", each.words, name) for each in puzzles]

    def _torn(self) -> bool:
        """Whether a secret is overwritten, wholly or in part."""
        ours = [each for one in self._read for each in one.statements if name_of(each)]
        return any(BLANK in each.literal for each in ours)

    def _apply(self) -> Outcome:
        statements = [(one.letter.name, each) for one in self._read for each in one.statements]
        plan = make_plan(statements, read_facts(self._root))
        problems, notes = [*self._problems, *plan.problems], [*plan.notes]
        applied, used, failed = list[str](), set[str](), False
        for step in plan.steps:
            try:
                apply_step(step, self._root, self._runner)
            except StepError as error:
                problems.append(Problem(0, step.name, str(error)))
                failed = True
            else:
                applied += [step.told] if step.told else []
                notes += step.notes
                used |= set(step.secrets)
        problems.sort(key=lambda problem: (problem.file, problem.line))
        words = report.result(list(self._files), applied, problems, notes)
        failed |= not (self._tell(words) and self._overwrite(sorted(used)))
        if failed:
            self._state.unlink(missing_ok=True)  # on the next boot, all anew
        return Outcome(words, failed)

    def _tell(self, words: str) -> bool:
        """Write the result file, if there is anybody to read it."""
        try:
            if self._files:
                write_file(self._boot / report.NAME, words.encode("utf-8-sig"), None)
        except OSError:
            return False
        return True

    def _overwrite(self, names: Sequence[str]) -> bool:
        """Put asterisks over secrets that were used, and remember; False if that failed."""
        finished = self._finished(names)
        try:
            write_file(self._state, f"overwriting {','.join(names)} {finished}".encode(), 0o600)
            for one in self._read:
                if (data := one.blanked(names)) != self._files[one.letter.name]:
                    overwrite(self._boot / one.letter.name, data)
            write_file(self._state, f"applied {finished}".encode(), 0o600)
        except OSError:
            return False
        return True

    def _finished(self, names: Iterable[str]) -> str:
        """Return the digest of the files with the secrets of these names overwritten."""
        chosen = set(names)
        return digest(self._files | {one.letter.name: one.blanked(chosen) for one in self._read})


@contextlib.contextmanager
def writable(boot: Path, runner: Runner) -> Iterator[None]:
    """Make the boot partition writable for as long as that is needed."""
    fixed = boot.is_dir() and _read_only(boot)
    if fixed:
        runner(("mount", "-o", "remount,rw", str(boot)))
    try:
        yield
    finally:
        if fixed:
            runner(("mount", "-o", "remount,ro", str(boot)))


def _read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
