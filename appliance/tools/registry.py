"""`@tool`: a typed coroutine function becomes a tool with a JSON schema and checked arguments."""

import difflib
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints, overload

import msgspec

from appliance.errors import ConfigError, ToolError
from appliance.realtime.session import ToolSpec

ToolFunction: TypeAlias = Callable[..., Awaitable[object]]

# What the Realtime API accepts as the name of a function (OpenAI API reference, function tools).
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call. `timeout`: seconds it may take; None means the setting's."""

    spec: ToolSpec
    function: ToolFunction
    arguments: type[msgspec.Struct]
    timeout: float | None = None

    @property
    def name(self) -> str:
        """The name the model calls it by."""
        return self.spec.name

    async def call(self, arguments: str) -> object:
        """Check the model's arguments (JSON text) and run the function.

        Raises ToolError, naming the argument, if they do not fit; and whatever the function raises.
        """
        checked = self.check(arguments)
        return await self.function(
            **{name: getattr(checked, name) for name in self.arguments.__struct_fields__}
        )

    def check(self, arguments: str) -> msgspec.Struct:
        """Return the model's arguments as this tool's struct. Raises ToolError as `call` does."""
        text = arguments if arguments.strip() else "{}"  # how models call what takes no arguments
        try:
            return msgspec.json.decode(text, type=self.arguments)
        except msgspec.ValidationError as error:
            known = ", ".join(self.arguments.__struct_fields__) or "none"
            raise ToolError(f"{_readable(error)}.", f"The arguments are: {known}.") from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ToolError("The arguments are not a JSON object.") from error


@overload
def tool(function: ToolFunction, /) -> Tool: ...


@overload
def tool(*, timeout: float) -> Callable[[ToolFunction], Tool]: ...


def tool(
    function: ToolFunction | None = None, /, *, timeout: float | None = None
) -> Tool | Callable[[ToolFunction], Tool]:
    """Make a tool of a coroutine function.

    Its name, annotations and docstring (summary and `Args:`) are what the model is told; limits
    come from `Annotated[int, msgspec.Meta(ge=0)]` and are enforced. What it returns must be JSON.

    Raises TypeError if something the model needs is missing: a bug, found at the start.
    """
    if function is None:
        return lambda function: _make(function, timeout)
    return _make(function, timeout)


class Registry:
    """The tools of this appliance, by name."""

    def __init__(self, tools: Iterable[Tool], disabled: Sequence[str] = ()) -> None:
        """Keep `tools` except the disabled ones.

        Raises ConfigError if two share a name or a disabled one does not exist.
        """
        self._tools: dict[str, Tool] = {}
        for candidate in tools:
            if candidate.name in self._tools:
                raise ConfigError(
                    f"Two tools are called {candidate.name}.", "Give one of them another name."
                )
            self._tools[candidate.name] = candidate
        for name in disabled:
            if self._tools.pop(name, None) is None:
                raise ConfigError(
                    f"tools.disabled names {name}, but there is no such tool.", self._hint(name)
                )

    def get(self, name: str) -> Tool:
        """Return a tool. Raises ToolError if there is none of that name."""
        try:
            return self._tools[name]
        except KeyError:
            raise ToolError(f"There is no tool {name[:64]}.", self._hint(name)) from None

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the model is told about the tools, in the order they were given."""
        return tuple(entry.spec for entry in self._tools.values())

    def _hint(self, name: str) -> str:
        if near := difflib.get_close_matches(name, self._tools, n=1):
            return f"Did you mean {near[0]}?"
        return f"There are: {', '.join(self._tools) or 'none'}."


def _make(function: ToolFunction, timeout: float | None) -> Tool:
    name = getattr(function, "__name__", "")
    if not inspect.iscoroutinefunction(function) or not _NAME.fullmatch(name):
        raise TypeError(f"{function!r} is no coroutine function with a name the service accepts")
    description, notes = _parse_docstring(inspect.getdoc(function) or "")
    if not description:
        raise TypeError(f"{name} has no docstring to tell the model what it does")
    struct = msgspec.defstruct(
        name, _fields(function, notes), forbid_unknown_fields=True, kw_only=True, frozen=True
    )
    spec = ToolSpec(name, description, _schema(struct))
    return Tool(spec, function, struct, timeout)


def _fields(
    function: ToolFunction, notes: dict[str, str]
) -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    hints = get_type_hints(function, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for parameter in inspect.signature(function).parameters.values():
        name = parameter.name
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise TypeError(f"{name} of {function!r} cannot be described to the model")
        hint = hints.get(name)
        if hint is None:
            raise TypeError(f"the argument {name} of {function!r} has no type")
        if name in notes:
            hint = Annotated[hint, msgspec.Meta(description=notes[name])]
        elif not _is_described(hint):
            raise TypeError(f"the argument {name} of {function!r} has no description")
        required = parameter.default is parameter.empty
        fields.append((name, hint) if required else (name, hint, parameter.default))
    return fields


def _is_described(hint: object) -> bool:
    return get_origin(hint) is Annotated and any(
        isinstance(extra, msgspec.Meta) and extra.description for extra in get_args(hint)[1:]
    )


def _schema(struct: type[msgspec.Struct]) -> bytes:
    """Return the JSON schema of the arguments, the outermost object written out."""
    _, components = msgspec.json.schema_components((struct,), ref_template="#/$defs/{name}")
    schema = components.pop(struct.__name__)
    schema.pop("title", None)  # the name is told beside it
    schema.setdefault("required", [])
    if components:
        schema["$defs"] = components
    return msgspec.json.encode(schema)


def _parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the text before `Args:` as one paragraph, and the note on each argument."""
    before, _, rest = text.partition("\nArgs:\n")
    notes: dict[str, str] = {}
    for line in rest.splitlines():
        name, colon, note = line.strip().partition(":")
        if colon and line.startswith("    ") and not line.startswith("     "):
            notes[name] = note.strip()
        elif line.startswith("     ") and notes:
            notes[next(reversed(notes))] += f" {line.strip()}"
        elif line.strip():
            break  # the next section
    return " ".join(before.split()), notes


def _readable(error: msgspec.ValidationError) -> str:
    """Return msgspec's message with the argument's name in front: `count: Expected ...`."""
    message, _, path = str(error).partition(" - at `$.")
    path = path.rstrip("`")
    return f"{path}: {message}" if path else message
