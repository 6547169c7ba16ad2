"""Turns sound that arrives in pieces of any length into an unbroken row of 10 ms blocks."""

from appliance.media.pcm import BLOCK_BYTES, RATE, SILENCE, decay, ramp, samples

# aiortc has evened out 80 ms of jitter already; two packets cover the unrest of our own loop.
PRIME = 0.04  # seconds
# More than this in stock only comes from a stall, and would delay every answer from then on.
LIMIT = 0.5  # seconds
FADE_SAMPLES = 240  # 5 ms: too short to hear as a fade, long enough not to click
# Sound that comes back sooner than this was interrupted; later, it had simply ended.
HOLE_BLOCKS = 20

_FADE_BYTES = 2 * FADE_SAMPLES


class PlayoutBuffer:
    """A buffer that a network fills and a sound card empties; knows no time, only samples.

    Not thread-safe: its owner holds a lock. All sound is mono, s16le, 48 kHz.
    """

    def __init__(self, prime: float = PRIME, limit: float = LIMIT) -> None:
        """`prime`: seconds to gather before playing; `limit`: seconds kept at most."""
        self._prime_bytes = max(BLOCK_BYTES, round(prime * RATE) * 2)
        self._limit_bytes = max(self._prime_bytes, round(limit * RATE) * 2)
        self._data = bytearray()
        self._playing = False
        self._waited_blocks = 0
        self._hole_blocks: int | None = None  # since sound ran out; None: it has not
        self._fading_in = False
        self._last = 0  # the sample played last
        self._tail = b""  # the fade of what clear() dropped
        self.pushed = 0
        """Samples that came in, ever."""
        self.underruns = 0
        """Times that sound ran out and went on within 200 ms."""
        self.overruns = 0
        """Times that a backlog was thrown away."""

    @property
    def buffered(self) -> int:
        """Samples in stock."""
        return len(self._data) // 2

    @property
    def gone(self) -> int:
        """Samples that were played or dropped, ever; what is pushed now goes at `pushed`."""
        return self.pushed - self.buffered

    def push(self, pcm: bytes) -> None:
        """Add sound of any length. Beyond the limit the oldest goes and only the newest stays.

        Raises ValueError if `pcm` is not whole samples.
        """
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes are not whole 16-bit samples")
        if not pcm:
            return
        self._data += pcm
        self.pushed += len(pcm) // 2
        if self._hole_blocks is not None and self._hole_blocks < HOLE_BLOCKS:
            self.underruns += 1
        self._hole_blocks = None
        if len(self._data) > self._limit_bytes:
            self._fade_out()
            del self._data[: -self._prime_bytes]
            self._fading_in = True
            self.overruns += 1

    def pull(self) -> bytes:
        """Return the next 10 ms: 960 bytes, silence where there is nothing to play."""
        if self._tail:
            tail, self._tail = self._tail, b""
            self._last = 0
            return tail
        if not self._playing and not self._start():
            return SILENCE
        block = bytes(self._data[:BLOCK_BYTES])
        del self._data[:BLOCK_BYTES]
        if self._fading_in:
            head = block[:_FADE_BYTES]
            block = ramp(head, 0.0, len(head) / _FADE_BYTES) + block[_FADE_BYTES:]
            self._fading_in = False
        if len(block) < BLOCK_BYTES:
            last = samples(block[-2:])[0] if block else self._last
            block += decay(last, FADE_SAMPLES)
            self._tail = _padded(block[BLOCK_BYTES:])
            self._stop()
            self._hole_blocks = 0
            return _padded(block[:BLOCK_BYTES])
        self._last = samples(block[-2:])[0]
        return block

    def clear(self) -> None:
        """Drop everything now; what was about to sound fades out within 5 ms."""
        self._fade_out()
        self._data.clear()
        self._stop()
        self._hole_blocks = None

    def _fade_out(self) -> None:
        """Make what sounds now end in the next block, before its stock is dropped."""
        if self._tail or not self._playing:
            return
        head = bytes(self._data[:_FADE_BYTES])
        whole = len(head) == _FADE_BYTES and not self._fading_in
        self._tail = _padded(ramp(head, 1.0, 0.0) if whole else decay(self._last, FADE_SAMPLES))

    def _start(self) -> bool:
        """Whether enough has gathered, or has waited long enough, to be played."""
        if self._hole_blocks is not None:
            self._hole_blocks += 1
        if not self._data:
            return False
        if len(self._data) < self._prime_bytes:
            self._waited_blocks += 1
            if self._waited_blocks * BLOCK_BYTES <= self._prime_bytes:
                return False
        self._playing = True
        self._fading_in = True
        return True

    def _stop(self) -> None:
        self._playing = False
        self._waited_blocks = 0
        self._last = 0


def _padded(pcm: bytes) -> bytes:
    """Fill a started block up with silence; nothing stays nothing."""
    return pcm.ljust(BLOCK_BYTES, b"\0") if pcm else b""
