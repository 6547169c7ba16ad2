"""Scores what was heard against what was said: PESQ (ITU-T P.862.2) and STOI.

A script of its own for `.venv-bench`: pairs of WAV files (said, heard; mono, 48 kHz, 16 bits) as
JSON on standard input, a list of {"pesq", "stoi"} as JSON on standard output.
"""

import json
import sys
import wave

import numpy as np
import numpy.typing as npt
from pesq import NoUtterancesError, pesq
from pystoi import stoi
from scipy.signal import resample_poly

Sound = npt.NDArray[np.float64]

RATE = 16_000  # Hz, what both measures want
PIECE = 8 * RATE  # samples that are aligned and scored as one, as P.862 recommends
REACH = RATE  # and how much later they may have been heard


def read(path: str) -> Sound:
    """Return a WAV at 16 kHz."""
    with wave.open(path) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    thin: Sound = resample_poly(sound, 1, 3)
    return thin


def found_at(said: Sound, heard: Sound) -> int:
    """Return how many samples later it was heard."""
    size = 1 << (len(said) + len(heard)).bit_length()
    both = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    return int(np.fft.irfft(both, size)[:REACH].argmax())


def score(said: Sound, heard: Sound) -> dict[str, float]:
    """Return the mean over all pieces in which something was said."""
    qualities, intelligible = [], []
    for start in range(0, max(1, len(said) - PIECE + 1), PIECE):
        piece, around = said[start : start + PIECE], heard[start : start + PIECE + REACH]
        around = np.pad(around, (0, max(0, PIECE + REACH - len(around))))
        if np.mean(piece**2) < 1e4:
            continue
        at = found_at(piece, around)
        there = around[at : at + len(piece)]
        intelligible.append(float(stoi(piece, there, RATE)))
        try:
            qualities.append(float(pesq(RATE, piece, there, "wb")))
        except NoUtterancesError:  # nothing was heard at all: P.862.2 goes down to 1.04
            qualities.append(1.04)
    return {"pesq": float(np.mean(qualities)), "stoi": float(np.mean(intelligible))}


print(json.dumps([score(*map(read, pair)) for pair in json.load(sys.stdin)]))
