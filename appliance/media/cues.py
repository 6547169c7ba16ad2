"""The tones a person hears: one short, distinct sound for every cue."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from appliance.core.model import Cue
from appliance.media.pcm import RATE

# Notes of one pentatonic scale, so that no two cues clash; Hz, equal temperament on A4 = 440.
_E4, _A4, _B4, _E5, _FS5, _A5, _B5 = 329.63, 440.0, 493.88, 659.26, 739.99, 880.0, 987.77

_ATTACK = 0.004  # seconds: no click at the start of a note
_RELEASE = 0.008  # seconds: nor at its end
_LOUDNESS = 0.22  # of full scale: -13 dBFS, below speech


@dataclass(frozen=True, slots=True)
class Note:
    """A sine with a touch of its octave, dying away. Times in seconds from the start of the cue."""

    pitch: float
    start: float
    length: float
    strength: float = 1.0


NOTES: Mapping[Cue, tuple[Note, ...]] = {
    Cue.CONNECTED: (Note(_E5, 0.0, 0.16), Note(_A5, 0.09, 0.28)),
    Cue.ENDED: (Note(_A5, 0.0, 0.16), Note(_E5, 0.09, 0.28)),
    Cue.FAILED: (Note(_B4, 0.0, 0.14), Note(_A4, 0.14, 0.14), Note(_E4, 0.28, 0.34, 1.3)),
    Cue.SHUTTER: (Note(2637.0, 0.0, 0.025), Note(1760.0, 0.065, 0.04)),
    Cue.MUTED: (Note(_FS5, 0.0, 0.07), Note(_B4, 0.08, 0.14)),
    Cue.UNMUTED: (Note(_B4, 0.0, 0.07), Note(_FS5, 0.08, 0.14)),
}


def render(cue: Cue) -> bytes:
    """Return the sound of `cue`: mono, s16le, 48 kHz, at most 0.7 s, silent at both ends.

    Takes some milliseconds: not for the audio thread, and done once at the start.
    """
    return tone(NOTES[cue])


def tone(notes: Sequence[Note]) -> bytes:
    """Return notes played together: mono, s16le, 48 kHz, silent at both ends."""
    total = max(round((note.start + note.length) * RATE) for note in notes)
    mixed = array("d", bytes(8 * total))
    for note in notes:
        _add(mixed, note)
    return array("h", [int(32767 * max(-1.0, min(1.0, value))) for value in mixed]).tobytes()


@cache
def render_all() -> Mapping[Cue, bytes]:
    """Return the sound of every cue. Any thread; the first time takes as long as all of them."""
    return {cue: render(cue) for cue in Cue}


def _add(mixed: "array[float]", note: Note) -> None:
    """Add a note by two rotating phasors, which cost no sine for each sample."""
    first, length = round(note.start * RATE), round(note.length * RATE)
    step = 2 * math.pi * note.pitch / RATE
    low, octave = 2 * math.cos(step), 2 * math.cos(2 * step)
    one, one_before = 0.0, -math.sin(step)
    two, two_before = 0.0, -math.sin(2 * step)
    fade = math.exp(-3.5 / length)  # down by 30 dB at the end
    strength = _LOUDNESS * note.strength
    attack, release = _ATTACK * RATE, min(_RELEASE * RATE, length / 4)
    for i in range(length):
        edge = min(1.0, i / attack, (length - 1 - i) / release)
        mixed[first + i] += strength * edge * (0.85 * one + 0.15 * two)
        one, one_before = low * one - one_before, one
        two, two_before = octave * two - two_before, two
        strength *= fade
