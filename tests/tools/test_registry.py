"""`@tool`: what the model is told, and how its arguments are checked."""

import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from appliance.errors import ConfigError, ToolError
from appliance.tools.registry import Registry, Tool, tool

Level = Annotated[int, Meta(ge=0, le=100)]


class Place(msgspec.Struct, forbid_unknown_fields=True):
    room: str


@tool
async def set_lamp(
    level: Level,
    colour: Literal["white", "red"] = "white",
    place: Annotated[Place | None, Meta(description="Where it stands.")] = None,
) -> object:
    """Switch the lamp.

    It fades
    over a second.

    Args:
        level: How bright,
            in percent.
        colour: Its colour.

    Returns:
        What the model never sees.
    """
    return [level, colour, place.room if place else None]


def test_signature_and_docstring_become_a_json_schema() -> None:
    schema = json.loads(set_lamp.spec.parameters)

    assert set_lamp.spec.name == "set_lamp"
    assert set_lamp.spec.description == "Switch the lamp. It fades over a second."
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["level"]
    assert schema["properties"]["level"] == {
        "description": "How bright, in percent.",
        "type": "integer",
        "minimum": 0,
        "maximum": 100,
    }
    assert schema["properties"]["colour"]["enum"] == ["red", "white"]
    assert schema["properties"]["place"]["description"] == "Where it stands."
    assert "Place" in schema["$defs"]


def test_tool_without_arguments_has_a_complete_schema() -> None:
    @tool
    async def ping() -> object:
        """Do nothing."""
        return None

    assert json.loads(ping.spec.parameters) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


async def test_arguments_reach_the_function() -> None:
    call = '{"level": 40, "colour": "red", "place": {"room": "hall"}}'

    assert await set_lamp.call(call) == [40, "red", "hall"]
    assert await set_lamp.call('\n {"level" : 1} \n') == [1, "white", None]


async def test_no_arguments_at_all_means_the_defaults() -> None:
    @tool
    async def greet(name: Annotated[str, Meta(description="Whom.")] = "you") -> object:
        """Greet."""
        return name

    assert [await greet.call(text) for text in ("", "  ", "{}")] == ["you"] * 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"level": "high"}', "level"),
        ('{"level": 101}', "level"),
        ('{"level": 1, "colour": "blue"}', "colour"),
        ('{"level": 1, "place": {"room": 3}}', "place.room"),
        ("{}", "level"),
        ('{"level": 1, "volume": 2}', "volume"),
        ("[1]", "object"),
        ("null", "object"),
        ('{"level": 1', "not a JSON object"),
        ('{"level": NaN}', "not a JSON object"),
        ('{"level": "\ud800"}', "not a JSON object"),
        ('{"level": ' + "[" * 100_000, "level"),
    ],
    ids=range(12),
)
async def test_bad_arguments_are_named(arguments: str, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        await set_lamp.call(arguments)


@given(st.text())
def test_any_text_as_arguments_is_checked(text: str) -> None:
    with contextlib.suppress(ToolError):  # and nothing else
        set_lamp.check(text)


def _no_docstring() -> Callable[..., Awaitable[object]]:
    async def silent() -> object:
        return None

    return silent


def _no_type() -> Callable[..., Awaitable[object]]:
    async def vague(level) -> object:  # type: ignore[no-untyped-def]  # what the test is about
        """Do.

        Args:
            level: How much.
        """
        return level

    return vague


def _no_description() -> Callable[..., Awaitable[object]]:
    async def terse(level: int) -> object:
        """Do."""
        return level

    return terse


def _any_number() -> Callable[..., Awaitable[object]]:
    async def greedy(*levels: int) -> object:
        """Do."""
        return levels

    return greedy


def _not_async() -> Callable[..., Awaitable[object]]:
    def plain() -> object:
        """Do."""
        return None

    return plain  # type: ignore[return-value]  # what the test is about


@pytest.mark.parametrize(
    "make", [_no_docstring, _no_type, _no_description, _any_number, _not_async]
)
def test_tool_that_cannot_be_described_is_refused_at_the_start(
    make: Callable[[], Callable[..., Awaitable[object]]],
) -> None:
    with pytest.raises(TypeError):
        tool(make())


def _named(name: str) -> Tool:
    async def function() -> object:
        """Do."""
        return name

    function.__name__ = name
    return tool(function)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="lamp"):
        Registry([_named("lamp"), _named("lamp")])


def test_disabled_tool_is_not_offered() -> None:
    registry = Registry([_named("lamp"), _named("radio")], disabled=["radio"])

    assert [spec.name for spec in registry.specs()] == ["lamp"]
    with pytest.raises(ToolError, match="lamp"):
        registry.get("radio")


def test_disabling_an_unknown_tool_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean lamp\?"):
        Registry([_named("lamp")], disabled=["lamb"])


def test_unknown_tool_is_answered_with_the_nearest() -> None:
    registry = Registry([_named("lamp")])

    with pytest.raises(ToolError, match=r"There is no tool lamps\. Did you mean lamp\?"):
        registry.get("lamps")
