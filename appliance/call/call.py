"""One call, from dial to release: the sound card, the link to the service and the talk joined."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from typing_extensions import override

from appliance.call.audio_line import AudioLine
from appliance.call.chores import Chores
from appliance.call.figures import Figures, in_one_line, known
from appliance.call.link import Host, Link
from appliance.call.parts import Parts
from appliance.call.peer import Peer
from appliance.call.sender import Sender
from appliance.call.talk import Talk
from appliance.call.vigil import watch
from appliance.core.events import CallUp, HangUp, MediaBack, MediaLost, SendFailed
from appliance.core.model import Cue, Outgoing, Photo, Problem
from appliance.core.problems import first_of, problem_of
from appliance.errors import ApplianceError, ClosedError, DeviceError, UnreachableError
from appliance.log import call_no as current_call
from appliance.messages import CALL_ENDED
from appliance.ports import Call
from appliance.realtime.client_events import Message
from appliance.realtime.session import session_object

SESSION_TIMEOUT = 5.0  # s from connected to the service's first word about the session
GREETING_DELAY = 0.02  # s; what the person wanted to say before the call was up goes first

log = logging.getLogger(__name__)


class RealtimeCall(Call, Host):
    """A call with the Realtime service; used once. On the loop's thread, made there too."""

    def __init__(
        self,
        call_no: int,
        parts: Parts,
        *,
        history: Sequence[Message] = (),
        needs_channel: bool = False,
    ) -> None:
        """Prepare call `call_no`.

        `history`: of the call that this one carries on. `needs_channel`: without a data channel
        the call fails, instead of going on with the sideband alone.
        """
        self.call_no = call_no
        self._parts = parts
        self._history = history
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._audio = AudioLine(
            call_no,
            parts,
            mark=lambda name: self._talk.mark(name),  # noqa: PLW0108 - made after us
            heard=lambda far_dbfs: self._talk.heard(far_dbfs),  # noqa: PLW0108
            failed=self.stop,
        )
        self._link = Link(parts, self, needs_channel=needs_channel)
        self._talk = Talk(
            call_no,
            parts,
            self._link.lines,
            clear=self._audio.engine.clear,
            interrupted=self._audio.interrupted,
            run_tool=lambda call: self._chores.run_tool(call),  # noqa: PLW0108 - made after us
            failed=self.failed,
            stop=self.stop,
        )
        self._sender = Sender(self._talk, self._link.lines, parts, self.failed)
        self._chores = Chores(self._talk, parts.tools, self.start)
        self._done = asyncio.Event()
        self._error: ApplianceError | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._up = False
        self._lost = False

    # The port

    @override
    async def run(self) -> None:
        token = current_call.set(self.call_no)
        try:
            await self._run()
        except BaseExceptionGroup as group:
            error = first_of(group)
            self._error = self._error or (error if isinstance(error, ApplianceError) else None)
            raise error from None
        finally:
            figures = self.figures()
            extra = {**figures, "MESSAGE_ID": CALL_ENDED}
            log.info("call ended: %s", in_one_line(figures), extra=extra)
            current_call.reset(token)
        if self._error is not None:
            raise self._error

    @override
    def close(self) -> None:
        self._done.set()

    @override
    def send(self, item: Outgoing) -> None:
        self._sender.put(item)

    @override
    def mute(self, muted: bool) -> None:
        self._audio.engine.muted = muted

    @override
    def volume(self, percent: int) -> None:
        self._audio.engine.set_volume(percent)

    @override
    def cue(self, cue: Cue) -> None:
        self._audio.play(cue)

    # For the tools

    async def show(self, photo: Photo) -> None:
        """Put a photo into the conversation for a tool whose output follows.

        Raises DeviceError if it is not in the album, or no call is up to show it in.
        """
        if not self._up or self._done.is_set():
            raise DeviceError("There is no call to show the photo in.")
        await self._sender.show(photo, reply=False)

    def end_soon(self) -> None:
        """Hang up, as the person would, once the assistant's goodbye has been spoken."""
        self._chores.leave(lambda: self._parts.post(HangUp()))

    # For the next call

    def history(self) -> list[Message]:
        """Return what was said, for the call that carries this one on."""
        return self._talk.history() or list(self._history)

    @property
    def blocks(self) -> int | None:
        """Blocks of sound exchanged so far; None while no sound is open."""
        return self._audio.blocks

    def sound(self) -> Figures:
        """Return how the sound line does: counts, and delays in seconds."""
        return self._audio.now()

    @property
    def channel_failed(self) -> bool:
        """Whether the data channel did not open; the next call can do without it."""
        return self._link.channel_failed

    # For the link

    @property
    @override
    def talk(self) -> Talk:
        return self._talk

    @override
    def start(self, job: Coroutine[Any, Any, None], name: str) -> None:
        if self._tasks is None or self._done.is_set():
            job.close()
            return
        task = self._tasks.create_task(job, name=name)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    @override
    def failed(self, problem: Problem) -> None:
        self._parts.post(SendFailed(self.call_no, problem))

    @override
    def stop(self, error: ApplianceError) -> None:
        if not self._done.is_set():
            # Who has said goodbye is not called back.
            over = self._chores.leaving and problem_of(error).retryable
            self._error = None if over else error
            self._done.set()

    # From dial to release

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._audio.run(), name="sound")
            try:
                self.start(self._work(), "call")
                await self._done.wait()
            finally:
                await self._release()

    async def _work(self) -> None:
        try:
            service, session = self._parts.service, self._parts.session
            offered = session_object(service, session, self._parts.tools.specs())
            audio = self._audio
            peer = await self._link.dial(audio.near, audio.engine.receive, offered)
            await self._session_ready()
            await self._live(peer)
        except ApplianceError as error:
            self.stop(error)

    async def _session_ready(self) -> None:
        try:
            async with asyncio.timeout(SESSION_TIMEOUT):
                await self._talk.ready.wait()
        except TimeoutError:
            raise UnreachableError(
                "The service took the call, but says nothing.", "Call again in a moment."
            ) from None

    async def _live(self, peer: Peer) -> None:
        """Go on until the other side ends the call."""
        self._up = True
        self._talk.remind(self._history)  # before anything is asked
        self.start(self._sender.run(), "sender")
        self.start(self._audio.watch(), "sound watch")
        self.start(self._parts.keep_camera_open(), "camera")
        self._parts.post(CallUp(self.call_no))
        self._audio.up(anew=not self._history)
        self.start(watch(peer, lambda: self._talk.timeline.playing, self._on_lost), "vigil")
        await asyncio.sleep(GREETING_DELAY)
        self._talk.begin(self._history)
        await peer.over()
        if self._lost:
            raise UnreachableError("The connection was lost.", "Check the network.")
        raise ClosedError("The service ended the call.", "Press the button to call again.")

    async def _release(self) -> None:
        """Let go of everything but the sound, then of that. Takes 0.1 s, and 1 s with a tone."""
        self._done.set()
        self._sender.close()
        self._talk.close()
        for job in self._jobs:
            job.cancel()
        failed = self._error is not None and not problem_of(self._error).retryable
        self._audio.stop(failed=failed)
        await self._link.release()
        await self._audio.drained(failed=failed)

    def _on_lost(self, lost: bool) -> None:
        self._lost = lost
        if lost and self._chores.leaving:
            self._parts.post(HangUp())
        self._parts.post(MediaLost(self.call_no) if lost else MediaBack(self.call_no))

    def figures(self) -> Figures:
        """Return what this call was, as far as it went; without what is not known."""
        return known(
            {
                "CALL_NO": self.call_no,
                "CALL_ID": self._link.call_id,
                "DURATION_MS": round((self._loop.time() - self._began) * 1000),
                "TOOLS": self._chores.tools_run,
                "RTT_MS": self._link.round_trip_ms,
                "PROBLEM": problem_of(self._error).kind if self._error else None,
                **self._audio.summary(),
                **self._talk.figures(),
            }
        )
