"""A call with everything around it but the supervisor: sound card, inbox, timeline, errands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from appliance.call.call import RealtimeCall
from appliance.call.parts import Parts
from appliance.call.signaling import HttpSignaling
from appliance.config import CallConfig, ServiceConfig, SessionConfig, ToolsConfig
from appliance.core.events import CallUp, Event, TurnChanged
from appliance.core.model import Turn
from appliance.credentials import Secret
from appliance.errors import DeviceError
from appliance.hub import Levels, Mark, Message
from appliance.media.cues import render_all
from appliance.media.echo import EchoCanceller, NoEcho
from appliance.media.opus import OpusDecoder, find_opus
from appliance.picture import prepare
from appliance.ports import AudioStats, AudioStream, Exchange
from appliance.realtime.conversation import Entry
from appliance.tools.registry import Registry, Tool
from appliance.tools.runner import Runner

BLOCK = 0.01  # s
KEY = "sk-test-4711"


@dataclass
class Card:
    """A sound card on the loop's clock. `breaks`: refuses to open. `gate`: opens when it is set."""

    breaks: bool = False
    gate: asyncio.Event | None = None
    near: bytes = bytes(960)
    is_open: bool = False
    opened: int = 0
    blocks: int = 0
    fail: Callable[[DeviceError], None] | None = None
    heard: bytearray = field(default_factory=bytearray)

    def stats(self) -> AudioStats:
        return AudioStats(blocks=self.blocks)

    @asynccontextmanager
    async def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AsyncIterator[AudioStream]:
        if self.breaks:
            raise DeviceError("There is no microphone.", "Plug one in.")
        if self.gate is not None:
            await self.gate.wait()
        self.is_open = True
        self.opened += 1
        self.fail = failed
        async with asyncio.TaskGroup() as tasks:
            clock = tasks.create_task(self._run(exchange))
            try:
                yield self
            finally:
                clock.cancel()
                self.is_open = False

    async def _run(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            at += BLOCK
            await asyncio.sleep(at - loop.time())
            self.heard += exchange(self.near)
            self.blocks += 1


@dataclass
class Stage:
    """What a call says and does, in order, and ways to wait for it."""

    url: str
    signaling: HttpSignaling
    tasks: asyncio.TaskGroup
    errands: set[asyncio.Task[None]] = field(default_factory=set)
    card: Card = field(default_factory=Card)
    tools: Sequence[Tool] = ()
    events: list[Event] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    album: dict[str, bytes] = field(default_factory=dict)
    session: SessionConfig = field(default_factory=lambda: SessionConfig(greeting=""))
    echo: Callable[[], EchoCanceller] = NoEcho
    may_fall_back: bool = True
    cameras_open: int = 0
    call_config: CallConfig = field(default_factory=CallConfig)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def parts(self) -> Parts:
        return Parts(
            service=ServiceConfig(base_url=self.url),
            session=self.session,
            call=self.call_config,
            key=Secret(KEY),
            signaling=self.signaling,
            audio=self.card,
            tools=Runner(Registry(self.tools), ToolsConfig()),
            jpeg=self.jpeg,
            keep_camera_open=self.keep_camera_open,
            post=self._post,
            publish=self._publish,
            errand=self._run_errand,
            cues=CUES,
            decoder=lambda: OpusDecoder(OPUS),
            echo=self.echo,
            may_fall_back=self.may_fall_back,
        )

    def open_call(self, call_no: int = 1, before: RealtimeCall | None = None) -> RealtimeCall:
        """Make a call; with `before`, the one that carries it on."""
        needs_channel = before is None or not before.channel_failed
        history = before.history() if before is not None else ()
        return RealtimeCall(call_no, self.parts(), history=history, needs_channel=needs_channel)

    async def jpeg(self, name: str, limit: int) -> bytes:
        try:
            jpeg = self.album[name]
        except KeyError:
            raise DeviceError(f"There is no {name}.") from None
        return jpeg if len(jpeg) <= limit else prepare(jpeg, limit=limit).jpeg

    async def keep_camera_open(self) -> None:
        """Hold the camera as long as the call is up."""
        self.cameras_open += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.cameras_open -= 1

    def _post(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    def _publish(self, message: Message) -> None:
        self.messages.append(message)
        self._news.set()

    def marks(self) -> list[str]:
        return [message.name for message in self.messages if isinstance(message, Mark)]

    def entries(self) -> list[Entry]:
        """The lines as they stand, in order."""
        lines = {entry.item_id: entry for entry in self.messages if isinstance(entry, Entry)}
        return sorted(lines.values(), key=lambda entry: entry.position)

    def levels(self) -> list[Levels]:
        return [message for message in self.messages if isinstance(message, Levels)]

    def turn(self) -> Turn:
        """Whose turn it is."""
        turns = [event.turn for event in self.events if isinstance(event, TurnChanged)]
        return turns[-1] if turns else Turn.LISTENING

    def transcript(self) -> list[str]:
        """The lines as they stand, in order, as texts."""
        return [f"{entry.role}: {entry.text}" for entry in self.entries()]

    async def until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._news.clear()
            await self._news.wait()

    async def mark(self, name: str, times: int = 1) -> None:
        await self.until(lambda: self.marks().count(name) >= times)

    async def event(self, kind: type[Event]) -> Event:
        await self.until(lambda: any(isinstance(event, kind) for event in self.events))
        return next(event for event in self.events if isinstance(event, kind))

    def _run_errand(self, name: str, errand: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await errand()

        task = self.tasks.create_task(run(), name=name)
        self.errands.add(task)
        task.add_done_callback(self.errands.discard)

    async def run_errands(self) -> None:
        while self.errands:
            await asyncio.wait(self.errands)


CUES = render_all()
OPUS = find_opus()


@asynccontextmanager
async def staged(url: str) -> AsyncIterator[Stage]:
    config = ServiceConfig(base_url=url)
    async with HttpSignaling(config, Secret(KEY)) as signaling, asyncio.TaskGroup() as tasks:
        stage = Stage(url, signaling, tasks)
        yield stage
        await stage.run_errands()


@dataclass
class Running:
    """A call that runs. `error`: what it ended with."""

    call: RealtimeCall
    error: BaseException | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def calling(
    stage: Stage, call: RealtimeCall | None = None, *, up: bool = True
) -> AsyncIterator[Running]:
    """Run a call, from up (if asked) until the block ends; close it then."""
    running = Running(call or stage.open_call())

    async def run() -> None:
        try:
            await running.call.run()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            running.error = error
        finally:
            running.over.set()
            stage._news.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        if up:
            await stage.until(lambda: running.over.is_set() or _is_up(stage))
        try:
            yield running
        finally:
            running.call.close()


def _is_up(stage: Stage) -> bool:
    return any(isinstance(event, CallUp) for event in stage.events)
