"""The session object, as the service wants it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A function the model may call. `parameters`: its JSON schema, encoded as JSON."""

    name: str
    description: str
    parameters: bytes
