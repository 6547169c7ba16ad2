"""What the code offers, the pages name: settings, commands, routes, lights, marks, tools, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import msgspec
import pytest

from appliance import cli, commandline
from appliance.config import Config
from appliance.console import views
from appliance.console.api import Api
from appliance.core.lights import PATTERNS
from appliance.core.model import Turn
from appliance.emulator.faults import AnyFault
from appliance.emulator.handlers import Handlers
from appliance.tools.builtin import builtin_tools
from tests.console.stage import Stage
from tests.pages import PAGES, ROOT, first_column, headings, page, rows, spans
from tests.tools.test_builtin import Appliance as Machine


def sources(*folders: str) -> Iterator[ast.Module]:
    """The package's files, parsed."""
    for folder in folders:
        place = ROOT / folder
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            yield ast.parse(file.read_text("utf-8"))


def nodes(*folders: str) -> Iterator[ast.AST]:
    """Everything in the package's files."""
    for tree in sources(*folders):
        yield from ast.walk(tree)


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


DEFAULTS = msgspec.to_builtins(Config())
SETTINGS = list(keys(DEFAULTS))


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_is_in_the_readme(key: str) -> None:
    assert f"`{key}`" in page("README.md")


def test_every_setting_in_the_readme_exists() -> None:
    assert first_column("README.md", "key") - set(SETTINGS) == set()


def test_defaults_in_the_readme_are_the_real_ones() -> None:
    told: dict[str, str] = {}
    for names, defaults, _ in rows("README.md", "key"):
        if listed := re.findall("`(.+?)`", defaults):
            told.update(zip(re.findall("`(.+?)`", names), listed, strict=True))
    assert len(told) > 20
    assert {key: default for key, default in told.items() if not is_default(key, default)} == {}


def is_default(key: str, text: str) -> bool:
    value = DEFAULTS
    for name in key.split("."):
        value = value[name]
    told = text if isinstance(value, str) else msgspec.json.decode(text)
    return bool(told == (list(value) if isinstance(value, tuple) else value))


@pytest.mark.parametrize("name", [name for name, _ in commands(cli.main)])
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"`(voice-appliance )?{name}[ `]", page("README.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_a_page_tells_to_run_exist(path: Path) -> None:
    set_as_code = " ".join(re.findall(r"```.*?```|`[^`\n]+`", path.read_text("utf-8"), re.DOTALL))
    told = set(re.findall(r"\bvoice-appliance ([a-z][a-z-]*)", set_as_code))
    assert told - set(cli.main.commands) == set()


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


def test_exit_codes_in_the_readme_are_those_of_the_command() -> None:
    of_click = {0, 2}
    codes = {
        value for name, value in vars(commandline).items() if name.startswith("EXIT_")
    } | of_click
    assert {int(row[0]) for row in rows("README.md", "exit code")} == codes


def test_every_environment_variable_is_in_a_readme() -> None:
    names = {name for tree in sources("appliance") for name in variables_read(tree)}
    text = "".join(page(str(path.relative_to(ROOT))) for path in PAGES)
    assert {"RUNTIME_DIRECTORY", "OPENAI_API_KEY", "NO_COLOR"} <= names
    assert names - spans(text) == set()


def variables_read(tree: ast.Module) -> Iterator[str]:
    """Yield X of `environ.get(X)`, `environ[X]` and `X in environ`; a constant's name or a text."""
    texts = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=where, attr="get"), args=[name, *_]):
                pass
            case ast.Subscript(value=where, slice=name, ctx=ast.Load()):
                pass
            case ast.Compare(left=name, ops=[ast.In() | ast.NotIn()], comparators=[where]):
                pass
            case _:
                continue
        if ast.unparse(where) in {"environ", "os.environ"}:
            yield str(texts[name.id] if isinstance(name, ast.Name) else ast.literal_eval(name))


def test_routes_of_the_console_are_those_of_its_readme(tmp_path: Path) -> None:
    routes = Api(Stage(tmp_path).appliance()).routes()
    assert first_column("appliance/console/README.md", "route") == {
        f"{route.method} {route.path}" for route in routes
    }


def test_routes_of_the_emulator_are_those_of_its_readme() -> None:
    app = Handlers.__new__(Handlers).app()  # the routes need none of its parts
    routes = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method not in {"HEAD", "OPTIONS"}
    }
    told = {
        (method, re.sub(r"\?.*", "", path))
        for row in rows("appliance/emulator/README.md", "route")
        for path in re.findall(r"(/[^`]+)`", row[0])
        for method in re.findall(r"[A-Z]{3,}", row[0])
    }
    assert told == routes


def test_every_fault_and_its_keys_are_in_the_emulators_readme() -> None:
    named = spans(page("appliance/emulator/README.md"))
    for fault in get_args(AnyFault):
        assert {fault.__struct_config__.tag, *fault.__struct_fields__} - named == set()


def test_events_of_the_console_are_those_of_its_readme() -> None:
    told = {
        row[0].strip("`"): spans(row[2]) for row in rows("appliance/console/README.md", "`type`")
    }
    assert told == {
        kind.__struct_config__.tag: set(kind.__struct_fields__)
        for kind in get_args(views.EventView)
    }


def test_whole_status_and_every_turn_is_in_the_consoles_readme() -> None:
    named = spans(page("appliance/console/README.md"))
    assert first_column("appliance/console/README.md", "key") == set(views.Status.__struct_fields__)
    assert {turn.value for turn in Turn} - named == set()


def test_lights_are_those_of_the_readme() -> None:
    cells = [row[0] for row in rows("README.md", "the LED")]
    told = {cell.split('"')[1] if '"' in cell else cell for cell in cells}
    assert told == {pattern.name for pattern in PATTERNS}


def test_lights_are_those_of_the_cores_readme() -> None:
    told = {row[0] for row in rows("appliance/core/README.md", "pattern")}
    assert told == {pattern.name for pattern in PATTERNS}


def test_marks_and_their_fields_are_those_of_the_architecture_page() -> None:
    published: dict[str, set[str]] = {}
    for name, fields in marks_published():
        published.setdefault(name, set()).update(fields)
    told = {
        name: spans(row[2])
        for row in rows("appliance/README.md", "mark")
        for name in re.findall("`(.+?)`", row[0])
    }
    assert set(told) == set(published)
    untold = {name: fields - told[name] for name, fields in published.items()}
    assert {name: fields for name, fields in untold.items() if fields} == {}


def marks_published() -> Iterator[tuple[str, set[str]]]:
    """Yield name and fields of each mark: `Mark("x", …)`, `….mark("x", field=…)`, Timeline's."""
    for node in nodes("appliance/hub.py", "appliance/call", "appliance/app.py"):
        if not isinstance(node, ast.Call):
            continue
        if ast.unparse(node.func).rpartition(".")[2] in {"Mark", "mark", "_mark", "_once"}:
            fields = {keyword.arg for keyword in node.keywords if keyword.arg}
            for given in (argument for argument in node.args if isinstance(argument, ast.Dict)):
                fields |= {text for key in given.keys if key for text in texts_of(key)}
            for name in texts_of(node.args[0]):
                yield name, fields
    for node in nodes("appliance/call/marks.py"):  # more than one at once
        if isinstance(node, ast.Tuple):
            for name in (text for element in node.elts for text in texts_of(element)):
                yield name, set()


def texts_of(node: ast.expr) -> list[str]:
    """The texts that an expression can be."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=otherwise):
            return texts_of(body) + texts_of(otherwise)
        case _:
            return []


def test_visit_waits_only_for_marks_there_are() -> None:
    awaited = named_in_code(r'witness\.mark\(\s*"([a-z_]+)"', "appliance/demo")
    assert "press" in awaited
    assert awaited - first_column("appliance/README.md", "mark") == set()


def test_every_log_field_is_on_the_architecture_page() -> None:
    files = ("appliance/running.py", "appliance/supervisor.py")
    speaking = ("appliance/call", "appliance/tools", "appliance/core", *files)
    named = {
        key.value
        for node in nodes(*speaking)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and str(key.value).isupper()
    }
    assert {"CALL_NO", "PHASE", "TOOL", "PROBLEM"} <= named
    assert named - spans(page("appliance/README.md")) == set()


def test_tools_and_their_arguments_are_those_of_the_readme() -> None:
    tools = {
        f"{tool.name}({', '.join(tool.arguments.__struct_fields__)})"
        for tool in builtin_tools(Machine())
    }
    assert first_column("README.md", "tool") == tools


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^):]+)\)", path.read_text(encoding="utf-8")):
        file, _, heading = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not heading or heading in headings(target), link
