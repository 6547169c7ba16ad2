"""What the code offers, the pages name: settings, commands, routes, lights, marks, tools, links."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from appliance import cli
from appliance.config import Config
from appliance.core.lights import PATTERNS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page
    for page in ROOT.rglob("README.md")
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)


def page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def keys(tree: object, prefix: str = "") -> Iterator[str]:
    if not isinstance(tree, dict):
        yield prefix.rstrip(".")
        return
    for name, value in tree.items():
        yield from keys(value, f"{prefix}{name}.")


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def named_in_code(pattern: str, *folders: str) -> set[str]:
    """Every string literal that `pattern` captures in the package's files."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {found for file in files for found in re.findall(pattern, file.read_text("utf-8"))}


@pytest.mark.parametrize("key", list(keys(msgspec.to_builtins(Config()))))
def test_every_setting_is_in_the_readme(key: str) -> None:
    assert f"`{key}`" in page("README.md")


@pytest.mark.parametrize("name", [name for name, _ in commands(cli.main)])
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"`(voice-appliance )?{name}[ `]", page("README.md"))


def test_every_option_is_in_a_readme() -> None:
    text = page("README.md") + page("appliance/emulator/README.md")
    options = {
        option
        for _, command in commands(cli.main)
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert {option for option in options if option not in text} == set()


def test_every_exit_code_is_in_the_readme() -> None:
    codes = [getattr(cli, name) for name in dir(cli) if name.startswith("EXIT_")]
    assert len(codes) >= 3
    assert [code for code in codes if f"| {code} |" not in page("README.md")] == []


def test_every_environment_variable_is_in_a_readme() -> None:
    names = named_in_code(r'environ(?:\.get\(|\[)"([A-Z_]+)"', "appliance")
    text = "".join(page(str(path.relative_to(ROOT))) for path in PAGES)
    assert {"RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"} <= names
    assert {name for name in names if name not in text} == set()


@pytest.mark.parametrize(
    ("module", "readme"),
    [("console", "appliance/console/README.md"), ("emulator", "appliance/emulator/README.md")],
)
def test_every_route_is_in_the_readme_of_its_folder(module: str, readme: str) -> None:
    pattern = r'web\.(?:get|post|delete|put)\(\s*"([^"]+)"'
    routes = named_in_code(pattern, f"appliance/{module}")
    assert routes
    assert {route for route in routes if route not in page(readme)} == set()


@pytest.mark.parametrize("name", sorted({pattern.name for pattern in PATTERNS}))
def test_every_light_is_in_the_readme(name: str) -> None:
    assert f'"{name}"' in page("README.md") or f"| {name} |" in page("README.md")


def test_every_mark_is_on_the_architecture_page() -> None:
    names = named_in_code(r'(?:\bMark|\.mark)\(\s*"([a-z_]+)"', "appliance")
    names |= named_in_code(r'_once\("([a-z_]+)"', "appliance/call") | {"barge_in"}
    assert {"press", "call_up", "speech_started", "tool_done"} <= names
    assert {name for name in names if f"`{name}`" not in page("appliance/README.md")} == set()


def test_every_log_field_is_on_the_architecture_page() -> None:
    named = named_in_code(r'"([A-Z][A-Z_]{3,})":', "appliance/call", "appliance/tools")
    named |= named_in_code(r'"([A-Z][A-Z_]{3,})":', "appliance/core")
    assert "CALL_NO" in named
    assert {name for name in named if f"`{name}`" not in page("appliance/README.md")} == set()


def test_every_tool_is_in_the_readme() -> None:
    tools = named_in_code(r"@tool[^\n]*\n\s*async def (\w+)\(", "appliance/tools")
    assert "echo_upper" in tools
    assert {tool for tool in tools if f"`{tool}(" not in page("README.md")} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
