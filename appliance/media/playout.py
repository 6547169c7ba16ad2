"""Decoded sound on its way to the speaker: put together, made up and cut without a click."""

from appliance.media.decoder import Decoder
from appliance.media.pcm import BLOCK_BYTES, RATE, SILENCE, decay, level_dbfs, ramp
from appliance.media.pcm import samples as samples_of
from appliance.media.stretch import LONGEST, SHORTEST, fade, lengthen, period, shorten

FADE = 240  # samples, 5 ms: too short to hear as a fade, long enough not to click
JOINT = 120  # samples, 2.5 ms: made up sound fades into real sound
QUIET_DBFS = -55.0  # sound below this is a pause: it can be cut and needs no concealment


class Playout:
    """Decodes one packet behind the other and gives the sound away in blocks. Not thread-safe."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._pcm = bytearray()
        self._tail = b""  # the end of what clear() dropped
        self._last = 0  # the last sample played
        self._starting = True
        self.quiet = True
        """Whether the last real sound was a pause."""
        self.run = 0
        """Samples made up in a row."""

    def __len__(self) -> int:
        """Return how many samples there are to be played."""
        return len(self._pcm) // 2

    @property
    def pending(self) -> bool:
        """Whether there is anything to be played, be it a fade."""
        return bool(self._pcm or self._tail)

    @property
    def wants(self) -> bool:
        """Whether there is less than a block, and no fade before it."""
        return not self._tail and len(self._pcm) < BLOCK_BYTES

    @property
    def fading(self) -> bool:
        """Whether the next block is the fade of what was dropped."""
        return bool(self._tail)

    def begin(self) -> None:
        """Have what comes next fade in: it does not go on from what was before."""
        self._starting = True

    def play(self, packet: bytes, skip: int = 0) -> None:
        """Decode a packet, without its first `skip` samples: what was made up stands for them."""
        spare = self._spare() if skip else b""
        pcm = self._decoder.decode(packet)
        self.quiet = level_dbfs(pcm) < QUIET_DBFS
        if self._starting:
            before = decay(self._last_decoded(), len(pcm[: 2 * FADE]) // 2)
            pcm = fade(before, pcm[: 2 * FADE]) + pcm[2 * FADE :]
            self._starting = False
        self.run = 0
        self._join(spare, pcm[2 * skip :])

    def recover(self, packet: bytes, count: int) -> None:
        """Decode the last `count` samples of the copy in the packet."""
        whole = count == self._decoder.duration(packet)
        spare = self._spare() if count >= JOINT and not whole else b""
        self._join(spare, self._decoder.recover(packet, count))
        self.run = 0

    def conceal(self, count: int) -> None:
        """Make `count` samples up that go on from the last ones."""
        whole = -(-count // JOINT) * JOINT
        self._pcm += self._decoder.conceal(whole)[: 2 * count]
        self.run += whole

    def end(self) -> None:
        """Go down to silence."""
        if self._pcm or self._last:
            self._pcm += decay(self._last_decoded(), FADE)

    def drop(self) -> None:
        """Fade out within the next block; the rest is not played."""
        head = bytes(self._pcm[: 2 * FADE])
        whole = len(head) == 2 * FADE
        tail = ramp(head, 1.0, 0.0) if whole else decay(self._last, FADE)
        self._tail = tail.ljust(BLOCK_BYTES, b"\0")
        self._pcm.clear()

    def pull(self) -> bytes:
        """Return the next 10 ms, silence where there is nothing."""
        if self._tail:
            block, self._tail = self._tail, b""
            self._last = 0
            return block
        if not self._pcm:
            self._last = 0
            return SILENCE
        block = bytes(self._pcm[:BLOCK_BYTES])
        del self._pcm[:BLOCK_BYTES]
        if len(block) < BLOCK_BYTES:
            block = (block + decay(samples_of(block[-2:])[0], FADE)).ljust(BLOCK_BYTES, b"\0")
            block = block[:BLOCK_BYTES]
        self._last = samples_of(block[-2:])[0]
        return block

    def pause(self, count: int) -> None:
        """Put `count` samples of silence in front."""
        self._pcm = bytearray(bytes(2 * count) + bytes(self._pcm))

    def change(self, excess: float) -> int:
        """Cut up to `excess` seconds out of what plays next, or put about as much in (below 0).

        In speech one period of its pitch: the longest that is not too much, the shortest that is
        enough. Returns the samples put in (cut out: below 0).
        """
        pcm, wanted = bytes(self._pcm), round(abs(excess) * RATE)
        most = len(pcm) // 4
        if self.quiet:
            by = min(wanted, most)
        elif excess > 0:
            by = period(pcm, min(wanted, most, LONGEST), SHORTEST) if wanted >= SHORTEST else 0
        else:
            by = period(pcm, max(SHORTEST, min(wanted, LONGEST // 2)), min(most, LONGEST))
        if not by:
            return 0
        self._pcm = bytearray(shorten(pcm, by) if excess > 0 else lengthen(pcm, by))
        return -by if excess > 0 else by

    @property
    def enough(self) -> bool:
        """Whether there is as much as a search for its pitch looks at."""
        return len(self._pcm) >= 4 * LONGEST

    def _spare(self) -> bytes:
        """Return a little more of what is being made up, to fade it into sound cut in the middle.

        Where nothing is left out the decoder joins the two itself, and better.
        """
        return self._decoder.conceal(JOINT) if self.run else b""

    def _join(self, spare: bytes, pcm: bytes) -> None:
        self._pcm += fade(spare, pcm[: len(spare)]) + pcm[len(spare) :]

    def _last_decoded(self) -> int:
        return samples_of(bytes(self._pcm[-2:]))[0] if self._pcm else self._last
