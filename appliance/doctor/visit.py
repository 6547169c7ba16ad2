"""The command `doctor`: all checks over one configuration, and how they are told."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import Final

import click
import msgspec

from appliance import __version__
from appliance.config import Config, Loaded
from appliance.doctor import devices, machine, service, software
from appliance.doctor.bundle import refuse_existing, write_bundle
from appliance.doctor.contract import Check, Examination, Verdict, examine
from appliance.doctor.network import Network

NARROWEST: Final = 50  # columns; less, and a word stands on each line
SCHEMA: Final = 1  # of the report
NETWORK_LIMIT: Final = 18.0  # s; names 6, TLS 5, a web page 5, and some
CAMERA_LIMIT: Final = 65.0  # s; two tries of a camera, which may take 30 each by its setting

WORDS: Final[Mapping[Verdict, str]] = {
    "ok": "ok",
    "warn": "warn",
    "fail": "FAIL",
    "not-applicable": "-",
}
_WORST: Final[Sequence[Verdict]] = ("fail", "warn", "ok")


class Report(msgspec.Struct, frozen=True):
    """`doctor --json`. Keys may be added; once one changes its meaning, `schema` is another.

    `version`: of the appliance. `verdict`: the worst of the checks' (fail, warn, ok).
    """

    schema: int
    version: str
    verdict: Verdict
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the machine's own files lie: all below `root`."""

    root: Path = Path("/")

    @property
    def etc(self) -> Path:
        """The service's settings."""
        return self.root / "etc/voice-appliance"


def examinations(config: Config, places: Places) -> Sequence[Examination]:
    """Return everything there is to look at, in the order in which it is told."""
    root, etc = places.root, places.etc
    network = Network(config.service, routes=root / "proc/net")
    audio = config.audio
    return (
        Examination("versions", "fail", software.versions),
        Examination("board", "warn", partial(machine.board, root)),
        Examination("clock", "fail", partial(machine.clock, root / "run")),
        Examination("power", "warn", partial(machine.power, root / "sys")),
        Examination("heat", "warn", partial(machine.heat, root / "sys")),
        Examination("memory", "warn", partial(machine.memory, root / "proc")),
        Examination("disk", "warn", partial(machine.disk, root / "var/lib/voice-appliance")),
        Examination("daemon", "warn", software.daemon),
        Examination("updates", "warn", partial(software.updates, config.update)),
        Examination("network", "fail", network.service, NETWORK_LIMIT),
        Examination("portal", "warn", network.portal, NETWORK_LIMIT),
        Examination("udp", "warn", network.udp, NETWORK_LIMIT),
        Examination("key", "fail", partial(service.key, config.service, etc)),
        Examination("service", "fail", partial(service.service, config.service, etc)),
        Examination("quota", "fail", service.account),
        # PortAudio is not made for two threads: its list is read one after the other.
        Examination("microphone", "fail", partial(devices.microphone, audio), lane="sound"),
        Examination("speaker", "fail", partial(devices.speaker, audio), lane="sound"),
        Examination("sound", "warn", partial(devices.sound, audio)),
        Examination("camera", "warn", partial(devices.camera, config.camera), CAMERA_LIMIT),
        Examination("panel", "warn", partial(devices.panel, config.panel, root / "dev")),
    )


async def visit(
    loaded: Loaded, *, as_json: bool, bundle: Path | None = None, places: Places | None = None
) -> int:
    """Tell every check; return the exit code: 0, or 1 if something keeps calls from working.

    `bundle`: write what a helper needs to know into this file. Raises ApplianceError if it cannot
    be written.
    """
    if bundle is not None:
        refuse_existing(bundle)
    places = places or Places()
    tell = _keep_quiet if as_json else _print
    checks = await examine(examinations(loaded.config, places), tell)
    verdicts = {check.verdict for check in checks}
    worst = next(verdict for verdict in _WORST if verdict in verdicts)
    report = Report(SCHEMA, __version__, worst, tuple(checks))
    encoded = msgspec.json.format(msgspec.json.encode(report))
    click.echo(encoded.decode() if as_json else f"\n{_summary(checks)}")
    if bundle is not None:
        for line in await write_bundle(bundle, encoded, loaded, places.root):
            click.echo(line, err=True)
    return int(worst == "fail")


def _print(check: Check) -> None:
    for line in lines(check, shutil.get_terminal_size().columns if sys.stdout.isatty() else 0):
        click.echo(line)


def lines(check: Check, columns: int) -> list[str]:
    """Return a check as a person reads it, in lines of so many columns; 0: as long as they are."""
    told = [(f"{WORDS[check.verdict]:4} {check.name:10}  ", check.sentence)]
    if check.cure:
        told.append((f"{'':17}-> ", check.cure))
    if not columns:
        return [before + text for before, text in told]
    width = max(columns - 1, NARROWEST)
    return [
        line
        for before, text in told
        for line in wrap(
            text, width, initial_indent=before, subsequent_indent=" " * len(before),
            break_long_words=False, break_on_hyphens=False,
        )
    ]  # fmt: skip


def _summary(checks: Sequence[Check]) -> str:
    failed, odd = (
        ", ".join(check.name for check in checks if check.verdict == verdict)
        for verdict in ("fail", "warn")
    )
    if failed:
        return f"Calls cannot work: {failed}."
    return f"Calls can work; worth a look: {odd}." if odd else "All is well."


def _keep_quiet(_check: Check) -> None:
    """Wait for the whole of it."""
