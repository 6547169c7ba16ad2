"""When what came out of a client: its far end in blocks of 10 ms, each with the moment it was out.

Moments are seconds of the clock that all processes of a machine share (`time.monotonic`).
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil, inf
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.media.pcm import BLOCK_BYTES, BLOCK_SAMPLES, RATE, wav_header
from tests.bench.ear import Sound
from tests.bench.line import PITCH

POLL = 0.002  # s between two looks at a growing file
SILENT_DBFS = -60.0  # root mean square of a block
AUDIBLE_DBFS = -50.0  # of the tone alone, in a block that may hold other sounds
REACH = 0.45  # s after an interruption in which nothing new is said
BEFORE = 10  # blocks before an interruption, in which something was to be heard
_FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True)
class Played:
    """What a client played, and when each whole block of it was out."""

    sound: Sound
    out: Sequence[float]


@dataclass(frozen=True, slots=True)
class Silence:
    """`after`: seconds to the first silent block. `broken`: something was heard after it."""

    after: float
    broken: bool


def silences(played: Played, moments: Sequence[float]) -> list[Silence]:
    """Return for each moment the silence that begins after it.

    It begins after REACH where all is loud until then, and infinitely late where nothing was to be
    heard before: that is no measurement.
    """
    loud = _levels(played.sound) > SILENT_DBFS
    found = []
    for moment in moments:
        first, end = (bisect_right(played.out, moment + by) for by in (0.0, REACH))
        quiet = np.flatnonzero(~loud[first:end]).tolist()
        if not loud[max(0, first - BEFORE) : first].any():
            found.append(Silence(inf, broken=True))
        elif not quiet:
            found.append(Silence(REACH, broken=True))
        else:
            silent = first + quiet[0]
            again = bool(loud[silent:end].any())
            found.append(Silence(played.out[silent] - moment, broken=again))
    return found


def first_tone(played: Played, moment: float) -> float:
    """Return the seconds from a moment to the first block with the line's tone in it.

    Other sounds, as the one that tells of the connection, do not count. Infinite without any.
    """
    there = np.flatnonzero(_toned(played))
    late = [played.out[n] - moment for n in there.tolist() if played.out[n] > moment]
    return late[0] if late else inf


def tone_gone(played: Played, moment: float) -> float:
    """Return the seconds from a moment to the end of the last block with the line's tone in it.

    Other sounds may follow, as the one that tells of the end. Infinite if the tone did not sound
    just before: that is no measurement.
    """
    there = _toned(played)
    first = bisect_right(played.out, moment)
    if not there[max(0, first - BEFORE) : first].any():
        return inf
    last = int(np.flatnonzero(there)[-1])
    return max(0.0, played.out[last] + BLOCK_SAMPLES / RATE - moment)


def high(values: Sequence[float], share: float = 0.99) -> float:
    """Return the value that this share does not exceed (nearest rank)."""
    return sorted(values)[ceil(share * len(values)) - 1]


def fitted(marks: Sequence[tuple[float, int]]) -> list[float]:
    """Return when each whole block was out, of a recording that was told of in pieces.

    `marks`: at this moment so many samples were known. A piece may be late, never early: of those
    within a second the one that was least late tells the time.
    """
    best: dict[int, float] = {}
    for at, samples in marks:
        second = samples // RATE
        best[second] = min(best.get(second, inf), at - samples / RATE)
    out = []
    for number in range(1, (marks[-1][1] if marks else 0) // BLOCK_SAMPLES + 1):
        end = number * BLOCK_SAMPLES
        near = (best.get(end // RATE + by, inf) for by in (-1, 0, 1))
        out.append(end / RATE + min(near))
    return out


class Watch:
    """Sees a WAV file of ours grow, which is written block by block; a shorter one is a new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.out: list[float] = []

    def look(self, now: float) -> None:
        """See what is there; `now`: after which moment nothing of it was written."""
        size = self._path.stat().st_size if self._path.exists() else 0
        blocks = max(0, size - len(wav_header(0))) // BLOCK_BYTES
        if blocks < len(self.out):
            self.out = []
        self.out += [now] * (blocks - len(self.out))

    async def run(self) -> None:
        """Look again and again."""
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(POLL)


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[Watch]:
    """See the file grow until the context ends."""
    watch = Watch(path)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch.run(), name="watch")
        yield watch
        task.cancel()


def _blocks(sound: Sound) -> Sound:
    return sound[: len(sound) // BLOCK_SAMPLES * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES)


def _toned(played: Played) -> npt.NDArray[np.bool_]:
    """Return which blocks have the line's tone in them."""
    blocks = _blocks(played.sound)[: len(played.out)]
    window = np.hanning(BLOCK_SAMPLES)
    turning = np.exp(-2j * np.pi * PITCH / RATE * np.arange(BLOCK_SAMPLES))
    strength = 2 * np.abs(blocks @ (window * turning)) / window.sum()
    toned: npt.NDArray[np.bool_] = _dbfs(strength) > AUDIBLE_DBFS
    return toned


def _levels(sound: Sound) -> Sound:
    """Return the root mean square of each block, dBFS."""
    root: Sound = np.sqrt(np.square(_blocks(sound)).mean(1))
    return _dbfs(root)


def _dbfs(strength: Sound) -> Sound:
    level: Sound = 20 * np.log10(np.maximum(strength, 1e-3) / _FULL_SCALE)
    return level
