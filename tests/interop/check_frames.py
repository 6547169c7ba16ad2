"""Checks Realtime frames against the official SDK's types; runs in .venv-interop.

Reads JSON lines {"from": "server"|"client"|"session", "frame": {...}}; prints a line for each frame
that the types refuse or that has a key they do not know. Exit code 1 if there is any.
"""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

from openai.types.realtime import (  # type: ignore[import-not-found]  # in .venv-interop only
    RealtimeClientEvent,
    RealtimeServerEvent,
    RealtimeSessionCreateRequest,
)
from pydantic import (  # type: ignore[import-not-found]  # in .venv-interop only
    BaseModel,
    Field,
    TypeAdapter,
    ValidationError,
)

ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "server": TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")]),
    "client": TypeAdapter(Annotated[RealtimeClientEvent, Field(discriminator="type")]),
    "session": TypeAdapter(RealtimeSessionCreateRequest),
}

# Sent by the service (recorded traffic, July 2026) though the types do not list them.
KNOWN_EXTRAS = {"obfuscation", "phase", "reasoning_tokens"}
KNOWN_EXTRA_PATHS = {"$.session.object", "$.session.id", "$.session.expires_at"}


def extras(value: object, path: str) -> Iterator[str]:
    """Yield the paths of all keys no type knows."""
    if isinstance(value, BaseModel):
        for key in value.model_extra or {}:
            yield f"{path}.{key}"
        for key in type(value).model_fields:
            yield from extras(getattr(value, key), f"{path}.{key}")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from extras(element, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, element in value.items():
            yield from extras(element, f"{path}.{key}")


def complaints(side: str, frame: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one frame."""
    try:
        model = ADAPTERS[side].validate_python(frame)
    except ValidationError as error:
        yield str(error).replace("\n", " ")
        return
    for path in extras(model, "$"):
        known = path in KNOWN_EXTRA_PATHS or path.rpartition(".")[2] in KNOWN_EXTRAS
        if side != "server" or not known:
            yield f"unknown key {path}"


def main() -> int:
    """Check standard input."""
    bad = 0
    for number, line in enumerate(sys.stdin, 1):
        row = json.loads(line)
        for complaint in complaints(row["from"], row["frame"]):
            bad += 1
            print(f"line {number}, {row['from']} {row['frame'].get('type')}: {complaint}")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
