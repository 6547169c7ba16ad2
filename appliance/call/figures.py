"""A call in figures: for `status`, for the journal."""

from collections.abc import Mapping
from typing import TypeAlias

from appliance.media.engine import Engine
from appliance.ports import AudioStream

Figures: TypeAlias = dict[str, str | int | float]


def sound_figures(engine: Engine, stream: AudioStream | None) -> dict[str, int | float]:
    """Return how the sound line does: counts, and delays in seconds."""
    counters = engine.counters()
    figures: dict[str, int | float] = {
        "blocks": counters.blocks,
        "playout_underruns": counters.underruns,
        "playout_overruns": counters.overruns,
        "near_dropped": counters.near_dropped,
        "buffered": counters.buffered,
    }
    if stream is not None:
        stats = stream.stats()
        figures |= {
            "input_delay": stats.input_delay,
            "output_delay": stats.output_delay,
            "card_underruns": stats.underruns,
            "card_overruns": stats.overruns,
        }
    return figures


def known(fields: Mapping[str, str | int | float | None]) -> Figures:
    """Return the figures there are."""
    return {name: value for name, value in fields.items() if value is not None}


def in_one_line(figures: Figures) -> str:
    """Return figures as `name=value`, for the journal."""
    return " ".join(f"{name.lower()}={value}" for name, value in figures.items())
