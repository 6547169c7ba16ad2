"""What the updater knows, and what comes next. Pure.

Every step is written down before it is done and may be done again, so that whoever starts after a
power cut goes on from here. The steps are drawn in README.md beside this file.
"""

from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

FOLDER: Final = Path("/var/lib/voice-appliance-update")  # StateDirectory= of the unit
STATE: Final = "state.json"
WAY_BACK: Final = "way-back"  # names the package that the repair at boot installs (deploy/debian)
TRIES: Final = 4  # starts of installing and proving together: a version may take the machine down
BAD_LIMIT: Final = 16  # versions remembered

Stage: TypeAlias = Literal["install", "prove", "return"]

replace = msgspec.structs.replace


class Package(msgspec.Struct, frozen=True):
    """A package file in the updater's folder.

    `size` is the file's, `installed` what it takes when installed, in bytes; `sha256`: hex digits.
    """

    version: str
    file: str
    size: int
    sha256: str
    installed: int = 0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A version on its way in, or out again.

    `target` is tried, `back` is what is put back. `stage`: what is being done, `tries`: how often
    it was begun. `shun`: a version that is bad once `target` is proved, because a person left it.
    `why`: what was wrong with the target, without a full stop.
    """

    target: Package
    back: Package
    stage: Stage = "install"
    tries: int = 0
    shun: str = ""
    why: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All that survives. Older versions read it too: fields may be added, but not change meaning.

    `current`: the package that works, `previous`: the one before. `trial`: what is going on, if
    anything. `bad`: versions that are not tried again, and why. `serial`: of the newest index seen
    on `channel`. `outcome`: a sentence for a person, and `failed` whether it is bad news, `held`
    whether it tells of a version that is not tried again.
    """

    current: Package | None = None
    previous: Package | None = None
    trial: Trial | None = None
    bad: dict[str, str] = {}
    channel: str = ""
    serial: int = 0
    outcome: str = ""
    failed: bool = False
    held: bool = False


def parse(data: bytes | None) -> State:
    """Return the state in a file; one that is missing or cannot be read is that of a beginner."""
    try:
        return msgspec.json.decode(data or b"{}", type=State)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return State()


def recall(folder: Path = FOLDER) -> State:
    """Read the state, from any process. Blocks; never raises."""
    try:
        return parse((folder / STATE).read_bytes())
    except OSError:
        return State()


def news(state: State) -> str:
    """Return what a person who did not ask for it should know; empty if nothing."""
    matters = state.failed or state.held or state.trial is not None
    return f"Updates: {state.outcome}" if matters else ""


def refusal(state: State, version: str) -> str:
    """Return why a version is not tried, as a sentence; empty if nothing is against it."""
    why = state.bad.get(version)
    return "" if why is None else f"{version} is not tried again: {why}."


def begin(state: State, target: Package, back: Package, shun: str = "") -> State:
    """Return the state in which `target` is to be installed, and `back` again if it fails."""
    told = f"{target.version} is being installed."
    trial = Trial(target=target, back=back, shun=shun)
    return replace(_over(state, told), current=back, trial=trial)


def advance(state: State, installed: str | None) -> State:
    """Return the state to keep before its trial's stage is done, or without a trial if it is over.

    `installed`: the version that is wholly installed; None while it is half one and half another.
    """
    trial = state.trial
    if trial is None:
        return state
    if installed not in {None, trial.target.version, trial.back.version}:
        return _over(state, f"{installed} was installed by hand; the update was left alone.")
    if trial.stage == "return":
        if installed != trial.back.version:
            return replace(state, trial=replace(trial, tries=trial.tries + 1))
        told = f"{trial.target.version} did not work: {trial.why}. {installed} is back."
        return replace(_over(state, told), failed=True)
    if trial.tries >= TRIES:
        why = "the machine went down, or the update was stopped, again and again"
        return advance(give_up(state, trial, why), installed)
    stage: Stage = "prove" if installed == trial.target.version else "install"
    return replace(state, trial=replace(trial, stage=stage, tries=trial.tries + 1))


def proved(state: State, trial: Trial) -> State:
    """Return the state after the target has shown that it works."""
    bad = {version: why for version, why in state.bad.items() if version != trial.target.version}
    if trial.shun:
        bad = _with(bad, trial.shun, "somebody went back from it")
    state = replace(state, previous=trial.back, current=trial.target, bad=bad)
    left = refusal(state, trial.shun)
    told = f"{left} {trial.target.version} was installed and works.".lstrip()
    return replace(_over(state, told), held=bool(left))


def give_up(state: State, trial: Trial, why: str) -> State:
    """Return the state in which the version before is put back. `why`: without a full stop."""
    bad = _with(state.bad, trial.target.version, why)
    return replace(state, bad=bad, trial=replace(trial, stage="return", tries=0, why=why))


def _over(state: State, outcome: str) -> State:
    return replace(state, trial=None, outcome=outcome, failed=False, held=False)


def _with(bad: dict[str, str], version: str, why: str) -> dict[str, str]:
    kept = [(old, reason) for old, reason in bad.items() if old != version]
    return dict([*kept, (version, why)][-BAD_LIMIT:])
