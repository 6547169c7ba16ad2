"""Runs the machine: takes events from one inbox, performs effects, publishes every new model."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from appliance.core.effects import (
    CancelCall,
    CapturePhoto,
    CloseCall,
    Effect,
    Exit,
    OpenCall,
    PlayCue,
    Send,
    SetMicrophone,
    SetSpeaker,
    StartTimer,
    StopTimer,
)
from appliance.core.events import CallDown, Event, PhotoFailed, PhotoTaken, Shutdown, TimerFired
from appliance.core.machine import transition
from appliance.core.model import Model, Photo, Timer
from appliance.core.problems import problem_of
from appliance.core.steps import start
from appliance.core.timers import timers_of
from appliance.core.words import phase_word
from appliance.hub import Message, mark_of
from appliance.ports import Call
from appliance.running import RunningCall, report

PHOTO_TIMEOUT = 80.0  # s; two tries of a camera, 30 each (its own setting), and of the album, 10
ERRAND_TIMEOUT = 20.0  # s; an offer (10) nobody waits for any more, then its hang-up (3), and some
LAST_ERRAND_TIMEOUT = 1.5  # s, the same once the process ends
SHUTDOWN_LIMIT = 2.0  # s from Shutdown to the end of run(); systemd is not kept waiting

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Armed:
    """A timer that runs; itself in the inbox once it fired, and worth nothing once replaced."""

    timer: Timer
    handle: asyncio.TimerHandle | None = None


class Supervisor:
    """The one reader of the inbox, and the parent of calls, pictures and errands. Used once.

    All methods belong to the loop's thread.
    """

    def __init__(
        self,
        open_call: Callable[[int, bool], Awaitable[Call]],
        take_photo: Callable[[], Awaitable[Photo]],
        publish: Callable[[Message], None],
        *,
        model: Model | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Prepare to run.

        Args:
            open_call: (call_no, resume) -> a call, not yet running, as soon as there is time for
                one; it may raise an ApplianceError; cancelling is safe.
            take_photo: takes one picture into the album; raises ApplianceError; cancelling is safe.
            publish: is given every new model and the marks; must not block or raise.
            model: where to begin; its `idle_timeout` is a setting.
            rng: source of jitter.
        """
        self.model = model or Model()
        self._open_call = open_call
        self._take_photo = take_photo
        self._publish = publish
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        # Unbounded: post() must not fail, and what posts is itself bounded (buttons, one call).
        self._inbox: asyncio.Queue[tuple[Event | asyncio.Event | _Armed, float]] = asyncio.Queue()
        self._timers: dict[Timer, _Armed] = {}
        self._call: RunningCall | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._photos: set[asyncio.Task[None]] = set()  # the machine asks for one at a time
        self._tasks: asyncio.TaskGroup | None = None
        self._shutdown_at: float | None = None
        self._ended = False

    def post(self, event: Event) -> None:
        """Put an event into the inbox. Never blocks; after the end it is dropped."""
        self._put(event)

    async def echo(self) -> None:
        """Return once the inbox has been read up to here; never, after the end.

        The watchdog is fed on this: it proves that decisions are still taken. Cancelling is safe.
        """
        echo = asyncio.Event()
        self._put(echo)
        await echo.wait()

    def run_errand(self, name: str, errand: Callable[[], Awaitable[None]]) -> None:
        """Run something that may outlive its call: the offer to the service, the hang-up.

        It has ERRAND_TIMEOUT, and less once Shutdown has begun; then it is cancelled. Its failure
        is logged and changes nothing. Without a running supervisor it is not run.
        """
        if self._tasks is None:
            return
        task = self._tasks.create_task(self._errand(name, errand), name=name)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def run(self) -> None:
        """Serve until the machine is off. Cancelling it cancels everything it started.

        Raises StuckCallError once a call that ignored its end lets go; until then `echo` is mute.
        """
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._publish(self.model)
            for timer in timers_of(self.model):
                self._perform(start(timer, self.model), tasks)
            try:
                await self._serve(tasks)
                await self._finish_errands()
            finally:
                self._release()

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        while not self._ended:
            item, at = await self._inbox.get()
            if isinstance(item, asyncio.Event):
                item.set()
            elif not isinstance(item, _Armed):
                self._step(item, at, tasks)
            elif self._timers.get(item.timer) is item:  # neither stopped nor replaced meanwhile
                del self._timers[item.timer]
                self._step(TimerFired(item.timer), at, tasks)

    def _put(self, item: Event | asyncio.Event | _Armed) -> None:
        if not self._ended:
            self._inbox.put_nowait((item, asyncio.get_running_loop().time()))

    def _step(self, event: Event, at: float, tasks: asyncio.TaskGroup) -> None:
        if isinstance(event, Shutdown) and self._shutdown_at is None:
            self._shutdown_at = at
        if isinstance(event, CallDown) and self._call and self._call.call_no == event.call_no:
            self._call = None  # not before: what it is asked till then, it must refuse itself
        before = self.model
        self.model, effects = transition(before, event)
        if (mark := mark_of(event, before, self.model, at)) is not None:
            self._publish(mark)
        if self.model != before:
            word = phase_word(self.model.phase)
            log.debug("= %s after %s", word, type(event).__name__, extra={"PHASE": word})
            self._publish(self.model)
        for effect in effects:
            self._perform(effect, tasks)

    def _perform(self, effect: Effect, tasks: asyncio.TaskGroup) -> None:
        match effect:
            case OpenCall(call_no, resume):
                self._start_call(call_no, resume, tasks)
            case CloseCall():
                if self._call is not None:
                    self._call.close()
            case CancelCall():
                if self._call is not None:
                    self._call.cut()
            case Send(item):
                self._tell_call(lambda call: call.send(item))
            case SetMicrophone(muted):
                self._tell_call(lambda call: call.mute(muted))
            case SetSpeaker(percent):
                self._tell_call(lambda call: call.volume(percent))
            case PlayCue(cue):
                self._tell_call(lambda call: call.cue(cue))
            case CapturePhoto():
                photo = tasks.create_task(self._photo(), name="photo")
                self._photos.add(photo)
                photo.add_done_callback(self._photos.discard)
            case StartTimer(timer, seconds, jitter):
                self._start_timer(timer, seconds * (1.0 + jitter * self._rng.random()))
            case StopTimer(timer):
                self._stop_timer(timer)
            case Exit():
                self._ended = True
            case _:
                assert_never(effect)

    # The call

    def _start_call(self, call_no: int, resume: bool, tasks: asyncio.TaskGroup) -> None:
        self._call = RunningCall(
            call_no,
            partial(self._open_call, call_no, resume),
            tasks,
            lambda problem: self.post(CallDown(call_no, problem)),
        )
        self._call.tell(lambda call: call.volume(self.model.volume))

    def _tell_call(self, tell: Callable[[Call], None]) -> None:
        if self._call is not None:
            self._call.tell(tell)

    # Pictures, errands, timers

    async def _photo(self) -> None:
        try:
            async with asyncio.timeout(PHOTO_TIMEOUT):
                photo = await self._take_photo()
        except Exception as error:  # noqa: BLE001 - bulkhead: a picture is a call to the camera
            self.post(PhotoFailed(report(self.model.calls_made, error)))
        else:
            self.post(PhotoTaken(photo))

    async def _errand(self, name: str, errand: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(ERRAND_TIMEOUT):
                await errand()
        except Exception as error:  # noqa: BLE001 - bulkhead: the end of a call
            log.warning("%s failed: %s", name, problem_of(error).cause)

    async def _finish_errands(self) -> None:
        now = asyncio.get_running_loop().time()
        began = now if self._shutdown_at is None else self._shutdown_at
        left = min(LAST_ERRAND_TIMEOUT, began + SHUTDOWN_LIMIT - now)
        if self._errands and left > 0:
            await asyncio.wait(self._errands, timeout=left)

    def _start_timer(self, timer: Timer, seconds: float) -> None:
        self._stop_timer(timer)
        armed = self._timers[timer] = _Armed(timer)
        armed.handle = asyncio.get_running_loop().call_later(seconds, self._put, armed)

    def _stop_timer(self, timer: Timer) -> None:
        armed = self._timers.pop(timer, None)
        if armed is not None and armed.handle is not None:
            armed.handle.cancel()

    def _release(self) -> None:
        self._ended = True
        self._tasks = None
        for timer in list(self._timers):
            self._stop_timer(timer)
        for task in (*self._errands, *self._photos):
            task.cancel()
