"""Folds function-call events into complete tool calls, each exactly once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to call a tool. `arguments`: the JSON text as the model wrote it."""

    call_id: str
    name: str
    arguments: str
