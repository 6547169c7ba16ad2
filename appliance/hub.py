"""Fan-out of everything worth seeing: one writer, many readers, none of which can block it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from appliance.core.model import Model
from appliance.realtime.conversation import Entry


@dataclass(frozen=True, slots=True)
class Levels:
    """Loudness of the last 100 ms in dBFS: what the person said, what the speaker played."""

    near_dbfs: float
    far_dbfs: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Something happened at `at` (loop clock, s). `name` is one of the documented marks."""

    name: str
    at: float
    call_no: int = 0
    fields: Mapping[str, str | int | float | bool] = field(default_factory=dict)


Message: TypeAlias = Model | Entry | Levels | Mark
