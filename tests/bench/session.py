"""What a rival's session takes while its microphone speaks into it; its sound goes nowhere."""

import asyncio
import time
import wave
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.bench.weigh import peak, resident

RATE = 24_000  # Hz; the file has twice as much
PIECE_S = 0.04
SECONDS = 15.0


async def spoken(send: Callable[[bytes], Awaitable[None]], microphone: str) -> dict[str, float]:
    """Send what is said, as fast as it is said; return CPU seconds of a minute, and MB."""
    sound = said(Path(microphone))
    size = 2 * round(PIECE_S * RATE)
    began, used = time.monotonic(), time.process_time()
    for number in range(round(SECONDS / PIECE_S)):
        at = number * size % (len(sound) - size)
        await send(sound[at : at + size])
        await asyncio.sleep(began + (number + 1) * PIECE_S - time.monotonic())
    minute = (time.process_time() - used) * 60 / SECONDS
    return {"minute": minute, "resident": resident(), "peak": peak()}


def said(path: Path) -> bytes:
    """Return the file (mono, s16le, 48 kHz) at 24 kHz."""
    with wave.open(str(path)) as file:
        samples = array("h", file.readframes(file.getnframes()))
    return samples[::2].tobytes()
