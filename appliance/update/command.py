"""The command `voice-appliance update`: one run of the updater, for a person or the timer."""

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import click

from appliance.config import UpdateConfig
from appliance.errors import PostponedError, UpdateError
from appliance.update.disk import Folder
from appliance.update.fetch import FolderChannel, HttpChannel
from appliance.update.index import read_keys
from appliance.update.ports import Channel
from appliance.update.state import FOLDER, State
from appliance.update.system import Dpkg, Hwmon, Systemd
from appliance.update.updater import Updater

OFF = "Updates are off: update.index_url is empty."


async def run(config: UpdateConfig, *, check: bool, rollback: bool) -> None:
    """Look for an update, install it, or go back. Raises UpdateError with what went wrong.

    An update that a power cut interrupted is ended first, whatever was asked.
    """
    if check:
        await _check(config)
        return
    if os.geteuid() != 0:
        raise UpdateError("That takes the administrator's rights.", "Use sudo.")
    FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _only_one(FOLDER / "lock"):
        updater = _updater()
        if updater.state.trial is not None:
            click.echo("Going on with what was begun.")
            state = await updater.finish()
        elif rollback:
            state = await updater.rollback()
        elif not config.index_url:
            click.echo(OFF)
            return
        else:
            async with _channel(config.index_url) as channel:
                state = await updater.update(channel, read_keys())
    _tell(state)


def _tell(state: State) -> None:
    if state.failed:
        raise UpdateError(state.outcome, "It is not tried again; a newer version is.")
    click.echo(state.outcome)


async def _check(config: UpdateConfig) -> None:
    if not config.index_url:
        click.echo(OFF)
        return
    updater = _updater()
    async with _channel(config.index_url) as channel:
        release, refusal = await updater.check(channel, read_keys())
    if release is not None:
        size = release.size / 1e6
        click.echo(f"{release.version} is there ({size:.1f} MB): sudo voice-appliance update")
    else:
        click.echo(refusal or "There is nothing newer for this machine.")
    if updater.state.outcome:
        click.echo(f"Last: {updater.state.outcome}")


def _updater() -> Updater:
    return Updater(
        Folder(FOLDER), Dpkg(FOLDER), Systemd(), Hwmon(), tell=click.echo, commit=_hold_on
    )


def _hold_on() -> None:
    """Let no signal of a terminal or of systemd end this process: a version is between two states.

    A handler, not SIG_IGN, which the commands would inherit.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: click.echo("Not now: a version is being installed."))


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PostponedError(
                "Another update is under way.", "Follow it: journalctl -fu voice-appliance-update"
            ) from error
        yield


@asynccontextmanager
async def _channel(url: str) -> AsyncIterator[Channel]:
    if url.startswith("file:"):
        yield FolderChannel(url)
        return
    async with aiohttp.ClientSession(
        trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
        headers={"Accept-Encoding": "identity"},  # what is hashed is what is sent
    ) as http:  # fmt: skip
        yield HttpChannel(url, http)


def start(config: UpdateConfig, *, check: bool, rollback: bool) -> None:
    """Do it, on a loop of its own."""
    asyncio.run(run(config, check=check, rollback=rollback))
