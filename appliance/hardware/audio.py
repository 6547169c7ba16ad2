"""Microphone and speaker by PortAudio: opens them for a call, notices when they stop or stumble."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

from typing_extensions import override

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.buffers import Buffers
from appliance.hardware.stream import CardStream
from appliance.hardware.worker import Worker
from appliance.ports import AudioDevice, AudioStream, CaptureLatch, Exchange

log = logging.getLogger(__name__)

OPEN_DEADLINE = 4.5  # seconds: the port promises 5; a healthy card takes 0.1
CLOSE_DEADLINE = 1.0  # seconds: a stream of an unplugged card closes in 0.01 (measured, USB/IP)
_TICK = 0.1  # seconds between two looks at the callbacks
# An unplugged USB card stops calling back and says nothing (measured, PortAudio 19.6). Ticks and
# not seconds, so that a loop or process that stood still is not taken for a card that did.
_STILL_TICKS = 7
_FIRST_TICKS = 20  # a sound server may take longer to begin
_OPEN_TICKS = round(OPEN_DEADLINE / _TICK)  # for a card that is opened again


class PyAudioDevice(AudioDevice):
    """The sound card that `config` names, at 48 kHz where it can, else at its own rate."""

    def __init__(
        self, config: AudioConfig, latch: CaptureLatch, *, duplex: bool | None = None
    ) -> None:
        """`duplex`: one stream for both directions, or two; None leaves it to the cards."""
        self._config = config
        self._latch = latch
        self._duplex = duplex
        self._buffers = Buffers(config.block_ms)
        self._free = asyncio.Lock()  # a call that begins while a self-test ends waits for the card

    @override
    @asynccontextmanager
    async def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AsyncIterator[AudioStream]:
        """See AudioDevice. The latch is held until the card is closed, even if that hangs."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + OPEN_DEADLINE
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError as error:
            raise DeviceError("The sound card is in use by this appliance.") from error
        free = ExitStack()
        free.callback(self._free.release)
        try:
            opened = CardStream(self._config, exchange, self._duplex, after)
            async with self._open(opened, failed, deadline, free) as stream:
                yield stream
        finally:
            free.close()

    @asynccontextmanager
    async def _open(
        self,
        stream: CardStream,
        failed: Callable[[DeviceError], None],
        deadline: float,
        free: ExitStack,
    ) -> AsyncIterator[AudioStream]:
        """Open the card until `deadline` of the loop's clock.

        `free`: is closed by the caller; what is in it is taken over while the card is not closed.
        """
        loop = asyncio.get_running_loop()
        held = ExitStack()
        held.enter_context(self._latch.hold("microphone"))
        worker = Worker(loop, "sound card")
        watch = _Watch(worker, stream, self._buffers, failed)
        hung = False
        try:
            try:
                async with asyncio.timeout_at(deadline):
                    await worker.run(lambda: stream.open(self._buffers.size_ms))
            except TimeoutError as error:
                hung = True
                raise _no_answer() from error
            watch.start()
            yield stream
        finally:
            watch.stop()
            # Queued behind an opening that still hangs: whenever that ends, the card is closed.
            closing = worker.last(stream.close)
            closing.add_done_callback(lambda done: _closed(done, held))
            if not hung:
                held.push(free.pop_all())  # the next call waits for a card that was being opened
                await asyncio.wait([closing], timeout=CLOSE_DEADLINE)


class _Watch:
    """Looks ten times a second whether both directions call back, and how often they stumbled.

    Tells once if it has stopped; opens it again with larger buffers after a burst of xruns, or if
    the card is back that it stands in for.
    """

    def __init__(
        self,
        worker: Worker,
        stream: CardStream,
        buffers: Buffers,
        failed: Callable[[DeviceError], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._worker = worker
        self._stream = stream
        self._buffers = buffers
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Future[None] | None = None
        self._calls = self._calls_at_start = stream.calls
        self._still = [0 for _ in self._calls]  # ticks without a callback, in each direction
        self._waited = 0  # ticks for a card that is opened again

    def start(self) -> None:
        """Begin to look at a card that was opened just now."""
        self._buffers.opened(self._loop.time(), self._xruns())
        self._calls = self._calls_at_start = self._stream.calls
        self._still = [0 for _ in self._calls]
        for news in self._stream.first.news():
            log.warning("%s", news)
        self._again()

    def stop(self) -> None:
        """End it. `start` may not have come."""
        if self._timer is not None:
            self._timer.cancel()
            self._buffers.closed(self._loop.time())
        if self._opening is not None:
            self._opening.cancel()

    def _again(self) -> None:
        self._timer = self._loop.call_later(_TICK, self._look)

    def _look(self) -> None:
        if self._opening is not None:
            self._look_at_opening(self._opening)
            return
        before, self._calls = self._calls, self._stream.calls
        looks = zip(self._still, self._calls, before, strict=True)
        self._still = [0 if now != then else still + 1 for still, now, then in looks]
        if any(self._still) and (error := self._stopped()) is not None:
            log.debug("! the sound card has not called back for %d ticks", max(self._still))
            self._failed(error)
            return
        larger = self._buffers.note(self._xruns(), self._loop.time())
        size_ms = self._buffers.size_ms
        if larger:
            log.warning("The sound card stumbles: it gets blocks of %d ms from now on.", size_ms)
            self._open_again(lambda: self._stream.reopen(size_ms))
        elif self._stream.first.back():
            log.info("The sound card that the call began with is there: it is tried again.")
            self._open_again(lambda: self._stream.open(size_ms))
        self._again()

    def _open_again(self, opening: Callable[[], None]) -> None:
        self._waited = 0
        self._opening = self._worker.run(opening)

    def _stopped(self) -> DeviceError | None:
        """Return why a card that does not call back will not do so any more."""
        try:
            self._stream.check_present()
        except DeviceError as error:
            return error
        patient = all(
            still < (_STILL_TICKS if now != first else _FIRST_TICKS)
            for still, now, first in zip(
                self._still, self._calls, self._calls_at_start, strict=True
            )
        )
        if patient and self._stream.active():
            return None
        return DeviceError("The sound card has stopped.", "Check that it is still plugged in.")

    def _look_at_opening(self, opening: "asyncio.Future[None]") -> None:
        self._waited += 1
        if not opening.done() and self._waited < _OPEN_TICKS:
            self._again()
            return
        error = opening.exception() if opening.done() else _no_answer()
        self._opening = None
        if error is None:
            self.start()
        elif isinstance(error, DeviceError):
            self._failed(error)
        else:
            raise error

    def _xruns(self) -> int:
        stats = self._stream.stats()
        return stats.underruns + stats.overruns


def _closed(done: "asyncio.Future[None]", held: ExitStack) -> None:
    held.close()
    if not done.cancelled() and (error := done.exception()):
        log.debug("! closing the sound card: %s", error)


def _no_answer() -> DeviceError:
    return DeviceError("The sound card does not answer.", "Unplug it and plug it in again.")
