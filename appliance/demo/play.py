"""Plays the visit, or hands the appliance over to the keyboard, and reports."""

import os
from contextlib import ExitStack
from pathlib import Path

from appliance.demo.following import following
from appliance.demo.hands_on import hands_on
from appliance.demo.keepsakes import keep
from appliance.demo.stage import set_stage
from appliance.demo.visit import Visit, perform
from appliance.errors import ConfigError
from appliance.log import configure
from appliance.terminal import Step, open_view, report

LOG_FILE = "appliance.log"


async def play(*, record: Path | None, interactive: bool, plain: bool) -> int:
    """Return the exit code: 0 only if every step of the visit really happened.

    `record`: the folder for `speaker.wav`, `transcript.txt`, `timeline.jsonl` and the log.
    Raises ApplianceError if the stage cannot be set.
    """
    if record is not None:
        _make_folder(record)
    with ExitStack() as stack:
        _log_to(stack, record)
        play_it = hands_on if interactive else _visit
        return await play_it(record, plain=plain)


async def _visit(record: Path | None, *, plain: bool) -> int:
    print("Setting the stage: sound card, service, appliance …", flush=True)  # noqa: T201
    async with (
        set_stage(record) as stage,
        open_view(plain=plain) as shown,
        following(stage.assembly, shown) as witness,
    ):
        steps = await perform(Visit(stage, witness), shown)
    report(steps)
    if record is not None:
        keep(record, witness)
        print(f"Kept in {record}: speaker.wav, transcript.txt, timeline.jsonl")  # noqa: T201
    return 0 if _complete(steps) else 1


def _complete(steps: list[Step]) -> bool:
    return bool(steps) and all(step.ok for step in steps)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} cannot be made ({error.strerror}).", "Choose another."
        ) from error


def _log_to(stack: ExitStack, folder: Path | None) -> None:
    """Keep the log off the screen: in the recording, or nowhere."""
    path = Path(os.devnull) if folder is None else folder / LOG_FILE
    configure("info", environ={}, stream=stack.enter_context(path.open("w", encoding="utf-8")))
