"""Chooses among a session's tools, fills in arguments, reads outputs - pure."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from appliance.emulator.reply import ToolUse
from appliance.emulator.rules import Wish, in_words, normalized
from appliance.emulator.wire import Json

# Words of tool names that say nothing about what the tool is for.
_EMPTY: Final = frozenset(
    {"get", "set", "do", "run", "the", "a", "fetch", "make", "current", "tool", "call", "my", "of"}
)
_OFF: Final = re.compile(r"\b(?:off|no|not|disable|close|false)\b")
_ABOUT: Final = re.compile(
    r"\b(?:in|for|of|to|about|at|on|with)\s+(?:the\s+)?(.+?)[.?!]*$", re.IGNORECASE
)
_MOST_FACTS: Final = 6
# The keys under which tools usually put what matters.
_RESULT_KEYS: Final = (
    "result", "sum", "total", "answer", "value", "text", "output", "message", "summary",
)  # fmt: skip


def functions(tools: Iterable[Json], choice: str | Json) -> list[Json]:
    """The function tools that may be called."""
    if choice == "none":
        return []
    named = choice.get("name") if isinstance(choice, dict) else None
    usable = (tool for tool in tools if tool.get("type") == "function")
    return [tool for tool in usable if named in {None, tool["name"]}]


def named(tools: Sequence[Json], *names: str) -> Json | None:
    """The tool of one of these names."""
    return next((tool for name in names for tool in tools if tool["name"] == name), None)


def about(tools: Sequence[Json], text: str) -> Json | None:
    """A tool whose whole name, but for empty words, occurs in the text: get_weather, lamp_set."""
    heard = set(normalized(text).split())
    for tool in tools:
        words = [w for w in re.findall(r"[a-z]+", _spaced(tool["name"])) if w not in _EMPTY]
        if words and all(_occurs(word, heard) for word in words):
            return tool
    return None


def use(tool: Json, wish: Wish | None, text: str) -> ToolUse:
    """A call of this tool; arguments come out of wish and words, as its schema wants them."""
    schema = tool.get("parameters") or {}
    fields: Json = schema.get("properties", {})
    required = set(schema.get("required", ()))
    numbers = (
        list(wish.numbers) if wish else [int(n) for n in re.findall(r"\b\d+\b", normalized(text))]
    )
    words = wish.text if wish and wish.text else _subject(text)
    arguments: Json = {}
    for name, field in fields.items():
        if name not in required and not (numbers and _kind(field) in {"integer", "number"}):
            continue
        arguments[name] = _argument(field, numbers, words, text)
    return ToolUse(tool["name"], json.dumps(arguments, ensure_ascii=False))


def outcome(output: str) -> tuple[Any, str | None]:
    """What a tool put out, and the error it reports, if any."""
    try:
        value = json.loads(output)
    except ValueError:
        return output, None
    if isinstance(value, dict):
        error = value.get("error")
        if error is not None:
            return value, _text(error.get("message", error) if isinstance(error, dict) else error)
        keys = [key for key in _RESULT_KEYS if key in value]
        if len(value) == 1 or (keys and not isinstance(value[keys[0]], dict | list)):
            return value[keys[0] if keys else next(iter(value))], None
    return value, None


def spoken(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value as a person would read it out."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return in_words(value)
        case dict():
            pairs = (f"{_spaced(str(key))}: {spoken(inner)}" for key, inner in value.items())
            return ", ".join(pairs) or "nothing"
        case list():
            return ", ".join(spoken(inner) for inner in value) or "nothing"
        case None:
            return "nothing"
        case _:
            return _text(value)


def summary(value: object) -> str:
    """The first few plain facts of an output."""
    if not isinstance(value, dict):
        return spoken(value).rstrip(".")
    plain = {key: inner for key, inner in value.items() if not isinstance(inner, dict | list)}
    facts = dict(list(plain.items())[:_MOST_FACTS]) or dict(list(value.items())[:1])
    return spoken(facts).rstrip(".")


def title(name: str) -> str:
    """A tool's name as words."""
    return _spaced(name)


def _argument(field: Json, numbers: list[int], words: str, text: str) -> object:
    if field.get("enum"):
        options = field["enum"]
        return next((o for o in options if str(o).lower() in text.lower()), options[0])
    match _kind(field):
        case "integer" | "number":
            return numbers.pop(0) if numbers else field.get("minimum", 0)
        case "boolean":
            return not _OFF.search(text.lower())
        case "array":
            return []
        case "object":
            return {}
        case _:
            return words


def _kind(field: Json) -> str:
    kind = field.get("type")
    if kind is None:
        kind = next((o.get("type") for o in field.get("anyOf", ()) if o.get("type") != "null"), "")
    return str(kind[0] if isinstance(kind, list) else kind)


def _subject(text: str) -> str:
    match = _ABOUT.search(text)
    return (match.group(1) if match else text).strip(" .?!")


def _occurs(word: str, heard: set[str]) -> bool:
    return any(other == word or other.rstrip("s") == word.rstrip("s") for other in heard)


def _spaced(name: str) -> str:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[_-]+", " ", apart).lower().strip()


def _text(value: object) -> str:
    return " ".join(str(value).split())
