"""The command line: every command is a thin function over the part that does the work."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec
from typing_extensions import override

from appliance import __version__
from appliance.commandline import Group, Reader, extra, settings, settings_to_read
from appliance.config import Loaded
from appliance.later import MULTICAST_DNS, load_later

if TYPE_CHECKING:
    from appliance.control import Control

T = TypeVar("T")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Talk to the Realtime API through a button, a microphone and a speaker.

    Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no appliance runs, 78 wrong setting.
    """


@main.command()
@settings_to_read
def run(loaded: Reader) -> None:
    """Run the appliance until it is stopped."""
    from appliance.starts import counted, starts_file  # noqa: PLC0415 - the other commands need none

    with counted(starts_file()) as start:
        if (problem := start.unsafe) is not None:
            from appliance.safe import serve_safely  # noqa: PLC0415 - loads few drivers

            asyncio.run(serve_safely(loaded(lenient=True).config, problem))
        else:
            config = loaded().config
            load_later(*MULTICAST_DNS)
            from appliance.app import serve  # noqa: PLC0415 - loads the drivers

            asyncio.run(serve(config, start))


@main.command()
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep what the speaker played, the transcript and a timeline in this folder.",
)
@click.option("--interactive", is_flag=True, help="Stay, and obey the keyboard.")
@click.option("--plain", is_flag=True, help="Plain lines instead of the live view.")
def demo(record: Path | None, interactive: bool, plain: bool) -> None:
    """Play a whole visit on this computer: no key, no Pi, no network."""
    with extra("desktop,emulator"):
        from appliance.demo.play import play  # noqa: PLC0415 - loads everything

    sys.exit(asyncio.run(play(record=record, interactive=interactive, plain=plain)))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, help="Port; 0 takes a free one.")
@click.option("--lenient", is_flag=True, help="Accept the keys of the old beta interface.")
@click.option("--tls", is_flag=True, help="Speak HTTPS with a certificate made for the occasion.")
@click.option(
    "--fault", "faults", multiple=True, metavar="JSON|FILE", help="A fault plan; may be repeated."
)
def emulator(host: str, port: int, lenient: bool, tls: bool, faults: tuple[str, ...]) -> None:
    """Run a local Realtime service, for trying and testing without key and network."""
    with extra("emulator"):
        from appliance.emulator.server import Options, serve  # noqa: PLC0415 - an extra

    options = Options(host=host, port=port, strict=not lenient, tls=tls, faults=faults)
    asyncio.run(serve(options, lambda url: click.echo(f"listening on {url}")))


@main.command()
def call() -> None:
    """Start a call, and wait until it is live or failed."""
    click.echo(_ask(lambda control: control.call()).sentence)


@main.command()
def hangup() -> None:
    """End the call."""
    click.echo(_ask(lambda control: control.hang_up()).sentence)


@main.command()
def photo() -> None:
    """Take a picture and have it described."""
    click.echo(_ask(lambda control: control.photo()).sentence)


@main.command()
@click.argument("text")
def say(text: str) -> None:
    """Send TEXT to the model; starts a call if there is none."""
    click.echo(_ask(lambda control: control.say(text)).sentence)


@main.command()
def mute() -> None:
    """Mute the microphone, or unmute it."""
    click.echo("Muted." if _ask(lambda control: control.mute()).muted else "Not muted.")


VOLUME_STEP = 10  # %


class Volume(click.ParamType[int | str]):
    """A number of percent, "up" or "down"."""

    name = "volume"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        if value in {"up", "down"}:
            return str(value)
        try:
            percent = int(str(value))
        except ValueError:
            percent = -1
        if not 0 <= percent <= 100:
            self.fail(f"{value!r} is not a number from 0 to 100, up or down.", param, ctx)
        return percent


@main.command()
@click.argument("level", type=Volume(), required=False, metavar="[0-100|up|down]")
def volume(level: int | str | None) -> None:
    """Tell how loud the speaker is, or make it louder or quieter."""

    async def change(control: "Control") -> int:
        now = (await control.status()).model.volume
        if level is None:
            return now
        if isinstance(level, str):
            step = VOLUME_STEP if level == "up" else -VOLUME_STEP
            return (await control.volume(min(max(now + step, 0), 100))).volume
        return (await control.volume(level)).volume

    click.echo(f"The volume is {_ask(change)} %.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The whole snapshot as JSON.")
def status(as_json: bool) -> None:
    """Tell what the appliance does."""
    from appliance.console.views import board_sentence, sound_sentence  # noqa: PLC0415 - the core

    snapshot = _ask(lambda control: control.status())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(snapshot)).decode())
        return
    click.echo(snapshot.model.sentence)
    click.echo(
        f"Service {snapshot.service}, up {snapshot.uptime:.0f} s, "
        f"{snapshot.model.calls_made} calls made."
    )
    if sound := sound_sentence(snapshot.audio):
        click.echo(sound)
    click.echo(board_sentence(snapshot.board))
    from appliance.update.state import news, recall  # noqa: PLC0415 - for this command alone

    if told := news(recall()):
        click.echo(told)


@main.command()
@click.option("--follow", is_flag=True, help="Go on with each new line until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def transcript(follow: bool, as_json: bool) -> None:
    """Print what was said."""
    _ask(lambda control: _print_transcript(control, follow=follow, as_json=as_json))


@main.group()
def config() -> None:
    """Look at the configuration."""


@config.command("show")
@settings
def config_show(loaded: Loaded) -> None:
    """Print every setting and where it came from."""
    for line in loaded.lines():
        click.echo(line)


@config.command("check")
@settings
def config_check(loaded: Loaded) -> None:
    """Check the configuration; prints nothing but a word if it is right."""
    del loaded  # reading it was the check
    click.echo("The configuration is right.")


@main.command()
@settings
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def devices(loaded: Loaded, as_json: bool) -> None:
    """List microphones and speakers: which one is taken, why, and how to name another."""
    from appliance.devices import show  # noqa: PLC0415 - loads the drivers

    show(loaded.config.audio, as_json=as_json)


@main.command()
@settings
@click.option("--save", is_flag=True, help="Keep the gain that is right for the microphone.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def selftest(loaded: Loaded, save: bool, as_json: bool) -> None:
    """Play a rising tone, listen to it and to you, and tell how microphone and speaker do."""
    with extra("sound"):
        from appliance.soundcheck import check  # noqa: PLC0415 - loads the drivers

        sys.exit(asyncio.run(check(loaded.config, save=save, as_json=as_json)))


NICENESS = 10  # of the doctor, which is busy for some seconds, maybe beside a call


@main.command()
@settings
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a report for a helper into this file (.tar.gz), without anything private.",
)
def doctor(loaded: Loaded, as_json: bool, bundle: Path | None) -> None:
    """Check everything a call needs, with a cure for each fault."""
    from appliance.doctor.visit import visit  # noqa: PLC0415 - loads the drivers

    os.nice(NICENESS)
    sys.exit(asyncio.run(visit(loaded, as_json=as_json, bundle=bundle)))


@main.command()
@settings
@click.option("--check", is_flag=True, help="Only tell whether there is a newer version.")
@click.option("--rollback", is_flag=True, help="Go back to the version before this one.")
def update(loaded: Loaded, check: bool, rollback: bool) -> None:
    """Install the newest version, watch it, and put the old one back if it does not work."""
    from appliance.update.command import start  # noqa: PLC0415 - loads cryptography

    if check and rollback:
        raise click.UsageError("--check and --rollback exclude each other.")
    start(loaded.config.update, check=check, rollback=rollback)


async def _print_transcript(control: "Control", *, follow: bool, as_json: bool) -> None:
    """Print the transcript of a running appliance, then each finished line as it comes."""
    from appliance.console.views import LineView, line_text  # noqa: PLC0415 - loads the core

    def show(line: LineView) -> None:
        click.echo(msgspec.json.encode(line).decode() if as_json else line_text(line))

    if not follow:
        for line in await control.transcript():
            show(line)
        return
    async for line in control.follow():
        if line.final:
            show(line)


def _ask(question: Callable[["Control"], Awaitable[T]]) -> T:
    """Ask the running appliance."""
    from appliance.control import connect, find  # noqa: PLC0415 - loads aiohttp

    async def ask() -> T:
        async with connect(find()) as control:
            return await question(control)

    return asyncio.run(ask())
