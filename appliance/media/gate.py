"""Decides who is let through while both sides may speak - pure."""

from collections import deque
from typing import Final

SETTLING: Final = 150  # blocks of sound from the speaker until its echo is known well enough
# And more of them until a person is told from what a new filter leaves. With none the machine let
# itself be heard 9 times in 98 minutes of short answers, in simulated rooms with other walls than
# the bench's, with these twice; of 72 who cut in when it had talked for 3.2 s 68 are missed instead
# of 54, of those after 4 s 28 as before.
CHILDHOOD: Final = 100
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
# A live room goes on for longer: up to so many blocks, while the microphone only becomes quieter,
# from block to block but for 6 dB, and at least by 60 dB a second. Who answers then is louder.
_FADING, _RISES, _FADES = 60, 10 ** (6 / 10), 10 ** (-0.6 / 10)
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
        self._settling, self._new = SETTLING, CHILDHOOD
        self._echoing = self._open = self._ducking = 0
        self._fading = 0  # blocks in which the room may still be heard
        self._quietest = self._loudest = 0.0  # mean squares that the room is below then
        self._speech: deque[bool] = deque([False] * _SEEN, _SEEN)

    def begin_anew(self) -> None:
        """Close the microphone while the speaker sounds, until the echo is known again."""
        self._settling, self._new = SETTLING, CHILDHOOD

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
        """Whether the speaker sounds, or the room still does."""
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
        `person`: there is more in the microphone than an echo; None: nobody can say.
        """
        closed = not self.settled or self._new > 0
        if sounding:
            self._echoing = _ECHOING
            if self.settled:
                self._new = max(0, self._new - 1)
            self._settling = max(0, self._settling - 1)
        else:
            self._echoing = max(0, self._echoing - 1)
        fades = self._fades(heard, sounding=sounding)
        if not self._echoing:
            self._learn(power, speech)
            self._duck(cuts_in=False)
            self._speech.append(False)
            return not fades
        if closed:
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

    def _fades(self, heard: float, *, sounding: bool) -> bool:
        """Whether this may be the end of an echo, and nothing else."""
        self._loudest = max(heard if sounding else 0.0, self._loudest * _FADES)
        if self._echoing:
            self._fading, self._quietest = _FADING - _ECHOING, heard
            return False
        if self._open or heard > min(self._loudest, self._quietest * _RISES):
            self._fading = 0
        self._fading = max(0, self._fading - 1)
        self._quietest = min(self._quietest, heard)
        return self._fading > 0

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
