"""A call in figures: for `status`, for the journal."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TypeAlias

from appliance.call.loop_lag import LoopLag
from appliance.media.engine import Engine
from appliance.media.tracks import NearTrack
from appliance.ports import AudioStream

Figures: TypeAlias = dict[str, str | int | float]


def sound_figures(
    engine: Engine, near: NearTrack, stream: AudioStream | None, lag: LoopLag
) -> Figures:
    """Return how the sound line does, by the keys of `console/README.md`."""
    counters = engine.counters()
    heard = {name: round(value, 4) for name, value in asdict(counters.heard).items()}
    figures: Figures = {
        "blocks": counters.blocks,
        "near_dropped": counters.near_dropped,
        "near_filled": near.filled,
        "echo": engine.echo.name,
        "buffered": round(counters.buffered, 4),
        **{f"far_{name}": value for name, value in heard.items()},
    }
    echo = engine.echo
    if echo.stands_in is not None:
        figures["half_duplex"] = f"{echo.stands_in.cause} {echo.stands_in.cure}"
    if echo.loss_enhancement is not None:
        figures["echo_erle"] = echo.loss_enhancement
    if echo.delay is not None:
        figures["echo_delay"] = round(echo.delay, 4)
        figures["echo_drift_ppm"] = round(echo.drift * 1e6)
        figures["double_talk"] = round(echo.double_talk, 3)
    if lag.p99_ms is not None and lag.worst_ms is not None:
        figures["loop_lag_ms"] = lag.p99_ms
        figures["loop_lag_worst_ms"] = lag.worst_ms
    if stream is not None:
        stats = stream.stats()
        figures |= {
            "input_delay": stats.input_delay,
            "output_delay": stats.output_delay,
            "card_underruns": stats.underruns,
            "card_overruns": stats.overruns,
            "card_block_ms": stats.block_ms,
            "input_rate": stats.input_rate,
            "output_rate": stats.output_rate,
        }
    return figures


def line_figures(engine: Engine, lag: LoopLag) -> dict[str, str | int | float | None]:
    """Return how sound came through, for the line that sums a call up."""
    heard = engine.counters().heard
    echo = engine.echo
    found = echo.delay is not None
    return {
        "ECHO": echo.name,
        "ERLE_DB": echo.loss_enhancement,
        "ECHO_MS": round(echo.delay * 1000) if echo.delay is not None else None,
        "DRIFT_PPM": round(echo.drift * 1e6) if found else None,
        "DOUBLE_TALK": round(echo.double_talk, 2) if found else None,
        "DELAY_MS": round(heard.delay * 1000),
        "JITTER_MS": round(heard.jitter * 1000),
        "LOST": heard.lost,
        "RECOVERED": heard.recovered,
        "CONCEALED_MS": round(heard.concealed * 1000),
        "MISSING_MS": round(heard.missing * 1000),
        "UNDERRUNS": heard.underruns,
        "LOOP_LAG_MS": lag.p99_ms,
        "LOOP_LAG_WORST_MS": lag.worst_ms,
    }


def known(fields: Mapping[str, str | int | float | None]) -> Figures:
    """Return the figures there are."""
    return {name: value for name, value in fields.items() if value is not None}


def in_one_line(figures: Figures) -> str:
    """Return figures as `name=value`, for the journal."""
    return " ".join(f"{name.lower()}={value}" for name, value in figures.items())
