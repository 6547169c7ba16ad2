"""The command line: exit codes, sentences with a cure, and what it loads."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from appliance.cli import main
from appliance.commandline import EXIT_CONFIG, Group
from appliance.console.views import LineView, Status, sound_sentence
from appliance.core.model import Photo, Text
from appliance.errors import ConfigError, DeviceError, QuotaError
from appliance.realtime.conversation import Entry
from tests.commands import command, environment, run
from tests.console.stage import CARD, stage


def invoke(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environ, catch_exceptions=False)


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    for name, found in group.commands.items():
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from commands(found, *path, name)


COMMANDS = [pytest.param(*each, id=" ".join(each[0])) for each in commands(main)]


@pytest.mark.parametrize(("path", "found"), COMMANDS)
def test_every_command_explains_itself_and_its_options(
    path: tuple[str, ...], found: click.Command
) -> None:
    told = invoke(*path, "--help")

    assert told.exit_code == 0
    assert found.help
    for option in (each for each in found.params if isinstance(each, click.Option)):
        assert option.help, f"{option.name} has no help"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("say",),
        ("status", "--yaml"),
        ("config", "show", "--profile", "mars"),
        ("emulator", "--port", "http"),
    ],
)
def test_wrong_command_line_exits_2(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


# Settings


def test_settings_are_shown_with_their_origin(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[session]\nvoice = "cedar"\n')

    told = invoke(
        "config", "show", "--config", str(file), "--profile", "desktop", "--set", "log.level=debug"
    )

    lines = told.stdout.splitlines()
    assert f'session.voice = "cedar"  # {file}' in lines
    assert 'panel.driver = "keyboard"  # profile desktop' in lines
    assert 'log.level = "debug"  # --set log.level=debug' in lines
    assert 'service.model = "gpt-realtime-2.1"  # default' in lines


def test_right_settings_are_right(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("")

    told = invoke("config", "check", "--config", str(file))

    assert (told.exit_code, told.stdout) == (0, "The configuration is right.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "audio.driver=alsa"), "audio.driver"),
        (("--set", "audio.drivr=file"), "Did you mean audio.driver"),
        (("--set", "audio"), "section.key=value"),
        (("--config", "/no/such/file.toml"), "Check --config."),
    ],
)
@pytest.mark.parametrize("name", ["config check", "config show", "run", "doctor"])
def test_wrong_setting_is_one_sentence_with_a_cure_and_exits_78(
    name: str, arguments: tuple[str, ...], words: str
) -> None:
    told = invoke(*name.split(), *arguments)

    assert told.exit_code == EXIT_CONFIG
    assert told.stdout == ""
    assert told.stderr.startswith("voice-appliance: ")
    assert words in told.stderr
    assert told.stderr.count("\n") == 1


# Errors


def failing(error: Exception) -> Result:
    """What the command line makes of an error."""

    @click.group(cls=Group)
    def group() -> None:
        pass

    @group.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(group, ["fail"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeviceError("The camera is gone.", "Check its cable."), 1),
        (QuotaError("The account is empty.", "Add credit."), 1),
        (ConfigError("A setting is wrong.", "Mend it."), 78),
    ],
)
def test_error_is_told_with_its_cure_and_has_its_code(error: Exception, code: int) -> None:
    told = failing(error)

    assert (told.exit_code, told.stderr) == (code, f"voice-appliance: {error}\n")


def test_errors_of_several_tasks_are_told_one_by_one() -> None:
    inner = ExceptionGroup("two", [DeviceError("No camera."), DeviceError("No microphone.")])

    told = failing(ExceptionGroup("outer", [inner]))

    assert told.exit_code == 1
    assert told.stderr == "voice-appliance: No camera.\nvoice-appliance: No microphone.\n"


@pytest.mark.parametrize("bug", [KeyError("bug"), ExceptionGroup("", [KeyError("bug")])])
def test_bug_is_not_hidden(bug: Exception) -> None:
    assert failing(bug).exception is bug


@pytest.mark.parametrize(
    ("name", "library"), [("emulator", "numpy"), ("demo", "rich"), ("emulator", "cryptography")]
)
def test_missing_extra_is_told_with_its_cure(name: str, library: str, tmp_path: Path) -> None:
    told = python(f"sys.modules[{library!r}] = None; main([{name!r}])", tmp_path)

    assert told.returncode == 1
    assert told.stderr.startswith(f"voice-appliance: The library {library} is not installed.")
    assert "deploy/desktop setup" in told.stderr


# A running appliance


@pytest.mark.parametrize("name", ["call", "hangup", "photo", "say hello", "status", "transcript"])
def test_no_appliance_is_told_with_a_cure_and_exits_3(name: str, tmp_path: Path) -> None:
    told = invoke(*name.split(), RUNTIME_DIRECTORY=str(tmp_path))

    assert told.exit_code == 3
    assert "voice-appliance run" in told.stderr
    assert told.stderr.count("\n") == 1


async def test_call_say_photo_and_hang_up_do_what_they_say(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        told = [
            await run(*words, runtime=tmp_path)
            for words in (["call"], ["say", "good morning"], ["photo"], ["hangup"])
        ]
        sent = scene.sent

    assert [each.code for each in told] == [0, 0, 0, 0], told
    assert [each.out for each in told] == [
        "In a call, listening.\n",
        "In a call, listening.\n",
        "In a call, listening.\n",
        "Ready: press the call button.\n",
    ]
    assert sent == [Text("good morning"), Photo("photo-0001")]


async def test_volume_is_told_and_changed_in_numbers_and_in_steps(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        told = [
            await run("volume", *words, runtime=tmp_path)
            for words in ([], ["35"], ["up"], ["down"], ["0"], ["down"])
        ]
        volume = scene.supervisor.model.volume

    assert [each.out for each in told] == [
        f"The volume is {percent} %.\n" for percent in (100, 35, 45, 35, 0, 0)
    ]
    assert volume == 0


@pytest.mark.parametrize("level", ["101", "-1", "loud", "3.5"])
async def test_volume_that_is_none_is_refused_with_what_is_one(tmp_path: Path, level: str) -> None:
    told = await run("volume", "--", level, runtime=tmp_path)
    assert told.code == 2
    assert "is not a number from 0 to 100, up or down" in told.err


async def test_mute_says_what_it_did(tmp_path: Path) -> None:
    async with stage(tmp_path):
        told = [await run("mute", runtime=tmp_path) for _ in range(2)]
    assert [each.out for each in told] == ["Muted.\n", "Not muted.\n"]


async def test_failed_call_says_why_and_what_to_do(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        scene.error = QuotaError("The account is empty.", "Add credit.")
        told = await run("call", runtime=tmp_path)

    assert (told.code, told.out) == (1, "")
    assert told.err == "voice-appliance: The account is empty. Add credit.\n"


async def test_status_is_a_sentence_or_json(tmp_path: Path) -> None:
    async with stage(tmp_path):
        sentence = await run("status", runtime=tmp_path)
        snapshot = await run("status", "--json", runtime=tmp_path)

    assert sentence.out.startswith("Ready: press the call button.\nService http://127.0.0.1:1/v1")
    assert "Sound:" not in sentence.out
    assert set(json.loads(snapshot.out)) == set(Status.__struct_fields__)


async def test_status_tells_how_the_sound_of_a_call_is(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        scene.audio = {**CARD, "echo": "half-duplex", "half_duplex": "It hears itself. Move it."}
        told = await run("status", runtime=tmp_path)

    assert f"\n{sound_sentence(scene.audio)}\n" in told.out


async def test_transcript_is_printed_for_people_and_for_programs(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        scene.entries.append(Entry("item_1", 0, "user", "hello", final=True))
        scene.entries.append(Entry("item_2", 1, "assistant", "Hi th", interrupted=True))
        people = await run("transcript", runtime=tmp_path)
        programs = await run("transcript", "--json", runtime=tmp_path)

    assert people.out == "you: hello\nappliance: Hi th (interrupted)\n"
    assert [json.loads(line)["item_id"] for line in programs.out.splitlines()] == [
        "item_1",
        "item_2",
    ]


async def test_followed_transcript_grows_until_the_appliance_ends(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        scene.entries.append(Entry("item_1", 0, "user", "hello", final=True))
        async with command("transcript", "--follow", "--json", runtime=tmp_path) as process:
            assert process.stdout is not None
            assert line_of(await process.stdout.readline()) == ("item_1", "hello")
            scene.hub.publish(Entry("item_2", 1, "assistant", "Hi", final=False))
            scene.hub.publish(Entry("item_2", 1, "assistant", "Hi there.", final=True))
            assert line_of(await process.stdout.readline()) == ("item_2", "Hi there.")
            scene.hub.close()
            out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"", b"")


async def test_followed_transcript_says_when_the_appliance_dies(tmp_path: Path) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(die, tmp_path / "control.sock"):
        told = await run("transcript", "--follow", runtime=tmp_path)

    assert told.code == 3
    assert told.err.startswith("voice-appliance: The appliance ended meanwhile.")


async def test_devices_are_listed_even_if_there_are_none(tmp_path: Path) -> None:
    told = await run("devices", "--json", runtime=tmp_path)

    assert (told.code, told.err) == (0, "")
    assert isinstance(json.loads(told.out), list)


# What it loads: seconds on a small computer

MEDIA = {"aiortc", "av", "numpy", "pyaudio", "gpiozero", "cryptography"}


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (["--help"], {"aiohttp", "rich"}),
        (["config", "check"], {"aiohttp", "rich"}),
        (["status"], {"aiohttp.web", "websockets", "rich"}),
        (["transcript"], {"aiohttp.web", "websockets", "rich"}),
    ],
)
def test_small_commands_load_no_media(
    arguments: list[str], never: set[str], tmp_path: Path
) -> None:
    program = f"try: main({arguments!r})\nfinally: print('LOADED', *sys.modules)"
    told = python(program, tmp_path)

    loaded = set(told.stdout.rpartition("LOADED ")[2].split())
    assert "appliance.cli" in loaded
    assert (
        loaded & (never | {"aiortc", "av", "numpy", "pyaudio", "gpiozero", "cryptography"}) == set()
    )


def python(program: str, runtime: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that has `main` and `sys`."""
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, "-c", f"import sys\nfrom appliance.cli import main\n{program}"],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )


def line_of(data: bytes) -> tuple[str, str]:
    line = LineView(**{k: v for k, v in json.loads(data).items() if k != "type"})
    return line.item_id, line.text
