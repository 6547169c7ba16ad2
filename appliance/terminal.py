"""What a person at a terminal sees of an appliance: a live view, or plain lines."""

import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TextIO

from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live as LiveDisplay
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text as Line

from appliance.console.views import NAMES, line_text
from appliance.core.lights import pattern_for
from appliance.core.model import Model
from appliance.core.words import sentence
from appliance.hub import Levels
from appliance.realtime.conversation import Entry

REFRESH_HZ = 12  # redraws a second: levels look alive, a Pi is not busy with it
FLOOR_DBFS = -60.0  # the left end of a level bar
BAR_CELLS = 28
SIGNS = {None: ("…", "yellow"), True: ("✓", "green"), False: ("✗", "red")}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a scripted visit. `ok` is None while it runs; `found` says in words what came."""

    title: str
    ok: bool | None = None
    seconds: float = 0.0
    found: str = ""


@dataclass(slots=True)
class Scene:
    """All that a view draws, folded from the hub's messages."""

    model: Model = field(default_factory=Model)
    levels: Levels = field(default_factory=lambda: Levels(FLOOR_DBFS, FLOOR_DBFS))
    entries: dict[str, Entry] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    hint: str = ""

    def fold(self, message: object) -> None:
        """Take in a message of the hub; what is not shown is ignored."""
        match message:
            case Model():
                self.model = message
            case Levels():
                self.levels = message
            case Entry(item_id):
                self.entries[item_id] = message
            case _:
                pass

    def transcript(self) -> list[Entry]:
        """Return the entries in the order of the conversation."""
        return sorted(self.entries.values(), key=lambda entry: entry.position)


class View(Protocol):
    """Shows a visit to a person."""

    def message(self, message: object) -> None:
        """Take in a message of the hub."""

    def step(self, step: Step) -> None:
        """Show a step that begins (`ok` is None) or has ended."""

    def hint(self, text: str) -> None:
        """Show what the person can do, or is typing."""


class PlainView:
    """One line for each thing that happened; for pipes, logs and screen readers."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._scene = Scene()
        self._said: set[str] = set()

    def message(self, message: object) -> None:
        """Print a changed phase and each finished line of the transcript, once."""
        before = sentence(self._scene.model)
        self._scene.fold(message)
        now = sentence(self._scene.model)
        if isinstance(message, Model) and now != before:
            self._print(f"  [{pattern_for(message).name}] {now}")
        if isinstance(message, Entry) and message.final and message.item_id not in self._said:
            self._said.add(message.item_id)
            self._print(f"  {line_text(message)}")

    def step(self, step: Step) -> None:
        """Print the step's begin and its end."""
        if step.ok is None:
            self._print(f"> {step.title}")
        else:
            self._print(
                f"  {'ok' if step.ok else 'FAILED'} after {step.seconds:.2f} s: {step.found}"
            )

    def hint(self, text: str) -> None:
        """Print the hint, but not every letter of what is being typed."""
        if not text.startswith(">"):
            self._print(text)

    def _print(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


class LiveView:
    """A screen with LED, levels, transcript and steps, redrawn several times a second."""

    def __init__(self) -> None:
        self.scene = Scene()

    def message(self, message: object) -> None:
        """Take in a message of the hub; the next redraw shows it."""
        self.scene.fold(message)

    def step(self, step: Step) -> None:
        """Show the step, or its end."""
        steps = self.scene.steps
        if step.ok is not None and steps and steps[-1].ok is None:
            steps[-1] = replace(step)
        else:
            steps.append(step)

    def hint(self, text: str) -> None:
        """Show the hint below everything; the next redraw shows it."""
        self.scene.hint = text

    def __rich__(self) -> RenderableType:
        """Draw everything."""
        layout = Layout()
        foot = [Layout(Line(self.scene.hint, style="dim"), size=1)] if self.scene.hint else []
        layout.split_column(Layout(name="head", size=5), Layout(name="body"), *foot)
        side = [Layout(name="steps", ratio=2)] if self.scene.steps else []
        layout["body"].split_row(Layout(name="talk", ratio=3), *side)
        layout["head"].update(_head(self.scene))
        layout["talk"].update(Box(_talk(self.scene), title="Transcript", title_align="left"))
        if self.scene.steps:
            steps = _steps(self.scene.steps)
            layout["steps"].update(Box(steps, title="Steps", title_align="left"))
        return layout


@asynccontextmanager
async def open_view(*, plain: bool) -> AsyncIterator[View]:
    """Return the live view on a terminal, plain lines elsewhere or when asked."""
    if plain or not sys.stdout.isatty():
        yield PlainView(sys.stdout)
        return
    view = LiveView()
    with LiveDisplay(view, refresh_per_second=REFRESH_HZ, screen=True):
        yield view


def report(steps: Iterable[Step], console: Console | None = None) -> None:
    """Print the table of a finished visit: each step, what was found, how long it took."""
    table = Table(title="The visit", title_justify="left", header_style="bold")
    table.add_column("step")
    table.add_column("result")
    table.add_column("time", justify="right")
    table.add_column("what was found")
    for step in steps:
        result = Line("ok", style="green") if step.ok else Line("FAILED", style="bold red")
        table.add_row(step.title, result, f"{step.seconds:.2f} s", step.found)
    (console or Console()).print(table)


def _head(scene: Scene) -> RenderableType:
    pattern = pattern_for(scene.model)
    lit = any(on for on, _ in pattern.steps)
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(width=24)
    table.add_column(ratio=1)
    led = Line.assemble((" ● " if lit else " ○ ", "bold green" if lit else "dim"), pattern.name)
    table.add_row(led, Line(sentence(scene.model), style="bold"))
    table.add_row("microphone", _bar(scene.levels.near_dbfs, "cyan"))
    table.add_row("speaker", _bar(scene.levels.far_dbfs, "magenta"))
    return Box(table, title="Voice Appliance", title_align="left")


def _bar(dbfs: float, style: str) -> Line:
    share = min(1.0, max(0.0, 1 - dbfs / FLOOR_DBFS))
    full = round(share * BAR_CELLS)
    return Line.assemble(
        ("█" * full, style), ("·" * (BAR_CELLS - full), "dim"), f" {dbfs:6.1f} dBFS"
    )


def _talk(scene: Scene) -> RenderableType:
    styles = {"user": "cyan", "assistant": "magenta", "tool": "yellow"}
    lines = Group(
        *(
            Line.assemble(
                (f"{NAMES[entry.role]}: ", f"bold {styles[entry.role]}"),
                (entry.text, "" if entry.final else "italic"),
                (" (interrupted)" if entry.interrupted else "", "red"),
            )
            for entry in scene.transcript()[-16:]
        )
    )
    return Align(lines, vertical="bottom")


def _steps(steps: Iterable[Step]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    for step in steps:
        sign = {None: Line("…", "yellow"), True: Line("✓", "green"), False: Line("✗", "red")}[
            step.ok
        ]
        table.add_row(sign, step.title, f"{step.seconds:.1f} s" if step.ok is not None else "")
    return table
