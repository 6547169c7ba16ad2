"""A room that is lived in sounds as its numbers say, block by block."""

import asyncio
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from appliance.config import AudioConfig
from appliance.media.pcm import BLOCK_BYTES, BLOCK_SAMPLES, RATE, SILENCE
from tests.bench.acoustics import ROOM, Acoustics, Convolver, RoomAudio
from tests.bench.room import ROOMS, Room, active_power
from tests.sound import Latch

QUIET = replace(ROOMS["nominal"], noise=-150.0)


def heard(
    room: Room, far: bytes, person: bytes = b""
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The microphone's sound while the speaker gets `far`, then a second of silence."""
    acoustics, near, before = Acoustics(room), b"", SILENCE
    for at in range(0, len(far) + 2 * RATE, BLOCK_BYTES):
        said = person[at : at + BLOCK_BYTES].ljust(BLOCK_BYTES, b"\0")
        near += acoustics.hear(before, said)
        before = far[at : at + BLOCK_BYTES].ljust(BLOCK_BYTES, b"\0")
    return np.frombuffer(near, "<i2").astype(float) / 32768


def noise(seconds: float, strength: float = 0.1) -> bytes:
    rng = np.random.default_rng(1)
    sound = rng.normal(0, strength * 32768, round(seconds * RATE))
    return bytes(np.clip(sound, -32768, 32767).astype("<i2").tobytes())


@pytest.mark.parametrize("length", [1, 480, 481, 5000])
def test_blocks_are_convolved_as_the_whole(length: int) -> None:
    rng = np.random.default_rng(1)
    answer, sound = rng.normal(size=length), rng.normal(size=20 * BLOCK_SAMPLES)
    convolver = Convolver(answer)
    out = np.concatenate([convolver.feed(part) for part in sound.reshape(-1, BLOCK_SAMPLES)])
    assert out == pytest.approx(np.convolve(sound, answer)[: len(sound)])


@pytest.mark.parametrize("delay", [0.080, 0.150])
def test_echo_comes_after_the_delay(delay: float) -> None:
    click = np.zeros(BLOCK_SAMPLES, "<i2")
    click[0] = 16000
    near = heard(replace(QUIET, delay=delay), click.tobytes())
    assert int(np.abs(near).argmax()) == pytest.approx(delay * RATE, abs=RATE / 1000)


@pytest.mark.parametrize("echo", [-20.0, -30.0])
def test_echo_is_as_loud_as_the_room_says(echo: float) -> None:
    near = heard(replace(QUIET, echo=echo), noise(1.0))
    level = 10 * np.log10(active_power(near))
    assert level == pytest.approx(echo, abs=1.0)  # of noise at -20 dBFS


def test_person_is_heard_as_they_speak() -> None:
    said = noise(0.5)
    near = heard(QUIET, b"", said)
    assert near[: len(said) // 2] == pytest.approx(
        np.frombuffer(said, "<i2").astype(float) / 32768, abs=1e-4
    )


def test_other_walls_are_another_room() -> None:
    one, other = (heard(replace(QUIET, seed=seed), noise(0.2)) for seed in (7, 107))
    assert not np.allclose(one, other, atol=0.01)


@pytest.mark.parametrize("room", [ROOMS["drift 50 ppm"], ROOMS["delay jumps"]])
def test_room_that_changes_is_refused(room: Room) -> None:
    with pytest.raises(ValueError, match="one clock"):
        Acoustics(room)


async def test_driver_hears_the_pipe_and_its_own_speaker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(ROOM, json.dumps(asdict(QUIET)))
    pipe = tmp_path / "person"
    os.mkfifo(pipe)
    near: list[bytes] = []
    loop, enough = asyncio.get_running_loop(), asyncio.Event()
    mouth = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)

    def exchange(block: bytes) -> bytes:
        near.append(block)
        if len(near) == 3:
            os.write(mouth, noise(0.01))
        if len(near) == 40:
            loop.call_soon_threadsafe(enough.set)
        return noise(0.01) if len(near) == 10 else SILENCE

    device = RoomAudio(AudioConfig(driver="file", input_file=str(pipe)), Latch())
    async with device.open(exchange, lambda _: None):
        await enough.wait()
    os.close(mouth)
    loud = [number for number, block in enumerate(near) if np.frombuffer(block, "<i2").std() > 300]
    spoken, *echoed = loud
    assert spoken == 3
    assert echoed
    assert echoed[0] in {17, 18}  # 80 ms after the tenth
