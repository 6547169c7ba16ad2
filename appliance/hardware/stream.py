"""An open sound card: PortAudio's streams in the format the card wants, and their callbacks."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import override

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.alsa import Direction
from appliance.hardware.cards import Card, vanished
from appliance.hardware.first_cards import FirstCards
from appliance.hardware.portaudio import alone, found, portaudio
from appliance.media.blocks import BlockLine, Format
from appliance.media.convert import Width
from appliance.media.pcm import RATE
from appliance.ports import AudioStats, AudioStream, Exchange

if TYPE_CHECKING:
    import pyaudio

log = logging.getLogger(__name__)

# Hz, in the order of preference where the card does not tell: ours first, and quality before load.
RATES = (RATE, 44_100, 32_000, 24_000, 16_000, 96_000, 88_200, 22_050, 11_025, 8_000)
# portaudio.h: paInt16, paInt32, paInt24, paFloat32; the fewest bytes first, floats cost the most
WIDTHS: Mapping[Width, int] = {"s16": 8, "s32": 2, "s24": 4, "float": 1}
# portaudio.h: paContinue, PaStreamCallbackFlags, PaErrorCode
_CONTINUE = 0
_INPUT_OVERFLOW, _OUTPUT_UNDERFLOW = 0x2, 0x4
_UNSUITABLE = (-9998, -9997, -9994, -9993)  # channels, rate, format, combination of devices
_BUSY = -9985

# (data, frames, times, flags) -> (data, what next)
Callback: TypeAlias = Callable[
    [bytes | None, int, Mapping[str, float], int], tuple[bytes | None, int]
]


class CardStream(AudioStream):
    """The card of one call: a worker thread opens and closes it, PortAudio's threads call back."""

    def __init__(
        self,
        config: AudioConfig,
        exchange: Exchange,
        duplex: bool | None,
        after: AudioStream | None = None,
    ) -> None:
        """`duplex`: one stream for both directions, or two; None leaves it to the cards.

        `after`: as AudioDevice has it.
        """
        self._config = config
        self._exchange = exchange
        self._duplex = duplex
        self.first: FirstCards = after.first if isinstance(after, CardStream) else FirstCards()
        """What chooses the cards of this call."""
        self._stack = ExitStack()  # PortAudio
        self._opened = ExitStack()  # its streams
        self._streams: tuple[pyaudio.Stream, ...] = ()
        self._cards: tuple[pyaudio.PyAudio, Card, Card] | None = None
        self._block_ms: int = config.block_ms
        self._near_form = self._far_form = Format()
        self._line = BlockLine(exchange)
        self._blocks = 0  # those of lines before this one
        self._lock = threading.Lock()  # two streams call back from two threads
        self._underruns = self._overruns = 0
        self._input_delay = self._output_delay = 0.0
        self._heard = self._played = 0

    @override
    def stats(self) -> AudioStats:
        return AudioStats(
            input_delay=self._input_delay,
            output_delay=self._output_delay,
            underruns=self._underruns + self._line.starved,
            overruns=self._overruns + self._line.flooded,
            blocks=self._blocks + self._line.blocks,
            block_ms=self._block_ms,
            input_rate=self._near_form.rate_hz,
            output_rate=self._far_form.rate_hz,
        )

    @property
    def calls(self) -> tuple[int, int]:
        """Times that the microphone brought sound, and that the speaker asked for some."""
        return self._heard, self._played

    def open(self, block_ms: int) -> None:
        """Choose the cards and start them, with blocks of this length; of open ones, choose anew.

        Others may stand in at once where the first card fails. Worker thread. Raises DeviceError.
        """
        with alone():
            with self._stack:
                self._opened.close()
            self._open_best(block_ms)

    def _open_best(self, block_ms: int) -> None:
        audio = self._stack.enter_context(portaudio())
        cards = found(audio)
        self._choose(audio, cards)
        try:
            self._start(block_ms)
        except DeviceError:
            self._opened.close()
            if not self.first.failed():
                raise
            self._choose(audio, cards)
            self._start(block_ms)

    def _choose(self, audio: "pyaudio.PyAudio", cards: Sequence[Card]) -> None:
        microphone, speaker = self.first.choose(cards, self._config)
        log.debug("= microphone %s: %s", microphone.card.name, microphone.reason)
        log.debug("= speaker %s: %s", speaker.card.name, speaker.reason)
        self._cards = (audio, microphone.card, speaker.card)

    def reopen(self, block_ms: int) -> None:
        """Go on with blocks of another length. Worker thread, after `open`. Raises DeviceError."""
        with alone():
            self._opened.close()
            self._start(block_ms)

    def close(self) -> None:
        """Close whatever is open without playing it to its end. Worker thread."""
        with alone(-1), self._stack:
            self._opened.close()

    def active(self) -> bool:
        """Whether PortAudio still runs every stream. Between open and close."""
        try:
            return all(stream.is_active() for stream in self._streams)
        except OSError:  # closed underneath us
            return False

    def check_present(self) -> None:
        """Raise DeviceError if the kernel has lost one of the cards. Between open and close."""
        for card in self._cards[1:] if self._cards is not None else ():
            _check_present(card)

    def _start(self, block_ms: int) -> None:
        assert self._cards is not None, "not open"  # noqa: S101 - misuse
        audio, microphone, speaker = self._cards
        self._block_ms = block_ms
        try:
            self._open(audio, microphone, speaker)
            for stream in self._streams:
                stream.start_stream()
        except OSError as error:
            raise _in_words(error, microphone, speaker) from error
        self._input_delay = self._streams[0].get_input_latency()
        self._output_delay = self._streams[-1].get_output_latency()
        log.debug("= microphone %s, speaker %s, %d ms", self._near_form, self._far_form, block_ms)

    def _open(self, audio: "pyaudio.PyAudio", microphone: Card, speaker: Card) -> None:
        """Open one stream for a card that has both, else, or if that fails, one for each.

        Not one for both behind a sound server: after the first underrun in ALSA's pulse plugin
        PortAudio 19.6 polls without waiting and takes a whole core until the stream is closed
        (measured: 96 % against 5 %).
        """
        one_card = microphone.index == speaker.index and microphone.hardware
        if one_card if self._duplex is None else self._duplex:
            for form in formats(microphone, "input"):
                stream = self._attempt(audio, form, self._both, microphone, speaker)
                if stream is not None:
                    self._begin(form, form, stream)
                    return
        inward, near = self._one_way(audio, self._capture, "input", microphone)
        outward, far = self._one_way(audio, self._render, "output", speaker)
        self._begin(near, far, inward, outward)

    def _begin(self, near: Format, far: Format, *streams: "pyaudio.Stream") -> None:
        """Take the streams into use; the counts go on."""
        old = self._line
        self._blocks += old.blocks
        self._underruns += old.starved
        self._overruns += old.flooded
        self._line = BlockLine(self._exchange, near, far, one_buffer=len(streams) == 1)
        self._near_form, self._far_form = near, far
        self._streams = streams

    def _one_way(
        self, audio: "pyaudio.PyAudio", callback: Callback, direction: Direction, card: Card
    ) -> "tuple[pyaudio.Stream, Format]":
        microphone = card if direction == "input" else None
        speaker = card if direction == "output" else None
        for form in formats(card, direction):
            stream = self._attempt(audio, form, callback, microphone, speaker)
            if stream is not None:
                return stream, form
        raise DeviceError(
            f"{card.name} offers no sound format that can be used.", "Choose another sound card."
        )

    def _attempt(
        self,
        audio: "pyaudio.PyAudio",
        form: Format,
        callback: Callback,
        microphone: Card | None,
        speaker: Card | None,
    ) -> "pyaudio.Stream | None":
        """Open a stream without starting it; None if the card does not do this format.

        Raises DeviceError if a card was unplugged meanwhile: it then does no format at all.
        """
        try:
            stream = audio.open(
                rate=form.rate_hz,
                channels=form.channels,
                format=WIDTHS[form.width],
                frames_per_buffer=form.rate_hz * self._block_ms // 1000,
                stream_callback=callback,
                start=False,
                input=microphone is not None,
                input_device_index=microphone.index if microphone else None,
                output=speaker is not None,
                output_device_index=speaker.index if speaker else None,
            )
        except OSError as error:
            if error.errno not in _UNSUITABLE:
                raise
            for card in (microphone, speaker):
                if card is not None:
                    _check_present(card)
            return None
        self._opened.callback(stream.close)
        return stream

    # What follows is called on PortAudio's threads, under the GIL: it moves bytes and nothing else.

    def _both(
        self, data: bytes | None, frames: int, times: Mapping[str, float], flags: int
    ) -> tuple[bytes, int]:
        self._heard += 1
        self._note(times, flags)
        self._line.capture(data or b"")
        return self._line.render(frames), _CONTINUE

    def _capture(
        self, data: bytes | None, _frames: int, _times: Mapping[str, float], flags: int
    ) -> tuple[None, int]:
        self._heard += 1
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
            self._played += 1


def formats(card: Card, direction: Direction) -> Iterator[Format]:
    """Yield what to try, the best first: the rates the card tells, then all others.

    What PortAudio converts by itself (19.6: widths, never rates) it is left to convert.
    """
    told = card.ability(direction)
    rates = [rate for rate in RATES if rate in told.rates]
    rates += [rate for rate in (RATE, card.rate_hz, *RATES) if rate and rate not in rates]
    channels = dict.fromkeys((1, 2, *told.channels, card.channels(direction)))
    for width in WIDTHS:
        for rate_hz in dict.fromkeys(rates):
            for count in channels:
                if count:
                    yield Format(rate_hz, count, width)


def _check_present(card: Card) -> None:
    if vanished(card):
        raise DeviceError(f"{card.name} is gone.", "Plug it in again.")


def _in_words(error: OSError, microphone: Card, speaker: Card) -> DeviceError:
    if isinstance(error, DeviceError):
        return error
    names = " and ".join(dict.fromkeys((microphone.name, speaker.name)))
    if error.errno == _BUSY:
        return DeviceError(f"{names}: in use by another program, or gone.", "Close the other one.")
    reason = error.args[-1] if error.args else error
    return DeviceError(f"{names} cannot be opened ({reason}).", "Unplug it and plug it in again.")
