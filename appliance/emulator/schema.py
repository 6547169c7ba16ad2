"""Checks JSON as strictly as the service does, and refuses it in the service's words - pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from appliance.emulator.wire import Json, Refusal

# Checks a value found at a path; raises Refusal.
Check: TypeAlias = Callable[[Any, str], None]

_NAMES: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def anything(_value: object, _path: str) -> None:
    """Accept everything."""


def text(value: object, path: str) -> None:
    """Accept a string."""
    _expect(isinstance(value, str), "a string", value, path)


def boolean(value: object, path: str) -> None:
    """Accept true and false."""
    _expect(isinstance(value, bool), "a boolean", value, path)


def mapping(value: object, path: str) -> None:
    """Accept any object."""
    _expect(isinstance(value, dict), "an object", value, path)


def number(low: float, high: float, *, whole: bool = False) -> Check:
    """Accept a number in a range."""

    def check(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
        kinds = int if whole else int | float
        _expect(
            isinstance(value, kinds) and not isinstance(value, bool),
            "an integer" if whole else "a decimal",
            value,
            path,
        )
        if value < low:
            _refuse(
                "integer_below_min_value" if whole else "decimal_below_min_value",
                path,
                (f"Invalid '{path}': {value}. Expected a value >= {low}, but got {value} instead."),
            )
        if value > high:
            _refuse(
                "integer_above_max_value" if whole else "decimal_above_max_value",
                path,
                (
                    f"Invalid '{path}': {value}. Expected a value <= {high}, "
                    f"but got {value} instead."
                ),
            )

    return check


def one_of(*allowed: object) -> Check:
    """Accept the listed values."""

    def check(value: object, path: str) -> None:
        if value not in allowed:
            names = ", ".join(f"'{a}'" for a in allowed)
            message = f"Invalid value: '{value}'. Supported values are: {names}."
            _refuse("invalid_value", path, message)

    return check


def nullable(inner: Check) -> Check:
    """Accept null, too."""

    def check(value: object, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def either(kind: type, inner: Check, other: Check) -> Check:
    """Values of one JSON type go to the first check, all others to the second."""

    def check(value: object, path: str) -> None:
        (inner if isinstance(value, kind) else other)(value, path)

    return check


def list_of(inner: Check) -> Check:
    """Accept an array of such values."""

    def check(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
        _expect(isinstance(value, list), "an array", value, path)
        for index, element in enumerate(value):
            inner(element, f"{path}[{index}]")

    return check


def struct(fields: Mapping[str, Check], *required: str) -> Check:
    """Accept an object of these keys only."""

    def check(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
        mapping(value, path)
        for key in required:
            if key not in value:
                where = _join(path, key)
                message = f"Missing required parameter: '{where}'."
                _refuse("missing_required_parameter", where, message)
        for key, element in value.items():
            where = _join(path, key)
            if key not in fields:
                _refuse("unknown_parameter", where, f"Unknown parameter: '{where}'.")
            fields[key](element, where)

    return check


def by_type(key: str = "type", **variants: Check) -> Check:
    """Accept an object of the variant its `type` (or other key) names."""
    known = one_of(*variants)

    def check(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
        mapping(value, path)
        where = _join(path, key)
        if key not in value:
            _refuse("missing_required_parameter", where, f"Missing required parameter: '{where}'.")
        known(value[key], where)
        variants[value[key]](value, path)

    return check


def pruned(value: Json, check: Check, path: str) -> Json:
    """`value` without the keys `check` does not know; other refusals still raise."""
    while True:
        try:
            check(value, path)
        except Refusal as refusal:
            if refusal.code != "unknown_parameter" or not refusal.param:
                raise
            value = _without(value, refusal.param.removeprefix(f"{path}."))
        else:
            return value


def _without(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    head, *rest = re.findall(r"[^.\[\]]+", path)
    step = int(head) if isinstance(value, list) else head
    copy = list(value) if isinstance(value, list) else dict(value)
    if rest:
        copy[step] = _without(copy[step], ".".join(rest))
    else:
        del copy[step]
    return copy


def _expect(holds: bool, wanted: str, value: object, path: str) -> None:
    if not holds:
        found = _NAMES.get(type(value), "something else")
        _refuse(
            "invalid_type",
            path,
            (f"Invalid type for '{path}': expected {wanted}, but got {found} instead."),
        )


def _refuse(code: str, path: str, message: str) -> None:
    raise Refusal(code, message, path)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
