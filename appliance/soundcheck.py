"""The command `selftest`: has the running appliance test its sound, or does it here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing, suppress

import click
import msgspec

from appliance.config import HIGHEST_GAIN, LOWEST_GAIN, Config, state_directory
from appliance.console.views import EventView, MarkView
from appliance.control import Control, connect, find
from appliance.drivers import make_audio, make_panel
from appliance.errors import ApplianceError, ConfigError, DeviceError, NotRunningError
from appliance.findings import Report
from appliance.hardware.nothing import NoPanel
from appliance.kept import keep, recall
from appliance.lamp import Lamp
from appliance.ports import Panel
from appliance.tester import SelfTester

INTRODUCTION = "This takes 13 seconds: three tones, then a rising one. Please be quiet meanwhile."
PARTS = {
    "quiet": "1 of 3: listening to the room.",
    "sweep": "2 of 3: playing the rising tone.",
    "voice": "3 of 3: now say a sentence or two, from where you usually are.",
}


async def check(config: Config, *, save: bool, as_json: bool) -> int:
    """Do the test and print what it found; return the exit code: 1 if something is wrong.

    `save`: keep the gain that is right for the microphone. Raises an ApplianceError if a call is
    on, or the sound card cannot be opened.
    """
    click.echo(INTRODUCTION, err=True)
    try:
        async with connect(find()) as control:
            report = await _asked(control, save=save)
    except NotRunningError:
        report = await _here(config, save=save)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        click.echo("\n".join(lines(report)))
    if save and report.gain_db is None:
        click.echo("No voice was heard, so no gain is kept.", err=True)
        return 1
    return int(bool(report.problems))


def lines(report: Report) -> list[str]:
    """Return a report as a person reads it."""
    echo = "not heard"
    if report.return_loss_db is not None and report.delay is not None:
        echo = (
            f"{report.echo_dbfs} dBFS, {report.return_loss_db} dB weaker than it was played, "
            f"after {report.delay * 1000:.0f} ms"
        )
    voice = "not heard"
    if report.gain_db is not None:
        voice = f"{report.voice_dbfs} dBFS; a gain of {report.gain_db} dB is right, "
        voice += f"{report.gain_now_db} is set"
    return [
        f"noise        {report.noise_dbfs} dBFS",
        f"speaker      {echo}",
        f"voice        {voice}",
        f"overloaded   {report.clipped:.2%} of the time",
        f"sound lost   {report.xruns} times",
        report.verdict,
    ]


async def _asked(control: Control, *, save: bool) -> Report:
    """Have the appliance do it, and tell how far it is. Raises ApplianceError."""
    async with aclosing(control.events()) as events:
        await anext(events)  # the model as it is: nothing is missed from now on
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(_tell_parts(events))
            try:
                outcome: Report | ApplianceError = await control.selftest(save=save)
            except ApplianceError as error:  # as itself, and not in a group
                outcome = error
            telling.cancel()
    if isinstance(outcome, ApplianceError):
        raise outcome
    return outcome


async def _tell_parts(events: AsyncIterator[EventView]) -> None:
    with suppress(ApplianceError):  # the request that runs beside this one says it
        async for event in events:
            if isinstance(event, MarkView) and event.name == "selftest":
                _tell_part(str(event.fields.get("part")))


def _tell_part(part: str) -> None:
    click.echo(PARTS.get(part, part), err=True)


async def _here(config: Config, *, save: bool) -> Report:
    """Test in this process, with the light on where there is one. Raises ApplianceError."""
    if config.audio.driver == "file":
        raise ConfigError("audio.driver is file: there is no sound card to test.")
    audio, folder = config.audio, state_directory()
    kept = folder / "gain.json"
    with ExitStack() as stack:
        lamp = Lamp(_panel(config, stack).show)
        volume = await asyncio.to_thread(recall, folder / "volume.json", audio.volume, 0, 100)
        gain = await asyncio.to_thread(recall, kept, audio.input_gain, LOWEST_GAIN, HIGHEST_GAIN)
        report = await SelfTester(make_audio(audio, lamp)).run(volume, gain, _tell_part)
    if save and report.gain_db is not None:
        await asyncio.to_thread(keep, kept, audio.input_gain, report.gain_db)
    return report


def _panel(config: Config, stack: ExitStack) -> Panel:
    """Return the panel if it has an LED that shows that the microphone is open."""
    if config.panel.driver == "gpio":
        try:
            panel = make_panel(config.panel)
            stack.enter_context(panel)
        except DeviceError as error:
            click.echo(f"No LED shows that the microphone is open: {error}", err=True)
        else:
            return panel
    return NoPanel()
