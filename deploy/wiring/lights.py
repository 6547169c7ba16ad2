"""The LED's patterns, moving, each beside a stretch of its time."""

import re
from itertools import pairwise
from typing import Final
from xml.etree import ElementTree as ET

from appliance.core.lights import PHOTO, REFUSED, Pattern
from deploy.wiring.svg import box, disc, element, line, picture

SECOND: Final = 26  # px
STRETCH: Final = 5.0  # s that are shown, more or less: whole rounds of the pattern
PAUSE: Final = 3.0  # s of dark around a pattern that is shown once, not again and again
ONCE: Final = (PHOTO, REFUSED)
LEFT, TOP, BAR, WIDTH, HEIGHT = 44, 10, 14, 212, 36  # px

MOTION: Final = """\
.glow,.hand{{opacity:0}}
@media (prefers-reduced-motion:no-preference){{
@keyframes light{{{frames}}}
@keyframes hand{{to{{transform:translateX({way:g}px)}}}}
.glow{{animation:light {period:g}s step-end infinite}}
.hand{{opacity:1;animation:hand {window:g}s linear infinite}}
}}
@media (prefers-reduced-motion:reduce){{.glow{{opacity:1}}}}
"""


def file_name(pattern: Pattern) -> str:
    """Return what its picture is called."""
    return f"light-{'-'.join(re.findall('[a-z]+', pattern.name))}.svg"


def told(pattern: Pattern) -> str:
    """Say what the LED does, in seconds."""
    if pattern.steps[0][1] == 0:
        return "lit" if pattern.steps[0][0] else "dark"
    steps = ", ".join(f"{'lit' if lit else 'dark'} {time:g} s" for lit, time in pattern.steps)
    return f"once: {steps}" if pattern in ONCE else f"again and again: {steps}"


def light(pattern: Pattern) -> str:
    """Return the picture of a pattern: the LED, which blinks, and its time as a bar."""
    window, steps, style = STRETCH, pattern.steps, ""
    if steps[0][1] == 0:
        spans = [(0.0, STRETCH)] if steps[0][0] else []
        style = "" if spans else ".glow{opacity:0}"
    else:
        if pattern in ONCE:
            steps = (*steps, (False, PAUSE))
        period = sum(time for _, time in steps)
        rounds = max(1, round(STRETCH / period))
        window = rounds * period
        spans = _lit(steps * rounds)
        frames = "".join(
            f"{100 * at / period:.6g}%{{opacity:{int(lit)}}}"
            for at, (lit, _) in zip(_times(steps), steps, strict=False)
        )
        style = MOTION.format(frames=frames, way=window * SECOND, period=period, window=window)
    title = f"The LED: {pattern.name}"
    parts = [*_lamp(), *_bar(window, spans)]
    if steps[0][1]:
        hand = line(f"M{LEFT} {TOP - 5}v{BAR + 10}", "ink")
        parts.append(element("g", hand, class_="hand"))
    return picture((WIDTH, HEIGHT), title, told(pattern), parts, style)


def _times(steps: tuple[tuple[bool, float], ...]) -> list[float]:
    """When each step begins, and when the last one ends, in s."""
    times = [0.0]
    for _, time in steps:
        times.append(round(times[-1] + time, 6))
    return times


def _lit(steps: tuple[tuple[bool, float], ...]) -> list[tuple[float, float]]:
    times = pairwise(_times(steps))
    return [span for span, (lit, _) in zip(times, steps, strict=True) if lit]


def _lamp() -> list[ET.Element]:
    middle = TOP + BAR / 2
    return [
        disc(24, middle, 9, class_="body-fill"),
        element(
            "g",
            disc(24, middle, 14, class_="light-fill", opacity=0.35),
            disc(24, middle, 9, class_="light-fill"),
            class_="glow",
        ),
        disc(24, middle, 9, class_="quiet-line", stroke_width=1.5),
    ]


def _bar(window: float, spans: list[tuple[float, float]]) -> list[ET.Element]:
    """The stretch of time; a tick each second."""
    parts = [box(LEFT, TOP, window * SECOND, BAR, class_="body-fill")]
    for begin, end in spans:
        x, width = LEFT + begin * SECOND, (end - begin) * SECOND
        parts.append(box(x, TOP, width, BAR, class_="light-fill"))
    ticks = "".join(f"M{LEFT + at * SECOND} {TOP + BAR + 3}v4" for at in range(int(window) + 1))
    return [*parts, line(ticks, "quiet", 1)]
