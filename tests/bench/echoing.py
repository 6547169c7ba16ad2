"""The appliance hears itself: `python -m tests.bench.echoing run --set audio.driver=file ...`."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
from typing_extensions import override

from appliance import cli, drivers
from appliance.errors import DeviceError
from appliance.hardware.file_audio import FileAudio
from appliance.media.bands import rounded
from appliance.media.pcm import SILENCE
from appliance.ports import AudioStream, Exchange

ECHO_BLOCKS = 6  # later the microphone hears the speaker
ECHO_GAIN = np.float32(0.1)


class EchoingAudio(FileAudio):
    """The driver of sound files; its microphone also hears the speaker, one echo of it.

    That takes 10 us of each 10 ms; a room with walls would weigh more than the canceller.
    """

    @override
    @asynccontextmanager
    async def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AsyncIterator[AudioStream]:
        """See AudioDevice."""
        played = deque([SILENCE] * ECHO_BLOCKS)

        def in_the_echo(near: bytes) -> bytes:
            far = exchange(with_echo(near, played.popleft()))
            played.append(far)
            return far

        async with super().open(in_the_echo, failed, after=after) as stream:
            yield stream


def with_echo(near: bytes, played: bytes) -> bytes:
    """Return what a microphone hears of a person and of what was played."""
    echo = np.frombuffer(played, np.int16) * ECHO_GAIN
    return rounded(np.frombuffer(near, np.int16) + echo).tobytes()


if __name__ == "__main__":
    audio = {**drivers.DRIVERS["audio"], "file": ("tests.bench.echoing", "EchoingAudio")}
    drivers.DRIVERS = {**drivers.DRIVERS, "audio": audio}
    cli.main()
