"""The self-test: plays a warning and a sweep, listens to it, to the room and to a person."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

from appliance.config import HIGHEST_GAIN, LOWEST_GAIN
from appliance.errors import DeviceError
from appliance.findings import Report, problems
from appliance.media import pcm, probe
from appliance.media.cues import Note, tone
from appliance.ports import AudioDevice, AudioStream

DEADLINE = 25.0  # s for the whole test, which takes 13; a card that stands still ends it before
_SETTLE, _QUIET, _PAUSE, _SPEAK = 0.5, 1.0, 0.8, 5.0  # s
_WARNING = tuple(Note(pitch, start, 0.12) for pitch, start in ((660, 0), (660, 0.2), (660, 0.4)))
_YOUR_TURN = (Note(660, 0.0, 0.12), Note(880, 0.14, 0.2))
_TOLD = ("quiet", "sweep", "voice")  # parts whose beginning a person is told
_AFTER_TONE = 0.5  # s until a room has forgotten a tone


class Script:
    """What is played, block by block, and what is heard meanwhile. Its `exchange` is the card's."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        volume: int,
        begins: Callable[[str], None] = lambda _part: None,
    ) -> None:
        """Prepare what is played. Takes some 0.1 s: not on the loop.

        `volume`: of the speaker, in %. `begins`: told each part of _TOLD, on the loop.
        """
        self._loop = loop
        self._begins = begins
        loudness = (volume / 100) ** 3  # as Engine.set_volume has it
        self.sweep = probe.sweep(loudness)
        warning, turn = (
            pcm.ramp(tone(notes), loudness, loudness) for notes in (_WARNING, _YOUR_TURN)
        )
        self._parts: dict[str, tuple[int, int]] = {}
        self._far: Iterator[bytes] = pcm.blocks(
            b"".join(
                self._laid_out(
                    ("settle", silence(_SETTLE)),
                    ("quiet", silence(_QUIET)),
                    ("warning", warning),
                    ("pause", silence(_PAUSE)),
                    ("sweep", probe.to_pcm(self.sweep) + silence(probe.TAIL)),
                    ("turn", turn),
                    ("listen", silence(_AFTER_TONE)),
                    ("voice", silence(_SPEAK)),
                )
            )
        )
        self._told = {self._parts[part][0]: part for part in _TOLD}
        self._near = bytearray()
        self.settled = asyncio.Event()
        self.over = asyncio.Event()

    def _laid_out(self, *parts: tuple[str, bytes]) -> Iterator[bytes]:
        """Yield the parts, each in whole blocks, and note where they are."""
        at = 0
        for name, sound in parts:
            whole = sound + bytes(-len(sound) % pcm.BLOCK_BYTES)
            self._parts[name] = (at, at + len(whole))
            at += len(whole)
            yield whole

    def exchange(self, near: bytes) -> bytes:
        """See ports.Exchange. Called on the audio thread."""
        if (part := self._told.get(len(self._near))) is not None:
            self._loop.call_soon_threadsafe(self._begins, part)
        self._near += near
        if len(self._near) == self._parts["settle"][1]:
            self._loop.call_soon_threadsafe(self.settled.set)
        far = next(self._far, None)
        if far is None:
            self._loop.call_soon_threadsafe(self.over.set)
            return pcm.SILENCE
        return far

    def heard(self, part: str) -> probe.Sound:
        """Return what the microphone heard in one part."""
        first, last = self._parts[part]
        return probe.from_pcm(self._near[first:last])


async def run(
    device: AudioDevice,
    volume: int,
    gain_db: int,
    begins: Callable[[str], None] = lambda _part: None,
) -> Report:
    """Do the test. Takes 13 s, in which a person hears it. Cancelling closes the device.

    `volume`: of the speaker, in %. `gain_db`: of the microphone; told, not applied.
    `begins`: told on the loop when a part begins: quiet, sweep, voice.

    Raises DeviceError if the device cannot be opened, or stops.
    """
    script = await asyncio.to_thread(Script, asyncio.get_running_loop(), volume, begins)
    broken: list[DeviceError] = []

    def failed(error: DeviceError) -> None:
        broken.append(error)
        script.settled.set()
        script.over.set()

    try:
        async with asyncio.timeout(DEADLINE), device.open(script.exchange, failed) as stream:
            await script.settled.wait()
            before = _xruns(stream)
            await script.over.wait()
            xruns = _xruns(stream) - before
    except TimeoutError as error:
        raise DeviceError(
            "The sound card is too slow for the self-test.", "Try again, or set audio.block_ms."
        ) from error
    if broken:
        raise broken[0]
    found = await asyncio.to_thread(judge, script)
    report = replace(found, xruns=xruns, volume=volume, gain_now_db=gain_db)
    return replace(report, problems=tuple(problems(report)))


def _xruns(stream: AudioStream) -> int:
    stats = stream.stats()
    return stats.underruns + stats.overruns


def silence(seconds: float) -> bytes:
    """Return so much silence."""
    return bytes(2 * round(seconds * pcm.RATE))


def judge(script: Script) -> Report:
    """Return what a script that is over measured. Takes some 0.5 s: not on the loop."""
    noise = probe.level_dbfs(script.heard("quiet"))
    heard, spoken = script.heard("sweep"), script.heard("voice")
    echo = probe.find_echo(script.sweep, heard)
    voice = probe.find_voice(spoken, noise)
    gain = probe.right_gain(voice, noise, echo, LOWEST_GAIN, HIGHEST_GAIN) if voice else None
    clipped = max(probe.clipped_share(heard), probe.clipped_share(spoken))
    return Report(
        noise_dbfs=round(noise, 1),
        delay=round(echo.delay, 4) if echo else None,
        echo_dbfs=round(echo.level_dbfs, 1) if echo else None,
        return_loss_db=round(echo.return_loss_db, 1) if echo else None,
        clipped=round(clipped, 5),
        voice_dbfs=round(voice.level_dbfs, 1) if voice else None,
        gain_db=gain,
    )
