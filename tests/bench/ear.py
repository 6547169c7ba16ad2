"""Measures of what was heard: how much is missing, and how late it is."""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

RATE = 48_000
BLOCK = RATE // 100
WINDOW = RATE  # samples that are looked for as a whole
REACH = RATE * 7 // 10  # and how much later they may be
VOICED = 150.0**2  # mean square of a block of speech; pauses are below
GONE = 1e-4  # of the energy there should be: 40 dB less

Sound = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """`missing`: share of the speech that is silence. `hole`: the longest, s. `delays`: s each."""

    missing: float
    hole: float
    delays: tuple[float, ...]

    @property
    def delay(self) -> float:
        """The usual delay in seconds; infinite if nothing was heard."""
        return median(self.delays) if self.delays else float("inf")


def read(path: Path) -> Sound:
    """Return a WAV of ours."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)


def compare(said: Sound, heard: Sound) -> Heard:
    """Find one-second windows of `said` in `heard`, up to REACH later, and look what is missing."""
    gone, voiced, longest, delays = 0, 0, 0, []
    for part, late, there in _windows(said, heard):
        delays.append(late)
        run = 0
        for want, got in zip(_energies(part), _energies(there), strict=True):
            if want > VOICED:
                voiced += 1
                run = run + 1 if got < want * GONE else 0
                gone += got < want * GONE
                longest = max(longest, run)
            elif got >= want * GONE:
                run = 0
    return Heard(gone / max(voiced, 1), longest / 100, tuple(delays))


def _windows(said: Sound, heard: Sound) -> Iterator[tuple[Sound, float, Sound]]:
    for start in range(0, len(said) - WINDOW + 1, WINDOW):
        part, around = said[start : start + WINDOW], heard[start : start + WINDOW + REACH]
        if len(around) < WINDOW + REACH or np.mean(part**2) < VOICED:
            continue
        at = _found_at(part, around)
        yield part, at / RATE, around[at : at + WINDOW]


def _found_at(part: Sound, around: Sound) -> int:
    size = 1 << (len(part) + len(around)).bit_length()
    both = np.fft.rfft(around, size) * np.conj(np.fft.rfft(part, size))
    return int(np.fft.irfft(both, size)[:REACH].argmax())


def _energies(sound: Sound) -> list[float]:
    energies: list[float] = (sound.reshape(-1, BLOCK) ** 2).mean(1).tolist()
    return energies
