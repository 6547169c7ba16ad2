"""How late packets come, and how long sound has to wait for them."""

from collections import deque

from appliance.media.pcm import RATE

FLOOR = 0.010  # s; what a card that asks a little too early, or a busy loop, needs on a clean path
CEILING = 0.4  # s; whoever waits longer for an answer begins to speak again
MARGIN = 0.002  # s on top of the lateness that is waited for
SHARE = 0.99  # of all packets are waited for; error correction or concealment covers the rest
COPY_SHARE = 0.65  # of all copies are waited for, where packets get lost
BURST = 0.005  # s; what comes so soon after another packet was held up by the same thing
COPY_DELAY = 0.020  # s; the copy of a packet comes with the next one
RESTART = 1.0  # s; packets that are so much too late, or early, are of a new timeline
STRAGGLER = 5.0  # s; what is no older than that, and older than what is here, is merely late

_KNOWN = 256  # packets, of which is known whether they came; SRTP drops what is 128 too late
_SEEN_BITS = (1 << _KNOWN) - 1
_OVERDUE = 4  # packets; so far behind the newest, one that has not come is missing
_DROPOUT = 3000  # packets; a longer hole is another row of numbers (RFC 3550, A.1)
_MEMORY = 200  # packets, 4 s
_BUCKET = 0.5  # s
_MEASURED = 5.0  # s, of which the fastest packet is the measure: 200 ppm of drift move it by 1 ms
_USUAL_SHARE = 0.9
_PEAK = 0.060  # s above what is usual
_PEAKS = 4  # that are known
_PEAK_KEPT = 10.0  # s; two peaks in this time are a habit of this network
_LOSS_MEMORY = 0.998  # for each packet; half is forgotten after 350, 7 s
_LOSS_MOST = 0.01  # share of lost packets beyond which none is remembered longer: 19 s
_LOSSY = 0.0018  # from which share on it pays to wait for the copy in the next packet: one loss
_SOUND = 0.0015  # and below which it does not any more: 3 s after a single loss, 10 s after two
_COPIES_NEAR = 0.004  # s; to wait for a few copies more or less is not worth a change of the delay
_UNKNOWN = 400  # packets, 8 s; so long a line may yet turn out to be lossy


class Unwrapper:
    """Counts on where the numbers in RTP's header begin anew (RFC 3550, 5.1)."""

    def __init__(self, bits: int) -> None:
        self._span = 1 << bits
        self._newest: int | None = None

    def feed(self, number: int) -> int:
        """Return the number as if it had any number of bits."""
        if self._newest is None:
            self._newest = number
        ahead = (number - self._newest) % self._span
        at = self._newest + (ahead if ahead < self._span // 2 else ahead - self._span)
        self._newest = max(self._newest, at)
        return at


class Losses:
    """Counts packets that never came, by their sequence numbers, and knows which came twice."""

    def __init__(self) -> None:
        self._newest = 0
        self._sent = 0
        self._came = 0
        self._seen = 0  # bit n: the packet n before the newest came
        self._row = 0  # packets sent since the first of which that is known
        self.missing = 0
        """Packets that have not come though later ones have: `lost`, but for the newest few."""

    @property
    def lost(self) -> int:
        """How many did not come, of those that must have been sent."""
        return max(0, self._sent - self._came)

    def note(self, sequence: int) -> bool:
        """Take in a packet; return False if it came before."""
        ahead = (sequence - self._newest + 0x8000) % 0x1_0000 - 0x8000
        if not self._came or not -_KNOWN < ahead < _DROPOUT:
            ahead, self._seen, self._row = 1, 0, 0  # another row of numbers
        if ahead > 0:
            self._sent += ahead
            self._row += ahead
            self._seen = (self._seen << ahead | 1) & _SEEN_BITS
            self._newest = sequence
            due = range(_OVERDUE, min(_OVERDUE + ahead, self._row, _KNOWN))
            self.missing += sum(not self._seen >> back & 1 for back in due)
        elif self._seen >> -ahead & 1:
            return False
        else:
            self._seen |= 1 << -ahead
            self.missing -= _OVERDUE <= -ahead < self._row
        self._came += 1
        return True

    def begin_anew(self) -> None:
        """Take none of the packets to come for one that came before."""
        self._seen = self._row = 0


class Arrivals:
    """Watches packets come in and says how long after the fastest of them sound is to be played.

    Times in seconds of one clock, timestamps in samples, unwrapped. Not thread-safe.
    """

    def __init__(self) -> None:
        self.fastest = 0.0
        """Arrival minus timestamp of the fastest packet of late: the sender's clock in ours."""
        self.target = FLOOR
        """How long after `fastest` sound is to be played."""
        self.began = False
        """Whether anything has come."""
        self._newest = 0
        self._buckets: deque[tuple[float, float]] = deque()
        self._late: deque[float] = deque(maxlen=_MEMORY)
        self._peaks: deque[tuple[float, float]] = deque(maxlen=_PEAKS)
        self._last = 0.0
        self._usual = 0.0
        self._loss = 0.0
        self._lossy = False
        self._copies_late = 0.0  # on top of COPY_DELAY, as far as they are waited for
        self._came = 0
        self.copies = False
        """Whether packets carry copies of the ones before, which are worth waiting for."""

    @property
    def jitter(self) -> float:
        """How late all but a few packets are."""
        return _share(sorted(self._late), SHARE)

    def lateness(self, timestamp: int, now: float) -> float:
        """Return how much later than the fastest packet one with this timestamp is by now."""
        return now - timestamp / RATE - self.fastest

    def sent(self, now: float) -> int:
        """Return the timestamp of what is coming in now if nothing holds it up."""
        return round((now - self.fastest) * RATE)

    def note(self, timestamp: int, now: float) -> bool:
        """Take in an arrival; return False if it begins a new timeline."""
        offset = now - timestamp / RATE
        straggler = self._newest - STRAGGLER * RATE < timestamp < self._newest
        continues = self.began and (straggler or abs(offset - self.fastest) < RESTART)
        if not continues:
            self._restart()
            self._newest = timestamp
        self._newest = max(self._newest, timestamp)
        self._measure(offset, now)
        late = offset - self.fastest
        if now - self._last >= BURST or not continues:
            self._late.append(late)
            if late > self._usual + _PEAK:
                self._peaks.append((now, late))
        elif late > self._late[-1]:  # it was overtaken
            self._late[-1] = late
        self._last = now
        self._decide(now)
        return continues

    def lost(self, count: int) -> None:
        """Take in that so many packets did not come at all (below 0: that they came after all)."""
        self._loss = min(max(0.0, self._loss + count * (1 - _LOSS_MEMORY)), _LOSS_MOST)

    def _restart(self) -> None:
        self.began = True
        self._buckets.clear()
        self._late.clear()
        self._peaks.clear()

    def _measure(self, offset: float, now: float) -> None:
        if not self._buckets or now - self._buckets[-1][0] >= _BUCKET:
            self._buckets.append((now, offset))
        elif offset < self._buckets[-1][1]:
            self._buckets[-1] = (self._buckets[-1][0], offset)
        while now - self._buckets[0][0] > _MEASURED:
            self._buckets.popleft()
        before, self.fastest = self.fastest, min(offset for _, offset in self._buckets)
        if self._late and self.fastest > before:
            self._slower(self.fastest - before)

    def _slower(self, by: float) -> None:
        """Take in that even the fastest packets take longer: by that measure none was so late."""
        self._late = deque((max(0.0, late - by) for late in self._late), _MEMORY)
        self._peaks = deque(((at, late - by) for at, late in self._peaks), _PEAKS)

    def _decide(self, now: float) -> None:
        self._loss *= _LOSS_MEMORY
        while self._peaks and now - self._peaks[0][0] > _PEAK_KEPT:
            self._peaks.popleft()
        ordered = sorted(self._late)
        self._usual = _share(ordered, _USUAL_SHARE)
        waited = max(FLOOR, _share(ordered, SHARE) + MARGIN)
        if len(self._peaks) >= 2:
            waited = max(waited, *(late for _, late in self._peaks))
        self._came += 1
        self._lossy = self._loss >= (_SOUND if self._lossy else _LOSSY)
        if self.copies and (self._lossy or self._came < _UNKNOWN):
            usual = _share(ordered, COPY_SHARE) if self._lossy else 0.0
            if abs(usual - self._copies_late) > _COPIES_NEAR:
                self._copies_late = usual
            waited = max(waited, COPY_DELAY + self._copies_late + MARGIN)
        self.target = min(waited, CEILING)


def _share(ordered: list[float], share: float) -> float:
    """Return what this share of the values, in order, does not exceed."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
