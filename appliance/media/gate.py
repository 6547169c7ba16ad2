"""Decides who is let through while both sides may speak - pure."""

from collections import deque
from typing import Final

SETTLING: Final = 150  # blocks of sound from the speaker until its echo is known well enough
# And more of them until a person is told from what a new filter leaves. With none the machine let
# itself be heard 9 times in 98 minutes of short answers, in simulated rooms with other walls than
# the bench's, with these twice; of 72 who cut in when it had talked for 3.2 s 68 are missed instead
# of 54, and as many as before of those after 4 s.
YOUTH: Final = 100
RESIDUE: Final = 10 ** (-45 / 10)  # mean square; what is left of an echo stays below
DUCKED: Final = 10 ** (-15 / 20)  # gain of the speaker while somebody seems to cut in

_QUIETEST, _LOUDEST = 10 ** (-60 / 10), 10 ** (-40 / 10)  # between which the limit is found
_BELOW_SPEECH = 10 ** (-17 / 10)  # where the limit is, seen from how loud the person speaks
_LEARN = 0.01  # for each block of the person's voice alone
_RISE, _FALL = 0.02, 0.002  # for each block of residue, to how loud it is
_ABOVE_RESIDUE = 2.0  # times
_CERTAIN, _LIKELY = 0.8, 0.3  # probability of speech
_SEEN, _ENOUGH = 10, 4  # blocks looked at, and of them with speech: somebody cuts in
_ECHOING = 30  # blocks that a room goes on when the speaker is silent, and is taken for somebody
# A live room goes on for longer: for so many blocks more at most, while the microphone becomes
# quieter by 60 dB a second or more. It is up to 6 dB above that now and then; a person is louder.
_TAIL, _UNEVEN, _FALLS = 30, 10 ** (6 / 10), 10 ** (-0.6 / 10)
_OPEN = 15  # blocks that the microphone stays open when it was loud
_DUCK = 70  # blocks that the speaker stays down
_DOWN, _UP = 10 ** (-3 / 20), 10 ** (1 / 20)  # gain from block to block: 50 and 150 ms


class Gate:
    """Watches the cleaned microphone in blocks of 10 ms. Not thread-safe."""

    def __init__(self) -> None:
        self.gain = 1.0
        """How loud the speaker may be now: 1, or on its way to DUCKED and back."""
        self.both = 0
        """Blocks in which both sides spoke."""
        self.far = 0
        """Blocks in which the speaker sounded."""
        self._limit = RESIDUE
        self._residue = 0.0
        self._settling, self._young = SETTLING, YOUTH
        self._echoing = self._open = self._ducking = 0
        self._tail = 0  # blocks for which the room may still be heard then
        self._ceiling = 0.0  # mean square that it is below
        self._speech: deque[bool] = deque([False] * _SEEN, _SEEN)

    def begin_anew(self) -> None:
        """Close the microphone while the speaker sounds, until a new filter knows the echo."""
        self._settling, self._young = SETTLING, YOUTH

    def close(self) -> None:
        """Close the microphone for this block while the speaker sounds: the echo is lost.

        What seemed to be a person was that; the speaker comes up again, so that it can be found.
        """
        self._settling = max(1, self._settling)
        self._open = self._ducking = 0
        self._speech.extend([False] * _SEEN)

    @property
    def settled(self) -> bool:
        """Whether the echo is known."""
        return not self._settling

    @property
    def echoing(self) -> bool:
        """Whether the speaker sounds, or the room still does and may be taken for somebody."""
        return self._echoing > 0

    def passes(
        self,
        *,
        heard: float,
        sounding: bool,
        power: float,
        speech: float,
        person: bool | None = None,
    ) -> bool:
        """Whether this block of the microphone is to be heard; also sets the speaker's gain.

        `heard`: mean square of the microphone. `sounding`: the speaker is. `power`: mean square of
        what is left of the block. `speech`: how probable it is that somebody speaks in it, 0 to 1.
        `person`: there is more in the microphone than an echo; None: no filter is there to say.
        """
        filtered = person is not None
        closed = not self.settled or (filtered and self._young > 0)
        if sounding:
            self._echoing = _ECHOING
            if self.settled:
                self._young = max(0, self._young - 1)
            self._settling = max(0, self._settling - 1)
        else:
            self._echoing = max(0, self._echoing - 1)
        tail = self._is_tail(heard, sounding=sounding) and filtered
        if not self._echoing:
            self._open = 0
            if not tail:
                self._learn(power, speech)
            self._duck(cuts_in=False)
            self._speech.append(False)
            return not tail
        if closed:
            self._open = 0
            self._duck(cuts_in=False)
            return False
        if sounding and not self._ducking and person is not True:
            part = _RISE if power > self._residue else _FALL
            self._residue += (power - self._residue) * part
        loud = person is not False and power > max(self._limit, self._residue * _ABOVE_RESIDUE)
        self._open = _OPEN if loud else max(0, self._open - 1)
        self._speech.append(loud and speech > _LIKELY)
        cuts_in = sum(self._speech) >= _ENOUGH
        self._duck(cuts_in=cuts_in)
        self.far += sounding
        self.both += sounding and cuts_in
        return bool(self._open)

    def _is_tail(self, heard: float, *, sounding: bool) -> bool:
        """Whether nothing but the room's end seems to be heard, when it is not `echoing` any more.

        Not while somebody goes on who was heard before.
        """
        if self._echoing:
            self._tail = _TAIL
            self._ceiling = max(heard if sounding else 0.0, self._ceiling * _FALLS)
            return False
        if self._open or heard > self._ceiling:
            self._tail = 0
        self._tail = max(0, self._tail - 1)
        self._ceiling = min(self._ceiling * _FALLS, heard * _UNEVEN)
        return self._tail > 0

    def _learn(self, power: float, speech: float) -> None:
        """A person who sounds faint in this room, or to this microphone, cuts in faintly too."""
        if speech < _CERTAIN:
            return
        limit = min(max(power * _BELOW_SPEECH, _QUIETEST), _LOUDEST)
        self._limit += (limit - self._limit) * _LEARN

    def _duck(self, *, cuts_in: bool) -> None:
        self._ducking = _DUCK if cuts_in else max(0, self._ducking - 1)
        if self._ducking:
            self.gain = max(DUCKED, self.gain * _DOWN)
        else:
            self.gain = min(1.0, self.gain * _UP)
