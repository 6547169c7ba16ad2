"""The command `doctor`: all checks over one configuration, and how they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import msgspec

from appliance.config import Config
from appliance.doctor import devices, machine, service, software
from appliance.doctor.contract import Check, Examination, examine

CAMERA_TIME_LIMIT = 65.0  # s; two tries of a camera, which may take 30 each by its setting


@dataclass(frozen=True, slots=True)
class Places:
    """Where the machine's own files lie."""

    devices: Path = Path("/dev")


def examinations(config: Config, places: Places) -> Sequence[Examination]:
    """Return everything there is to look at, in the order in which it is told."""
    return (
        Examination("versions", "fail", software.versions),
        Examination("daemon", "warn", software.daemon),
        Examination("key", "fail", partial(service.key, config.service)),
        Examination("service", "fail", partial(service.service, config.service)),
        # PortAudio is not made for two threads: its list is read one after the other.
        Examination("microphone", "fail", partial(devices.microphone, config.audio), lane="sound"),
        Examination("speaker", "fail", partial(devices.speaker, config.audio), lane="sound"),
        Examination("sound", "warn", partial(devices.sound, config.audio)),
        Examination(
            "camera", "warn", partial(devices.camera, config.camera), limit=CAMERA_TIME_LIMIT
        ),
        Examination("panel", "warn", partial(devices.panel, config.panel, places.devices)),
        Examination("disk", "warn", machine.disk),
    )


async def visit(config: Config, *, as_json: bool, places: Places | None = None) -> int:
    """Print every check; return the exit code: 0, or 1 if something keeps calls from working."""
    tell = _keep_quiet if as_json else _print
    checks = await examine(examinations(config, places or Places()), tell)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(checks)).decode())
    return int(any(check.verdict == "fail" for check in checks))


def _print(check: Check) -> None:
    click.echo(f"{check.verdict:5} {check.name:11} {check.sentence}")
    if check.cure:
        click.echo(f"{'':18}{check.cure}")


def _keep_quiet(_check: Check) -> None:
    """Wait for the whole of it."""
