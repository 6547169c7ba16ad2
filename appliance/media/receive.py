"""Opus packets off the network, in any order and condition, to an unbroken row of 10 ms blocks."""

from appliance.media.arrivals import STRAGGLER, Arrivals, Losses, Unwrapper
from appliance.media.decoder import Decoder
from appliance.media.heard import Heard
from appliance.media.packet import Packet
from appliance.media.pcm import BLOCK_SAMPLES, RATE
from appliance.media.playout import JOINT, Playout
from appliance.media.tempo import BLOCK, SHORT, Tempo

CONCEALED_MOST = 0.12  # s that are made up in a row; beyond it is babble, not speech
BACKLOG = 3.0  # s; older sound than that is given up: so much piles up only while nobody listens
KEPT_AFTER_BACKLOG = 0.1  # s
HOLE = 1.0  # s; a longer silence than that was a pause of the sender
_NOW = 0.0005  # s


class Receiver:
    """A jitter buffer with its decoder: `push` what comes, `pull` what sounds.

    Knows no clock: `now` is an argument of both, seconds of the same clock. Not thread-safe: its
    owner holds a lock.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._arrivals = Arrivals()
        self._packets: dict[int, bytes] = {}
        self._unwrap = Unwrapper(32)
        self._losses = Losses()
        self._next: int | None = None  # timestamp of what is to be decoded next; None: at rest
        self._playout = Playout(decoder)
        self._borrowed = 0  # samples made up while nothing was there, not yet paid back in time
        self._broken: int | None = None  # timestamp at which sound broke off in speech
        self._silent_blocks = 0  # since then
        self._gate: int | None = None  # what was sent before is not played any more
        self._over: int | None = None  # what is older had its turn before the last rest
        self._now = 0.0  # when it was last asked for sound
        self._tempo = Tempo()
        self._heard = Heard()

    # In

    def push(self, packet: Packet, now: float) -> None:
        """Take in a packet that comes just now."""
        at = self._unwrap.feed(packet.timestamp)
        if not self._decoder.duration(packet.payload):
            return
        if not self._arrivals.note(at, now):
            self._restart(at)
        missing = self._losses.missing
        if not self._losses.note(packet.sequence):
            return
        self._arrivals.lost(self._losses.missing - missing)
        self._heard.received += 1
        self._arrivals.copies = self._arrivals.copies or self._decoder.has_copy(packet.payload)
        if self._gate is not None and at < self._gate:
            return
        turn = self._over if self._next is None else self._next
        if turn is not None and at < turn:
            self._heard.late += 1
            return
        self._packets[at] = packet.payload
        if at - min(self._packets) > BACKLOG * RATE:
            self._give_up_backlog(at - round(KEPT_AFTER_BACKLOG * RATE))

    def clear(self, now: float, hold: float = 0.0) -> None:
        """Drop everything sent until now, there or still on its way; 5 ms fade out.

        `hold`: what is sent in that many seconds from now is dropped too.
        """
        if not self._arrivals.began:
            return
        self._gate = self._arrivals.sent(now + hold)
        if len(self._playout) or self._next is not None:
            self._playout.drop()
        self._packets = {at: packet for at, packet in self._packets.items() if at >= self._gate}
        self._rest()
        self._broken = None
        self._decoder.reset()

    # Out

    def pull(self, now: float) -> bytes:
        """Return the next 10 ms: 960 bytes, silence where there is nothing to play."""
        self._now = now
        if not self._playout.fading:
            self._keep_pace(now)
            while self._playout.wants and self._more(now):
                pass
            self._silent_blocks += not self._playout.pending
        return self._playout.pull()

    @property
    def pending(self) -> bool:
        """Whether there is anything left to play."""
        return bool(self._packets) or self._playout.pending

    @property
    def buffered(self) -> float:
        """Seconds of sound that are there to be played."""
        waiting = sum(map(self._decoder.duration, self._packets.values()))
        return (waiting + len(self._playout)) / RATE

    def heard(self) -> Heard:
        """Return the counts so far."""
        self._heard.lost = self._losses.lost
        self._heard.target = self._arrivals.target
        self._heard.jitter = self._arrivals.jitter
        return self._heard

    # Where sound comes from

    def _more(self, now: float) -> bool:
        """Put more sound behind what is decoded; return False if there is none to be had."""
        if self._next is None:
            return self._start(now)
        packet = self._packets.pop(self._next, None)
        if packet is not None:
            self._play(packet)
            return True
        if self._packets:
            self._bridge()
            return True
        return self._wait()

    def _start(self, now: float) -> bool:
        """Begin to play from rest, once the first packet's time has come."""
        if not self._packets:
            return False
        first = min(self._packets)
        due = self._arrivals.target - self._arrivals.lateness(first, now)
        if due > _NOW:
            return False
        self._next = first
        if self._broken is not None and first - self._broken < HOLE * RATE:
            self._heard.missing += self._silent_blocks * BLOCK_SAMPLES / RATE
        self._broken = None
        self._playout.begin()
        return True

    def _play(self, packet: bytes) -> None:
        assert self._next is not None  # noqa: S101 - only called when playing
        length = self._decoder.duration(packet)
        skip = 0
        if self._borrowed:  # it came too late, and what was made up stands in its place
            lateness = self._arrivals.lateness(self._next, self._now)
            blocks = int((lateness - self._arrivals.target + SHORT) / BLOCK)
            skip = max(0, min(self._borrowed, blocks * BLOCK_SAMPLES, length - JOINT))
        self._playout.play(packet, skip)
        self._next += length
        if kept := self._borrowed - skip:
            self._tempo.changed(kept)
        self._borrowed = 0

    def _bridge(self) -> None:
        """Get over packets that did not come: later ones are here."""
        assert self._next is not None  # noqa: S101 - only called when playing
        following = min(self._packets)
        missing = following - self._next - self._borrowed
        self._borrowed = max(0, -missing)
        packet = self._packets[following]
        length = self._decoder.duration(packet)
        if missing <= 0:  # what was made up meanwhile has covered them
            self._next = following
            return
        if missing > HOLE * RATE:
            self._next = following  # a pause of the sender, not a loss
            self._playout.begin()
            return
        if missing <= length and self._decoder.has_copy(packet):
            self._heard.recovered += 1
            self._playout.recover(packet, missing)
            self._next = following
            return
        count = min(BLOCK_SAMPLES, missing)
        self._conceal(count)
        self._next = following - missing + count

    def _wait(self) -> bool:
        """Nothing is here: make a little up, in the hope that more comes."""
        quiet = self._playout.quiet
        if quiet or self._playout.run >= CONCEALED_MOST * RATE:
            if not quiet:
                self._broken, self._silent_blocks = self._next, 0
            self._playout.end()
            self._rest()
            return False
        if not self._borrowed:
            self._heard.underruns += 1
        self._conceal(BLOCK_SAMPLES)
        self._borrowed += BLOCK_SAMPLES
        return True

    def _conceal(self, count: int) -> None:
        self._playout.conceal(count)
        self._heard.concealed += count / RATE

    # How long it waits

    def _keep_pace(self, now: float) -> None:
        """Bring the delay towards its target, by what is not missed."""
        if self._next is None:
            return
        self._tempo.block(now)
        if not self._borrowed:
            played = self._next - len(self._playout)
            self._heard.delay = self._arrivals.lateness(played, now)
        if not self._playout.wants:
            return
        # What counts is how late a packet may be: this one is needed now.
        if not self._borrowed:
            left = len(self._playout) / RATE
            self._tempo.note(self._arrivals.lateness(self._next, now), left)
            excess = self._tempo.excess(self._arrivals.target, quiet=self._playout.quiet)
            if excess:
                self._change(excess)

    def _change(self, excess: float) -> None:
        """Cut `excess` seconds out of what plays next, or put that much in: whole periods only."""
        excess = min(excess, self._spare())
        if not excess:
            return
        if self._playout.quiet and excess < 0:
            samples = round(-excess * RATE)
            self._playout.pause(samples)
        else:
            quiet = self._playout.quiet
            self._decode_ahead()
            if quiet and not self._playout.quiet:
                return  # somebody begins to speak
            samples = self._playout.change(excess)
        if samples:
            self._heard.stretched += abs(samples) / RATE
            self._tempo.changed(samples)

    def _spare(self) -> float:
        """Return how many seconds there are beyond the packet that is needed now."""
        packet = self._packets.get(self._next) if self._next is not None else None
        if packet is None:
            return 0.0
        return max(0.0, self.buffered - self._decoder.duration(packet) / RATE)

    def _decode_ahead(self) -> None:
        """Decode what is there of the sound that a search for its pitch looks at."""
        while not self._playout.enough and self._next in self._packets:
            self._play(self._packets.pop(self._next))

    def _give_up_backlog(self, keep: int) -> None:
        """Drop what was sent before `keep`: so much piles up only while nobody pulls."""
        before = min(self._packets)
        self._packets = {at: packet for at, packet in self._packets.items() if at >= keep}
        self._heard.dropped += (min(self._packets) - before) / RATE
        if self._next is not None:
            self._next = min(self._packets)
        self._playout.begin()
        self._borrowed = self._playout.run = 0
        self._tempo.forget()

    # Beginnings and ends

    def _rest(self) -> None:
        if self._next is not None:
            self._over = self._next
        self._next = None
        self._borrowed = self._playout.run = 0
        self._tempo.forget()

    def _restart(self, at: int) -> None:
        """Forget the timeline before: the sender began a new one, or a long stall shifted it."""
        self._packets.clear()
        if self._gate is not None and not 0 <= self._gate - at < STRAGGLER * RATE:
            self._gate = None
        if self._broken is not None and not 0 <= at - self._broken < HOLE * RATE:
            self._broken = None
        self._losses.begin_anew()
        self._rest()
        self._over = None
