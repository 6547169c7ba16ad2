"""A running supervisor behind a control socket, with calls that do as they are told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.console.api import Appliance
from appliance.console.server import control_socket
from appliance.console.views import BoardView, Plain, Status, view_model
from appliance.control import Control, connect
from appliance.core.events import CallUp, Event
from appliance.core.model import Cue, Outgoing, Photo
from appliance.errors import ApplianceError
from appliance.findings import Report
from appliance.hub import Hub, Mark
from appliance.realtime.conversation import Entry
from appliance.supervisor import Supervisor

REPORT = Report(
    noise_dbfs=-62.1,
    delay=0.061,
    echo_dbfs=-38.0,
    return_loss_db=14.8,
    voice_dbfs=-33.2,
    gain_db=7,
    problems=("It is loud here.",),
)

CARD: dict[str, Plain] = {
    "driver": "pyaudio",
    "echo": "webrtc",
    "input_rate": 48_000,
    "output_rate": 44_100,
    "card_block_ms": 20,
    "card_underruns": 2,
    "card_overruns": 1,
}


class ObedientCall:
    """Comes up at once, or fails with `error`; lasts until it is closed."""

    def __init__(self, call_no: int, stage: "Stage") -> None:
        self._call_no = call_no
        self._stage = stage
        self._over = asyncio.Event()

    async def run(self) -> None:
        if self._stage.error is not None:
            raise self._stage.error
        self._stage.supervisor.post(CallUp(self._call_no))
        await self._over.wait()

    def close(self) -> None:
        self._over.set()

    def send(self, item: Outgoing) -> None:
        self._stage.sent.append(item)

    def mute(self, muted: bool) -> None:
        self._stage.muted.append(muted)

    def volume(self, percent: int) -> None:
        self._stage.volumes.append(percent)

    def cue(self, cue: Cue) -> None:
        pass


@dataclass
class Stage:
    """What a test sees behind the socket."""

    directory: Path
    hub: Hub = field(default_factory=Hub)
    sent: list[Outgoing] = field(default_factory=list)
    muted: list[bool] = field(default_factory=list)
    volumes: list[int] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    error: ApplianceError | None = None
    camera_error: ApplianceError | None = None
    deaf: ApplianceError | None = None
    saved: list[bool] = field(default_factory=list)
    told: asyncio.Event | None = None  # the self-test goes on until then
    figures: dict[str, Plain] = field(default_factory=dict)  # of the last call
    audio: dict[str, Plain] = field(default_factory=dict)
    board: BoardView = field(default_factory=BoardView)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self._open_call, self._photo, self.hub.publish)

    async def _open_call(self, call_no: int, _resume: bool) -> ObedientCall:
        return ObedientCall(call_no, self)

    async def _photo(self) -> Photo:
        if self.camera_error is not None:
            raise self.camera_error
        return Photo("photo-0001")

    async def selftest(self, *, save: bool) -> Report:
        if self.deaf is not None:
            raise self.deaf
        self.saved.append(save)
        self.hub.publish(Mark("selftest", 0.0, fields={"part": "sweep"}))
        if self.told is not None:
            await self.told.wait()
        return REPORT

    def status(self) -> Status:
        return Status(
            version="0",
            uptime=1.0,
            tasks=7,
            model=view_model(self.hub.model),
            service="http://127.0.0.1:1/v1",
            audio=self.audio,
            camera="folder",
            panel="none",
            tools=("current_time",),
            last_call=self.figures,
            board=self.board,
        )

    def appliance(self, post: Callable[[Event], None] | None = None) -> Appliance:
        return Appliance(
            post or self.supervisor.post,
            self.hub,
            self.status,
            lambda: tuple(self.entries),
            self.selftest,
        )


@asynccontextmanager
async def stage(directory: Path) -> AsyncIterator[tuple[Stage, Control]]:
    """Serve a stage's control socket in `directory`, and connect to it."""
    scene = Stage(directory)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.supervisor.run())
        async with control_socket(scene.appliance(), directory), connect(directory) as control:
            yield scene, control
            scene.hub.close()
        running.cancel()
