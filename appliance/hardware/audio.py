"""Microphone and speaker by PortAudio: opens them, moves bytes, notices when they stop."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import override

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.cards import Card, choose
from appliance.hardware.portaudio import found, portaudio
from appliance.hardware.worker import Worker
from appliance.media.blocks import BlockLine, Format
from appliance.media.pcm import RATE
from appliance.ports import AudioDevice, AudioStats, AudioStream, CaptureLatch, Exchange

if TYPE_CHECKING:
    import pyaudio

log = logging.getLogger(__name__)

OPEN_DEADLINE = 4.5  # seconds: the port promises 5; a healthy card takes 0.1
CLOSE_DEADLINE = 1.0  # seconds: a stream of an unplugged card closes in 0.01 (measured, USB/IP)
_TICK = 0.1  # seconds between two looks at the callbacks
# An unplugged USB card stops calling back and says nothing (measured, PortAudio 19.6). Ticks and
# not seconds, so that a loop or process that stood still is not taken for a card that did.
_STILL_TICKS = 7
_FIRST_TICKS = 20  # a sound server may take longer to begin

_RATES = (RATE, 44_100, 32_000, 16_000, 8_000)  # Hz, in the order of preference
# portaudio.h: paInt16, paContinue, PaStreamCallbackFlags, PaErrorCode
_INT16, _CONTINUE = 8, 0
_INPUT_OVERFLOW, _OUTPUT_UNDERFLOW = 0x2, 0x4
_UNSUITABLE = (-9998, -9997, -9994, -9993)  # channels, rate, format, combination of devices
_BUSY = -9985

# (data, frames, times, flags) -> (data, what next)
Callback: TypeAlias = Callable[
    [bytes | None, int, Mapping[str, float], int], tuple[bytes | None, int]
]


class PyAudioDevice(AudioDevice):
    """The sound card that `config` names, at 48 kHz where it can, else at its own rate."""

    def __init__(
        self, config: AudioConfig, latch: CaptureLatch, *, duplex: bool | None = None
    ) -> None:
        """`duplex`: one stream for both directions, or two; None leaves it to the cards."""
        self._config = config
        self._latch = latch
        self._duplex = duplex

    @override
    @asynccontextmanager
    async def open(
        self, exchange: Exchange, failed: Callable[[DeviceError], None]
    ) -> AsyncIterator[AudioStream]:
        """See AudioDevice. The latch is held until the card is closed, even if that hangs."""
        loop = asyncio.get_running_loop()
        held = ExitStack()
        held.enter_context(self._latch.hold("microphone"))
        worker = Worker(loop, "sound card")
        stream = _Stream(self._config, exchange, self._duplex)
        watch = _Watch(loop, stream, failed)
        hung = False
        try:
            try:
                async with asyncio.timeout(OPEN_DEADLINE):
                    await worker.run(stream.open)
            except TimeoutError as error:
                hung = True
                raise DeviceError(
                    "The sound card does not answer.", "Unplug it and plug it in again."
                ) from error
            watch.start()
            yield stream
        finally:
            watch.stop()
            # Queued behind an opening that still hangs: whenever that ends, the card is closed.
            closing = worker.last(stream.close)
            closing.add_done_callback(lambda done: _closed(done, held))
            if not hung:
                await asyncio.wait([closing], timeout=CLOSE_DEADLINE)


class _Stream(AudioStream):
    """An opened card: the worker opens and closes it, PortAudio's threads call back."""

    def __init__(self, config: AudioConfig, exchange: Exchange, duplex: bool | None) -> None:
        self._config = config
        self._exchange = exchange
        self._duplex = duplex
        self._stack = ExitStack()
        self._streams: tuple[pyaudio.Stream, ...] = ()
        self._line = BlockLine(exchange)
        self._lock = threading.Lock()  # two streams call back from two threads
        self._underruns = self._overruns = 0
        self._input_delay = self._output_delay = 0.0
        self.calls = 0
        """Times that the speaker asked for sound."""

    @override
    def stats(self) -> AudioStats:
        return AudioStats(
            input_delay=self._input_delay,
            output_delay=self._output_delay,
            underruns=self._underruns + self._line.starved,
            overruns=self._overruns + self._line.flooded,
            blocks=self._line.blocks,
        )

    def open(self) -> None:
        """Choose the cards and start them. Worker thread. Raises DeviceError."""
        audio = self._stack.enter_context(portaudio())
        cards = found(audio)
        microphone = choose(cards, self._config.input, "input")
        speaker = choose(cards, self._config.output, "output")
        log.debug("= microphone %s: %s", microphone.card.name, microphone.reason)
        log.debug("= speaker %s: %s", speaker.card.name, speaker.reason)
        try:
            self._open(audio, microphone.card, speaker.card)
            for stream in self._streams:
                stream.start_stream()
        except OSError as error:
            raise _in_words(error, microphone.card, speaker.card) from error
        self._input_delay = self._streams[0].get_input_latency()
        self._output_delay = self._streams[-1].get_output_latency()

    def close(self) -> None:
        """Close whatever is open without playing it to its end. Worker thread."""
        self._stack.close()

    def active(self) -> bool:
        """Whether PortAudio still runs every stream. Between open and close."""
        try:
            return all(stream.is_active() for stream in self._streams)
        except OSError:  # closed underneath us
            return False

    def _open(self, audio: "pyaudio.PyAudio", microphone: Card, speaker: Card) -> None:
        """Open one stream for a card that has both, else, or if that fails, one for each.

        Not one for both behind a sound server: after the first underrun in ALSA's pulse plugin
        PortAudio 19.6 polls without waiting and takes a whole core until the stream is closed
        (measured: 96 % against 5 %).
        """
        one_card = microphone.index == speaker.index and microphone.hardware
        if one_card if self._duplex is None else self._duplex:
            for form in _formats():
                stream = self._attempt(audio, form, self._both, microphone, speaker)
                if stream is not None:
                    self._line = BlockLine(self._exchange, form, form)
                    self._streams = (stream,)
                    return
        inward, near_form = self._one_way(audio, self._capture, microphone=microphone)
        outward, far_form = self._one_way(audio, self._render, speaker=speaker)
        self._line = BlockLine(self._exchange, near_form, far_form, one_buffer=False)
        self._streams = (inward, outward)

    def _one_way(
        self,
        audio: "pyaudio.PyAudio",
        callback: Callback,
        microphone: Card | None = None,
        speaker: Card | None = None,
    ) -> "tuple[pyaudio.Stream, Format]":
        for form in _formats():
            stream = self._attempt(audio, form, callback, microphone, speaker)
            if stream is not None:
                return stream, form
        card = microphone or speaker
        raise DeviceError(
            f"{card and card.name} offers no usable sample rate.", "Choose another sound card."
        )

    def _attempt(
        self,
        audio: "pyaudio.PyAudio",
        form: Format,
        callback: Callback,
        microphone: Card | None,
        speaker: Card | None,
    ) -> "pyaudio.Stream | None":
        """Open a stream without starting it; None if the card does not do this format."""
        try:
            stream = audio.open(
                rate=form.rate_hz,
                channels=form.channels,
                format=_INT16,
                frames_per_buffer=form.rate_hz * self._config.block_ms // 1000,
                stream_callback=callback,
                start=False,
                input=microphone is not None,
                input_device_index=microphone.index if microphone else None,
                output=speaker is not None,
                output_device_index=speaker.index if speaker else None,
            )
        except OSError as error:
            if error.errno in _UNSUITABLE:
                return None
            raise
        self._stack.callback(stream.close)
        return stream

    # What follows is called on PortAudio's threads, under the GIL: it moves bytes and nothing else.

    def _both(
        self, data: bytes | None, frames: int, times: Mapping[str, float], flags: int
    ) -> tuple[bytes, int]:
        self._note(times, flags)
        self._line.capture(data or b"")
        return self._line.render(frames), _CONTINUE

    def _capture(
        self, data: bytes | None, _frames: int, _times: Mapping[str, float], flags: int
    ) -> tuple[None, int]:
        self._note({}, flags)
        with self._lock:
            self._line.capture(data or b"")
        return None, _CONTINUE

    def _render(
        self, _data: bytes | None, frames: int, times: Mapping[str, float], flags: int
    ) -> tuple[bytes, int]:
        self._note(times, flags)
        with self._lock:
            return self._line.render(frames), _CONTINUE

    def _note(self, times: Mapping[str, float], flags: int) -> None:
        if flags & _INPUT_OVERFLOW:
            self._overruns += 1
        if flags & _OUTPUT_UNDERFLOW:
            self._underruns += 1
        if times:
            self._output_delay = times["output_buffer_dac_time"] - times["current_time"]
            self.calls += 1


class _Watch:
    """Looks ten times a second whether the card still calls back; tells once if it does not."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        stream: _Stream,
        failed: Callable[[DeviceError], None],
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None
        self._calls = 0
        self._still = 0

    def start(self) -> None:
        self._timer = self._loop.call_later(_TICK, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        moved = self._stream.calls != self._calls
        self._calls = self._stream.calls
        self._still = 0 if moved else self._still + 1
        patience = _STILL_TICKS if self._calls else _FIRST_TICKS
        if self._still < patience and (moved or self._stream.active()):
            self.start()
            return
        log.debug("! the sound card has not called back for %d ticks", self._still)
        self._failed(
            DeviceError("The sound card has stopped.", "Check that it is still plugged in.")
        )


def _formats() -> Iterator[Format]:
    for rate_hz in _RATES:
        for channels in (1, 2):
            yield Format(rate_hz, channels)


def _closed(done: asyncio.Future[None], held: ExitStack) -> None:
    held.close()
    if not done.cancelled() and (error := done.exception()):
        log.debug("! closing the sound card: %s", error)


def _in_words(error: OSError, microphone: Card, speaker: Card) -> DeviceError:
    if isinstance(error, DeviceError):
        return error
    names = " and ".join(dict.fromkeys((microphone.name, speaker.name)))
    if error.errno == _BUSY:
        return DeviceError(f"{names}: in use by another program, or gone.", "Close the other one.")
    reason = error.args[-1] if error.args else error
    return DeviceError(f"{names} cannot be opened ({reason}).", "Unplug it and plug it in again.")
