"""What all commands share: errors as sentences, and the options that choose a configuration."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click

from appliance.config import Loaded, load
from appliance.errors import ApplianceError, ConfigError, NotRunningError

F = TypeVar("F", bound=Callable[..., Any])

EXIT_FAILED = 1  # what was asked did not work; click itself uses 2 for a wrong command line
EXIT_NOT_RUNNING = 3  # no appliance answers
EXIT_CONFIG = 78  # a setting is wrong (EX_CONFIG of sysexits.h)


class Group(click.Group):
    """Prints every ApplianceError as one sentence with its cure, and exits with its code."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (ApplianceError, ExceptionGroup) as error:
            if not (told := _told(error)):
                raise
            for each in told:
                click.echo(f"voice-appliance: {each}", err=True)
            ctx.exit(_exit_code(told[0]))


def _told(error: Exception) -> list[ApplianceError]:
    """Return the errors that tasks raised together; none if one of them is a bug."""
    match error:
        case ApplianceError():
            return [error]
        case ExceptionGroup():
            parts = [_told(each) for each in error.exceptions]
            return [each for part in parts for each in part] if all(parts) else []
        case _:
            return []


def _exit_code(error: ApplianceError) -> int:
    match error:
        case ConfigError():
            return EXIT_CONFIG
        case NotRunningError():
            return EXIT_NOT_RUNNING
        case _:
            return EXIT_FAILED


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say that an optional part is not installed, in place of Python's own words."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "appliance").partition(".")[0]
        if library == "appliance":  # a bug of ours
            raise
        raise ApplianceError(
            f"The library {library} is not installed.",
            f"Run: deploy/desktop setup; or: pip install 'voice-appliance[{name}]'.",
        ) from error


Reader: TypeAlias = Callable[..., Loaded]
"""`config.load`, with what was chosen; takes `lenient`."""


def settings(command: F) -> F:
    """Add the options that choose a configuration; the command receives `loaded`."""
    return _with_options(command, lambda read: read())


def settings_to_read(command: F) -> F:
    """Add the same options; the command receives as `loaded` a Reader, and reads by itself."""
    return _with_options(command, lambda read: read)


def _with_options(command: F, give: Callable[[Reader], object]) -> F:
    def chosen(ctx: click.Context, _param: click.Parameter, overrides: tuple[str, ...]) -> object:
        return give(partial(load, ctx.params.pop("config"), overrides, ctx.params.pop("profile")))

    for option in (
        click.option(
            "--set",
            "loaded",
            multiple=True,
            metavar="SECTION.KEY=VALUE",
            callback=chosen,
            help="Override one setting; may be repeated.",
        ),
        click.option(
            "--profile",
            type=click.Choice(["pi", "desktop"]),
            default="pi",
            is_eager=True,
            show_default=True,
            help="Which drivers are the default.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            is_eager=True,
            help="Configuration file instead of /etc/voice-appliance/config.toml.",
        ),
    ):
        command = option(command)
    return command
