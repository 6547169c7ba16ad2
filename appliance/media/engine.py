"""The heart-beat of the audio line: `exchange(near) -> far`, once for every 10 ms."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from appliance.core.model import Cue
from appliance.media import pcm
from appliance.media.decoder import Decoder
from appliance.media.echo import EchoCanceller, NoEcho
from appliance.media.heard import Heard
from appliance.media.loudness import quickest
from appliance.media.packet import Packet
from appliance.media.receive import Receiver

# 200 ms of microphone wait for the loop at most: what is older has lost its moment.
NEAR_FRAMES = 10
_LEVEL_BLOCKS = 10  # levels are told every 100 ms
_CUES_WAITING = 4  # tones that may queue behind one another
# Decoders leave a few steps of noise in digital silence; speech is far above -54 dBFS.
_SOUND_PEAK = 64


@dataclass(frozen=True, slots=True)
class NearFrame:
    """20 ms of microphone (1920 bytes, mono, s16le, 48 kHz); `index` counts frames of the card."""

    index: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Counters:
    """What the audio line did so far. `buffered`: seconds of far-end sound in stock."""

    blocks: int
    near_dropped: int
    buffered: float
    heard: Heard


class Engine:
    """Joins the sound card's clock with the call: one for each call.

    `exchange` belongs to the audio thread; everything else belongs to the loop.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cues: Mapping[Cue, bytes],
        decoder: Decoder,
        *,
        levels: Callable[[float, float], None] | None = None,
        first_sound: Callable[[], None] | None = None,
        echo: EchoCanceller | None = None,
        near_gain: float = 1.0,
        muted: bool = False,
    ) -> None:
        """Make an engine that hands the microphone over to `loop`.

        `cues`: the rendered tones. `decoder`: of the far-end stream; used on either thread.
        `levels`: told near and far in dBFS about every 100 ms, on the loop. `first_sound`: called
        once, on the loop, when the first far-end sound is on its way to the card. `near_gain`: what
        the microphone is multiplied with, before its echo is cancelled: what decides there who
        speaks knows voices of a usual level.
        """
        self._loop = loop
        self._cues = cues
        self._levels = levels
        self._first_sound = first_sound
        self._sounded = False
        self._echo = echo or NoEcho()
        self._loudness = quickest()
        self._gain = self._volume = 1.0
        self._near_gain = near_gain
        self._muted = muted
        self._lock = threading.Lock()  # guards the receiver and the tones
        self._receiver = Receiver(decoder)
        self._tones: deque[bytes] = deque(maxlen=_CUES_WAITING)
        self._tone_at = 0
        self._frames: deque[NearFrame] = deque(maxlen=NEAR_FRAMES)
        self._half = b""  # the first block of a frame
        self._index = 0
        self._blocks = 0
        self._taken = -1  # index of the last frame the loop took
        self._near_dropped = 0
        self._near_energy = self._far_energy = 0.0
        self._measured: tuple[float, float] | None = None
        self._told = False
        self._near_there = asyncio.Event()
        self._moved = asyncio.Event()

    # ------------------------------------------------------------------------- the audio thread

    def exchange(self, near: bytes) -> bytes:
        """Take 10 ms of microphone, return 10 ms for the speaker (BLOCK_BYTES each).

        Called on the audio thread. Never raises, and never waits longer than the loop needs to
        append a packet.
        """
        now = self._loop.time()
        with self._lock:
            far = self._receiver.pull(now)
            if not self._sounded:
                self._sounded = pcm.peak(far) >= _SOUND_PEAK
            if self._tones:
                far = pcm.mix(far, self._tone_block())
        far = self._as_loud_as_it_may_be(far)
        if self._near_gain != 1.0:
            near = self._loudness.amplify(near, self._near_gain)
        near = self._echo.process(near, far)
        if self._muted:
            near = pcm.SILENCE
        self._blocks += 1
        self._measure(near, far)
        if self._half:
            self._frames.append(NearFrame(self._index, self._half + near))
            self._index += 1
            self._half = b""
            self._tell_loop()
        else:
            self._half = near
        return far

    def _as_loud_as_it_may_be(self, far: bytes) -> bytes:
        """Return it at the speaker's volume, and lower while somebody cuts in."""
        before, self._gain = self._gain, self._echo.gain * self._volume
        return far if before == self._gain == 1.0 else self._loudness.ramp(far, before, self._gain)

    def _tone_block(self) -> bytes:
        """Return the next block of the tone that is playing. The lock is held."""
        tone, at = self._tones[0], self._tone_at
        self._tone_at = at + pcm.BLOCK_BYTES
        if self._tone_at >= len(tone):
            self._tones.popleft()
            self._tone_at = 0
        return tone[at : at + pcm.BLOCK_BYTES].ljust(pcm.BLOCK_BYTES, b"\0")

    def _measure(self, near: bytes, far: bytes) -> None:
        self._near_energy += pcm.energy(near)
        self._far_energy += pcm.energy(far)
        if self._blocks % _LEVEL_BLOCKS == 0:
            self._measured = (
                pcm.dbfs(self._near_energy / _LEVEL_BLOCKS),
                pcm.dbfs(self._far_energy / _LEVEL_BLOCKS),
            )
            self._near_energy = self._far_energy = 0.0

    def _tell_loop(self) -> None:
        """Cross over to the loop, the only place that does; at most one crossing is under way."""
        if self._told:
            return
        self._told = True
        try:
            self._loop.call_soon_threadsafe(self._on_loop)
        except RuntimeError:  # the loop is closed: the process ends, and nobody listens
            self._told = False

    # --------------------------------------------------------------------------------- the loop

    def _on_loop(self) -> None:
        self._told = False
        self._near_there.set()
        self._moved.set()
        measured, self._measured = self._measured, None
        if measured is not None and self._levels is not None:
            self._levels(*measured)
        if self._sounded and self._first_sound is not None:
            first_sound, self._first_sound = self._first_sound, None
            first_sound()

    @property
    def echo(self) -> EchoCanceller:
        """What takes the echo out of the microphone."""
        return self._echo

    @echo.setter
    def echo(self, echo: EchoCanceller) -> None:
        self._echo = echo

    @property
    def muted(self) -> bool:
        """Whether silence goes out instead of the microphone."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted

    def set_volume(self, percent: int) -> None:
        """Make what the speaker plays as loud as this: 0 to 100 % of how loud it seems.

        The cube of it is the gain, as PulseAudio has it (pa_sw_volume_to_linear): 50 % is -18 dB.
        """
        self._volume = (percent / 100) ** 3

    def receive(self, packet: Packet) -> None:
        """Take in a packet of the far end that comes just now."""
        now = self._loop.time()
        with self._lock:
            self._receiver.push(packet, now)

    def clear(self, hold: float = 0.0) -> None:
        """Stop the far-end voice within the block that is next (5 ms fade). Tones go on.

        What the far end sent until now stays unheard, also what is still on its way; `hold`: and
        what it sends in that many seconds from now.
        """
        now = self._loop.time()
        with self._lock:
            self._receiver.clear(now, hold)

    def play(self, cue: Cue) -> None:
        """Play a tone over whatever else sounds, after tones that are still playing."""
        with self._lock:
            if len(self._tones) < _CUES_WAITING:
                self._tones.append(self._cues[cue])

    def is_drained(self) -> bool:
        """Whether nothing is left to play: no far-end sound in stock, no tone."""
        with self._lock:
            return not self._tones and not self._receiver.pending

    async def drained(self) -> None:
        """Return when nothing is left to play: no far-end sound, no tone.

        Only a running sound card plays: the caller sets the deadline. Cancelling is safe.
        """
        while not self.is_drained():
            self._moved.clear()
            await self._moved.wait()

    def take_near(self) -> NearFrame | None:
        """Return the oldest 20 ms of microphone not yet taken, if there are any."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._near_dropped += frame.index - self._taken - 1
        self._taken = frame.index
        return frame

    def skip_near(self, keep: int = 0) -> None:
        """Drop all waiting microphone but the newest `keep` frames."""
        while len(self._frames) > keep:
            self._taken = self._frames.popleft().index

    @property
    def near_waiting(self) -> int:
        """Frames of microphone waiting to be taken."""
        return len(self._frames)

    async def near_ready(self) -> None:
        """Return when a frame of microphone is waiting. The caller sets the deadline."""
        while not self._frames:
            self._near_there.clear()
            await self._near_there.wait()

    def counters(self) -> Counters:
        """Return what happened so far. Any thread."""
        with self._lock:
            return Counters(
                blocks=self._blocks,
                near_dropped=self._near_dropped,
                buffered=self._receiver.buffered,
                heard=replace(self._receiver.heard()),
            )
