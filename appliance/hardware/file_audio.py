"""Sound files for microphone and speaker, both on one clock of 10 ms, as a sound card has it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from typing_extensions import override

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.worker import Worker
from appliance.media.files import WavWriter, read_sound
from appliance.media.pcm import BLOCK_BYTES
from appliance.ports import AudioDevice, AudioStats, AudioStream, CaptureLatch, Exchange

log = logging.getLogger(__name__)

BLOCK = 0.01  # seconds
OPEN_DEADLINE = 4.5  # seconds: the port promises 5; a network disk may sleep
CLOSE_DEADLINE = 2.0  # seconds for the last bytes to reach the disk
# Blocks missed in a pause longer than this (a suspended machine) are left out and counted, as a
# sound card leaves them out; shorter pauses are made up for, so that the clock does not drift.
_PAUSE = 0.5  # seconds


class FileAudio(AudioDevice):
    """Plays `input_file` to the appliance, then silence, and writes what it says to `output_file`.

    Either may be empty: no file, silence in, nothing kept. The input is any sound file; the output
    is WAV (mono, 16 bits, 48 kHz), its header brought up to date each 100 ms and at every exit.
    """

    def __init__(self, config: AudioConfig, latch: CaptureLatch) -> None:
        self._config = config
        self._latch = latch

    @override
    @asynccontextmanager
    async def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AsyncIterator[AudioStream]:
        """See AudioDevice. The clock runs on a thread of its own, untouched by a busy loop."""
        loop = asyncio.get_running_loop()
        held = ExitStack()
        held.enter_context(self._latch.hold("microphone"))
        worker = Worker(loop, "sound files")
        stream = _FileStream(self._config, exchange)
        hung = False

        def ended(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and (error := done.exception()) and not stream.stopping:
                failed(_in_words(error, self._config.output_file))

        try:
            try:
                async with asyncio.timeout(OPEN_DEADLINE):
                    await worker.run(stream.open)
            except TimeoutError as error:
                hung = True
                raise DeviceError("The sound files cannot be opened in time.") from error
            running = worker.run(stream.run)
            running.add_done_callback(ended)
            yield stream
        finally:
            stream.stop()
            closing = worker.last(stream.close)
            closing.add_done_callback(lambda done: _closed(done, held))
            if not hung:
                await asyncio.wait([closing], timeout=CLOSE_DEADLINE)


class _FileStream(AudioStream):
    """The two files and their clock, on the worker thread; `stats` and `stop` on any."""

    def __init__(self, config: AudioConfig, exchange: Exchange) -> None:
        self._config = config
        self._exchange = exchange
        self._stack = ExitStack()
        self._stopping = False
        self._near: Iterator[bytes] = iter(())
        self._rest = bytearray()
        self._speaker: WavWriter | None = None
        self._blocks = self._missed = 0

    @override
    def stats(self) -> AudioStats:
        return AudioStats(blocks=self._blocks, underruns=self._missed, overruns=self._missed)

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for."""
        return self._stopping

    def stop(self) -> None:
        """End `run` within one block. Any thread."""
        self._stopping = True

    def open(self) -> None:
        """Open both files. Raises DeviceError."""
        if self._config.input_file:
            near = read_sound(Path(self._config.input_file).expanduser())
            self._stack.callback(near.close)
            self._rest += next(near, b"")
            self._near = near
        if self._config.output_file:
            path = Path(self._config.output_file).expanduser()
            try:
                self._speaker = self._stack.enter_context(WavWriter(path))
            except OSError as error:
                raise _in_words(error, self._config.output_file) from error

    def run(self) -> None:
        """Exchange a block every 10 ms until stopped. Raises OSError or DeviceError."""
        due = time.monotonic()
        while True:
            time.sleep(max(0.0, due - time.monotonic()))  # an Event's wait takes 60 us more of CPU
            if self._stopping:
                return
            far = self._exchange(self._next())
            if self._speaker is not None:
                self._speaker.write(far)
            self._blocks += 1
            due += BLOCK
            late = time.monotonic() - due
            if late > _PAUSE:
                self._missed += round(late / BLOCK)
                due += round(late / BLOCK) * BLOCK

    def close(self) -> None:
        """Close both files; the output's header tells its true length."""
        self._stack.close()

    def _next(self) -> bytes:
        while len(self._rest) < BLOCK_BYTES:
            piece = next(self._near, None)
            if piece is None:
                self._rest += bytes(BLOCK_BYTES - len(self._rest))
                break
            self._rest += piece
        block = bytes(self._rest[:BLOCK_BYTES])
        del self._rest[:BLOCK_BYTES]
        return block


def _closed(done: asyncio.Future[None], held: ExitStack) -> None:
    held.close()
    if not done.cancelled() and (error := done.exception()):
        log.warning("! the sound files were not closed well: %s", error)


def _in_words(error: BaseException, path: str) -> DeviceError:
    if isinstance(error, DeviceError):
        return error
    if isinstance(error, OSError):
        cause = f"{path} cannot be written ({error.strerror or error})."
        return DeviceError(cause, "Check audio.output_file.")
    return DeviceError(f"The sound files have stopped ({error!r}).")
