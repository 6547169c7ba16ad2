"""Media time for packets of 20 ms: steady while sound flows, honest about stalls."""

from dataclasses import dataclass

FRAME = 0.02  # seconds
FRAME_SAMPLES = 960  # 20 ms at 48 kHz
# How late a frame may be before silence takes its place: three frames, as much unrest of thread and
# loop as a busy Pi shows, and less than a receiver's patience.
PATIENCE = 0.06  # seconds
# A hole longer than this was a stall of the whole process; media time jumps over it, so that the
# receiver does not take the rest of the call for late.
STALL = 0.2  # seconds


@dataclass(slots=True)
class Timeline:
    """Gives each packet its media time in samples; strictly increasing. Pure: `now` in seconds.

    Frames of the sound card carry their number, so that lost ones leave their gap.
    """

    _next: int = 0  # media time of the next packet
    _offset: int | None = None  # media time of the card's frame 0; None: not known, or lost
    _due: float | None = None  # when the next packet should go
    filling: bool = False
    """Whether the last packet was silence in place of a missing frame."""

    def deadline(self, now: float) -> float:
        """Return until when to wait for a frame of the card before sending silence."""
        if self._due is None:
            self._due = now + FRAME
        return self._due if self.filling else self._due + PATIENCE

    def frame(self, index: int, now: float, waiting: int = 0) -> int:
        """Return the media time of the card's frame `index`; `waiting` more are there behind it."""
        if self._offset is None:
            self._offset = self._next - index * FRAME_SAMPLES
        pts = max(self._next, index * FRAME_SAMPLES + self._offset)
        if self._due is not None:
            # Frames that were lost on the way account for a part of the hole, those waiting too.
            known = (pts - self._next) / FRAME_SAMPLES * FRAME + waiting * FRAME
            pts += _jump(now - self._due - known)
        self._offset = pts - index * FRAME_SAMPLES
        self._next = pts + FRAME_SAMPLES
        self._due = now + FRAME
        self.filling = False
        return pts

    def silence(self, now: float) -> int:
        """Return the media time of a packet of silence that takes a missing frame's place."""
        due = now if self._due is None else self._due
        pts = self._next + _jump(now - due)
        self._next = pts + FRAME_SAMPLES
        self._due = (now if now - due > STALL else due) + FRAME
        self._offset = None
        self.filling = True
        return pts


def _jump(hole: float) -> int:
    """Return by how many samples media time jumps over a hole of this many seconds."""
    return round(hole / FRAME) * FRAME_SAMPLES if hole > STALL else 0
