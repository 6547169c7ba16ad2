"""The part about where the sound runs: in a thread of a busy interpreter, or in a process apart.

`python -m tests.bench.engine run PLACE BUSY SECONDS` runs one engine in the place and prints the
gaps between its blocks; `... line` is the engine of the place APART, fed by a pipe.
"""

import asyncio
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.emulator.voice import user_utterance
from appliance.hardware.buffers import SIZES_MS
from appliance.media import loudness, pcm
from appliance.media.engine import Engine
from appliance.media.opus import FRAME_BYTES, FRAME_SAMPLES, OpusDecoder, OpusEncoder, find_opus
from appliance.media.packet import Packet
from appliance.media.webrtc_echo import WebRtcEcho
from appliance.tuning import give_way_to_sound
from tests.bench import weigh
from tests.bench.blocks import high
from tests.bench.processes import report
from tests.bench.rows import Row

ROUNDS = 4
SECONDS = 10.0  # of each place and load in a round
# Seconds of each second in which the interpreter is busy. A call of the daemon meets spells: the
# longest that it is known to have, when its libraries are warmed up, takes 24 to 72 ms.
ALWAYS, SPELL = 1.0, 0.1
SETTLING_S = 2.0  # s; then the echo is known and the filter at work
OURS, DEFAULT, APART, IDLE = "ours", "process not tuned", "process apart", "nothing else to do"
TUNED = {OURS, IDLE}  # as the daemon tunes itself; the others are as CPython and Linux come
# What the card has in stock when it asks for a block of the smallest size: hardware/buffers says
# that the sound is late by three of them. A longer gap is heard.
STOCK_MS = 3 * SIZES_MS[0]
# Of the spells, one a second, that may be heard. A shared computer has long gaps with nothing else
# to do, too, so twice those are granted before. If every spell were heard there would be 60 more.
HEARD_SPELLS = 0.1

TEXT = "Take six spoons of fresh snow peas, five thick slabs of blue cheese, and a snack for Bob. "
ECHO_BLOCKS = 6  # later the microphone hears the speaker
ECHO_GAIN = 0.1
BLOCK_S, FRAME_S = 0.01, 0.02
# What the daemon parses in one go: the end of an answer, with its words and what it was told.
EVENT = json.dumps({"type": "response.done", "output": [{"id": "i", "words": [TEXT] * 4}] * 30})
LENGTH = 2  # bytes in front of each packet of the pipe


async def engine() -> list[Row]:
    """How evenly the sound's blocks come while the interpreter is busy, in three places."""
    tries = [(place, busy) for busy in (ALWAYS, SPELL) for place in (OURS, DEFAULT, APART)]
    late: dict[tuple[str, float], list[float]] = {each: [] for each in (*tries, (IDLE, 0.0))}
    memory: dict[str, float] = {}
    for _ in range(ROUNDS):
        for place, busy in late:
            words = ("tests.bench.engine", "run", place, str(busy), str(SECONDS))
            told = await report(sys.executable, "-m", *words)
            late[place, busy] += told["gaps"]
            memory[place] = told["resident"]
    return rows_of(late, {place: memory[place] for place in (OURS, APART)})


def rows_of(
    late: Mapping[tuple[str, float], Sequence[float]], memory: Mapping[str, float]
) -> list[Row]:
    """Return the rows of these gaps between blocks, s, by place and load; and MB."""
    rows = []
    for busy, name, when in (
        (ALWAYS, "busy", "interpreter always busy"),  # as no call ever keeps it
        (SPELL, "spell", f"busy for {1000 * SPELL:g} ms in each second"),
    ):
        found = {place: 1000 * np.array(gaps) for (place, of), gaps in late.items() if of == busy}
        found[IDLE] = 1000 * np.array(late[IDLE, 0.0])
        usual = {place: high(gaps.tolist()) for place, gaps in found.items()}
        worst = {place: float(gaps.max()) for place, gaps in found.items()}
        heard = {place: _heard(gaps) for place, gaps in found.items()}
        goal = 2 * heard[IDLE] + 60 * HEARD_SPELLS if busy == SPELL else None
        what = f"gap between two blocks of sound, {when}"
        rows += [
            _row(f"engine.{name}", f"{what}, 99th percentile", "ms", usual),
            _row(f"engine.{name}_worst", f"{what}, most", "ms", worst),
            _row(f"engine.{name}_heard", f"{what}, over {STOCK_MS} ms", "a minute", heard, goal),
        ]
    return [*rows, _row("engine.memory", "resident, engine and busy loop", "MB", memory)]


def _heard(late: npt.NDArray[np.float64]) -> float:
    """Return how many of these gaps, ms, the card's stock does not cover, in a minute of sound."""
    return 60_000 * float((late > STOCK_MS).sum() / late.sum())


def _row(
    ident: str, measure: str, unit: str, found: Mapping[str, float], goal: float | None = None
) -> Row:
    others = {place: value for place, value in found.items() if place != OURS}
    return Row(ident, measure, unit, found[OURS], goal, others)


class Here:
    """An engine in this process, and a thread that calls it every 10 ms, as a sound card does.

    Its microphone hears the speaker. `ends`: when each block was there for the card, s.
    """

    def __init__(self) -> None:
        decoder = OpusDecoder(find_opus())
        self._engine = Engine(asyncio.get_running_loop(), {}, decoder, echo=WebRtcEcho())
        self._loudness = loudness.quickest()
        self._stopping = False
        self._number = 0
        self.ends: list[float] = []
        self._thread = threading.Thread(target=self._run, name="card")
        self._thread.start()

    def feed(self, packet: bytes) -> None:
        """Take the far end's next packet. On the loop."""
        self._engine.receive(Packet(self._number, self._number * FRAME_SAMPLES, packet))
        self._engine.skip_near()
        self._number += 1

    async def close(self) -> dict[str, Any]:
        """End it; return the gaps between its blocks and the memory of this process."""
        self._stopping = True
        await asyncio.to_thread(self._thread.join)
        return {"gaps": gaps(self.ends), "resident": weigh.resident()}

    def _run(self) -> None:
        echo = deque([pcm.SILENCE] * ECHO_BLOCKS)
        due = time.monotonic()
        while not self._stopping:
            far = self._engine.exchange(self._loudness.amplify(echo.popleft(), ECHO_GAIN))
            self.ends.append(time.monotonic())
            echo.append(far)
            due += BLOCK_S
            time.sleep(max(0.0, due - time.monotonic()))


class Apart:
    """The same in a process of its own, at the other end of a pipe.

    Nothing comes back but the gaps: the way of the microphone costs it nothing here.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._told = process.stdout
        self._pipe = process.stdin

    @classmethod
    async def start(cls) -> "Apart":
        """Start the process; it runs when this returns."""
        words = (sys.executable, "-m", "tests.bench.engine", "line")
        pipe = asyncio.subprocess.PIPE
        apart = cls(
            await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, limit=2**20)
        )
        await apart._told.readline()
        return apart

    def feed(self, packet: bytes) -> None:
        """Take the far end's next packet. On the loop."""
        self._pipe.write(len(packet).to_bytes(LENGTH, "big") + packet)

    async def close(self) -> dict[str, Any]:
        """End it; return the gaps between its blocks and the memory of both processes."""
        self._pipe.close()
        told: dict[str, Any] = json.loads(await self._told.readline())
        await self._process.wait()
        return told | {"resident": told["resident"] + weigh.resident()}


def gaps(ends: Sequence[float]) -> list[float]:
    """Return the seconds between the ends of blocks, after the first ones."""
    settled = [end for end in ends if end >= ends[0] + SETTLING_S]
    return [then - now for now, then in pairwise(settled)]


async def run(place: str, busy: float, seconds: float) -> None:
    """Feed an engine in this place, keep the interpreter busy, and print what it tells.

    `busy`: seconds of each second.
    """
    if place in TUNED:
        give_way_to_sound()
    packets = _packets(seconds)
    sound = await Apart.start() if place == APART else Here()
    began = time.monotonic()
    for number, packet in enumerate(packets):
        due = began + number * FRAME_S
        while (now := time.monotonic()) < due:
            resting = (now - began) % 1.0 >= busy
            if not resting:
                _work()
            await asyncio.sleep(due - now if resting else 0)
        sound.feed(packet)
    print(json.dumps(await sound.close()))


async def line() -> None:
    """Play what comes out of the pipe; then print the gaps and the memory."""
    loop, sound, pipe = asyncio.get_running_loop(), Here(), asyncio.StreamReader()
    print("running", flush=True)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin)
    while head := await pipe.read(1):
        size = int.from_bytes(head + await pipe.readexactly(LENGTH - 1), "big")
        sound.feed(await pipe.readexactly(size))
    print(json.dumps(await sound.close()))


def _work() -> None:
    """Read an event, as the daemon does; the walk is plain Python, which lets nobody in."""
    words = [item["words"] for item in json.loads(EVENT)["output"]]
    assert sum(len(word.split()) for said in words for word in said) > 0


def _packets(seconds: float) -> list[bytes]:
    """Return speech of this length in packets."""
    encoder, speech = OpusEncoder(full_band=True), user_utterance(TEXT)
    frames = [speech[at : at + FRAME_BYTES] for at in range(0, len(speech), FRAME_BYTES)]
    frames = [frame for frame in frames if len(frame) == FRAME_BYTES]
    return [
        encoder.encode(frames[number % len(frames)]) for number in range(round(seconds / FRAME_S))
    ]


if __name__ == "__main__":
    if sys.argv[1] == "line":
        asyncio.run(line())
    else:
        asyncio.run(run(sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
