"""Between a sound card's own buffers and the blocks of `exchange`: any size, rate and channels."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.media.convert import (
    WIDTH_BYTES,
    RateConverter,
    Width,
    gather,
    narrow,
    scatter,
    widen,
)
from appliance.media.pcm import BLOCK_BYTES, RATE, SILENCE

# Microphone and speaker that do not share a buffer, or whose rate is converted, do not keep step to
# the sample; two blocks in stock take that up.
STOCK_BLOCKS = 2
_MOST_BLOCKS = 8  # more means that the speaker's clock stood still
_NEVER = 1 << 30
_WINDOW_BLOCKS = 100  # a stock that was never needed in one second is only delay


@dataclass(frozen=True, slots=True)
class Format:
    """How a card counts sound: samples of `width` at `rate_hz`, `channels` interleaved."""

    rate_hz: int = RATE
    channels: int = 1
    width: Width = "s16"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return WIDTH_BYTES[self.width] * self.channels


class BlockLine:
    """Takes what a card captures and makes what it plays, by calling `exchange` for every 10 ms.

    Belongs to the audio thread; if capture and render come from two, their owner holds a lock.
    """

    def __init__(
        self,
        exchange: Callable[[bytes], bytes],
        near: Format = Format(),
        far: Format = Format(),
        *,
        one_buffer: bool = True,
    ) -> None:
        """`one_buffer`: every capture is followed by a render of the same length."""
        self._exchange = exchange
        self._near_format, self._far_format = near, far
        self._near_rate = RateConverter(near.rate_hz, RATE)
        self._far_rate = RateConverter(RATE, far.rate_hz)
        in_step = one_buffer and near.rate_hz == far.rate_hz == RATE
        self._stock_bytes = 0 if in_step else STOCK_BLOCKS * BLOCK_BYTES
        self._near = bytearray()
        self._far = bytearray()
        self._flowing = in_step
        self._least = _NEVER
        self._takes = 0
        self.blocks = 0
        """Times that `exchange` was called."""
        self.starved = 0
        """Blocks of silence in place of microphone that came late."""
        self.flooded = 0
        """Times that microphone nobody took was dropped."""

    def capture(self, data: bytes) -> None:
        """Take what the card's microphone delivered, in the card's format."""
        form = self._near_format
        heard = gather(narrow(data, form.width), form.channels)
        self._near += self._near_rate.convert(heard)
        if len(self._near) > self._stock_bytes + _MOST_BLOCKS * BLOCK_BYTES:
            del self._near[: -(self._stock_bytes + BLOCK_BYTES)]
            self._least = _NEVER
            self.flooded += 1

    def render(self, frames: int) -> bytes:
        """Return the next `frames` samples of each channel for the card's speaker."""
        form = self._far_format
        wanted = form.frame_bytes * frames
        while len(self._far) < wanted:
            far = self._far_rate.convert(self._exchange(self._take()))
            self._far += widen(scatter(far, form.channels), form.width)
            self.blocks += 1
        data = bytes(self._far[:wanted])
        del self._far[:wanted]
        return data

    def _take(self) -> bytes:
        """Return the oldest block of microphone, or silence until there is enough in stock."""
        if len(self._near) < BLOCK_BYTES:
            if self._flowing:
                self.starved += 1
            self._flowing = self._stock_bytes == 0
            return SILENCE
        if not self._flowing and len(self._near) < self._stock_bytes:
            return SILENCE
        self._flowing = True
        if self._stock_bytes:
            self._shrink()
        block = bytes(self._near[:BLOCK_BYTES])
        del self._near[:BLOCK_BYTES]
        return block

    def _shrink(self) -> None:
        """Drop the whole blocks that a second of unrest has not used: two clocks, or a stall."""
        self._least = min(self._least, len(self._near))
        self._takes = (self._takes + 1) % _WINDOW_BLOCKS
        if self._takes:
            return
        spare = (self._least - self._stock_bytes) // BLOCK_BYTES * BLOCK_BYTES
        if spare > 0:
            del self._near[:spare]
            self.flooded += 1
        self._least = _NEVER
