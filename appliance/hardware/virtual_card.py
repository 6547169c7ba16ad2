"""A sound card made of software: a private PulseAudio server with a microphone and a speaker.

Needs no sound hardware, no dbus and no user session, and runs as root. What is spoken into it with
`speak` arrives at the microphone `usb_mic`; what is played on the speaker `usb_speaker` is recorded
with `record`. Debian packages: pulseaudio, libasound2-plugins.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.errors import DeviceError
from appliance.media.files import WavWriter, read_sound
from appliance.media.pcm import RATE

MICROPHONE, SPEAKER = "usb_mic", "usb_speaker"

_START_DEADLINE = 10.0  # seconds; it takes 0.2 on an idle desktop
_STOP_DEADLINE = 2.0  # seconds after SIGTERM, before SIGKILL
_FIRST_SOUND_DEADLINE = 5.0  # seconds until a recording runs
_DRAIN_DEADLINE = 10.0  # seconds that playing may take beyond the length of the sound
_CONTROL_DEADLINE = 10.0  # seconds for pactl, which takes 0.02
_POLL = 0.02  # seconds between two looks for the server's socket
# How much the server asks for ahead, in ms. Whoever speaks must not falter when the processor is
# busy for a moment: with 20 ms, two busy processes on two cores put 0.4 to 0.8 s of holes into six
# seconds, with 500 none. Whoever listens loses nothing, and wants to hear it soon.
_AHEAD, _PIECE = 500, 20

# `norewinds`: without it null sinks work in blocks of two seconds. The remap source gives the
# microphone a name of its own. The protocol comes last, so that who gets in finds everything.
_SERVER = """\
load-module module-null-sink sink_name=speaker rate={rate} channels=1 norewinds=1
load-module module-null-sink sink_name=room rate={rate} channels=1 norewinds=1
load-module module-remap-source master={microphone} source_name=microphone
set-default-sink speaker
set-default-source microphone
load-module module-native-protocol-unix socket={directory}/native auth-anonymous=1
"""

# The whole ALSA configuration of a process that uses the card: three devices and nothing else.
_ALSA = """\
pcm.!default {{ type pulse hint {{ show on description "Virtual sound card" }} }}
ctl.!default {{ type pulse }}
pcm.{microphone} {{ type pulse device microphone hint {{ show on description "Virtual mic" }} }}
pcm.{speaker} {{ type pulse device speaker hint {{ show on description "Virtual speaker" }} }}
"""


class VirtualCard:
    """The card, from `async with` to its end; used once. All sound is mono, s16le, 48 kHz."""

    def __init__(self, *, rate_hz: int = RATE, hears_itself: bool = False) -> None:
        """`hears_itself`: the microphone hears the speaker instead of what is spoken."""
        self._rate_hz = rate_hz
        self._hears_itself = hears_itself
        self._stack = AsyncExitStack()
        self._directory = Path()
        self._server: Process | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that make a process see this card, and only this one.

        They must be set before it opens sound for the first time.
        """
        return {
            "ALSA_CONFIG_PATH": str(self._directory / "asound.conf"),
            "PULSE_SERVER": f"unix:{self._directory}/native",
            "PULSE_CLIENTCONFIG": str(self._directory / "client.conf"),
            "PULSE_COOKIE": str(self._directory / "cookie"),
            "PULSE_RUNTIME_PATH": str(self._directory),
        }

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._server is not None, "the card is not there yet"  # noqa: S101 - misuse
        return self._server.pid

    async def __aenter__(self) -> Self:
        """Start the server. Raises DeviceError if PulseAudio is missing or does not start."""
        async with AsyncExitStack() as stack:
            # Lies in /tmp whatever TMPDIR says: a socket's path has 107 characters at most.
            directory = tempfile.mkdtemp(prefix="voice-appliance-card-", dir="/tmp")
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            self._directory = Path(directory)
            self._write_configuration()
            self._server = await self._start_server()
            stack.push_async_callback(_end, self._server)
            await self._wait_until_up(self._server)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the server and remove its files."""
        await self._stack.aclose()

    async def speak(self, sound: bytes | Path) -> None:
        """Say `sound` (PCM, or a sound file) into the microphone; returns when it has been said.

        Raises DeviceError if the file cannot be read or the server has gone. Cancelling stops it.
        """
        if isinstance(sound, Path):
            sound = await asyncio.to_thread(lambda path: b"".join(read_sound(path)), sound)
        length = len(sound) / (2 * RATE)
        play = ("pacat", "--playback", "--device=room")
        async with self._client(*play, latency_ms=_AHEAD, stdin=PIPE) as client:
            try:
                async with asyncio.timeout(length + _DRAIN_DEADLINE):
                    await client.communicate(sound)
            except TimeoutError as error:
                raise DeviceError("The virtual microphone does not take the sound.") from error
            if client.returncode:
                raise DeviceError("The virtual sound card has gone.")

    @asynccontextmanager
    async def listen(
        self, heard: Callable[[bytes], None], *, sink: str = "speaker"
    ) -> AsyncIterator[None]:
        """Give `heard` everything the speaker plays, in pieces, until the context ends.

        `sink`: another one of the server's. Raises DeviceError if nothing arrives; a playing
        speaker's silence is sound here.
        """
        pipe = _Pipe(asyncio.get_running_loop(), heard)
        try:
            record = ("pacat", "--record", f"--device={sink}.monitor")
            async with self._client(*record, latency_ms=_PIECE, stdout=pipe.write_end):
                pipe.start()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_FIRST_SOUND_DEADLINE):
                        await pipe.moved.wait()
                if not pipe.bytes:
                    raise DeviceError("The virtual speaker cannot be recorded.")
                yield
        finally:
            pipe.close()

    async def control(self, *command: str) -> str:
        """Have `pactl` do something to the server, and return what it says.

        Raises DeviceError if the server refuses, or has gone.
        """
        process = await self._spawn(
            "pactl", *command, environment=self.environment, stdin=DEVNULL, stdout=PIPE
        )
        async with asyncio.timeout(_CONTROL_DEADLINE):
            told, _ = await process.communicate()
        if process.returncode:
            raise DeviceError(f"The virtual sound card does not do {command[0]}.")
        return told.decode().strip()

    @asynccontextmanager
    async def record(self, path: Path) -> AsyncIterator[None]:
        """Record what the speaker plays to a WAV file until the context ends."""
        with WavWriter(path) as file:
            async with self.listen(file.write):
                yield

    def _write_configuration(self) -> None:
        names = {"microphone": MICROPHONE, "speaker": SPEAKER}
        source = "speaker.monitor" if self._hears_itself else "room.monitor"
        server = _SERVER.format(directory=self._directory, rate=self._rate_hz, microphone=source)
        self._directory.joinpath("server.pa").write_text(server)
        self._directory.joinpath("asound.conf").write_text(_ALSA.format(**names))
        self._directory.joinpath("client.conf").write_text("autospawn = no\nenable-shm = no\n")

    async def _start_server(self) -> Process:
        command = [
            "pulseaudio", "-n", "-F", str(self._directory / "server.pa"), "--daemonize=no",
            "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no", "--high-priority=no",
            "--disable-shm=yes", f"--log-target=file:{self._directory}/log",
        ]  # fmt: skip
        if shutil.which(command[0]) is None:
            raise _missing(command[0])
        if setpriv := shutil.which("setpriv"):  # the server dies with us, even if we are killed
            command = [setpriv, "--pdeathsig", "TERM", *command]
        home = {"HOME": str(self._directory), "XDG_RUNTIME_DIR": str(self._directory)}
        return await self._spawn(*command, environment=home, stdin=DEVNULL, stdout=DEVNULL)

    async def _wait_until_up(self, server: Process) -> None:
        path = str(self._directory / "native")
        try:
            async with asyncio.timeout(_START_DEADLINE):
                while server.returncode is None:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_unix_connection(path)
                        writer.close()
                        return
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            pass
        raise DeviceError("The PulseAudio server does not start.", self._last_words())

    def _last_words(self) -> str:
        try:
            lines = self._directory.joinpath("log").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1][-200:] if lines else ""

    @asynccontextmanager
    async def _client(
        self, *command: str, latency_ms: int, stdin: int = DEVNULL, stdout: int = DEVNULL
    ) -> AsyncIterator[Process]:
        form = ["--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"]
        form.append(f"--latency-msec={latency_ms}")
        process = await self._spawn(
            *command, *form, environment=self.environment, stdin=stdin, stdout=stdout
        )
        try:
            yield process
        finally:
            await _end(process)

    @staticmethod
    async def _spawn(
        *command: str, environment: Mapping[str, str], stdin: int, stdout: int
    ) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **environment},
                stdin=stdin,
                stdout=stdout,
                stderr=DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; we end it when we are done
            )
        except FileNotFoundError as error:
            raise _missing(command[0]) from error


def _missing(command: str) -> DeviceError:
    return DeviceError(
        f"The virtual sound card needs {command}, which is not installed.",
        "Install it with: apt install pulseaudio libasound2-plugins",
    )


class _Pipe:
    """Gives what a process writes to `heard`, in whole samples, without a task of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, heard: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._heard = heard
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._rest = b""
        self.bytes = 0
        self.moved = asyncio.Event()
        """Set at the first sound, or at the end if there was none."""

    def start(self) -> None:
        """Begin to read; from here on only the process holds the other end."""
        os.close(self.write_end)
        self.write_end = -1
        self._loop.add_reader(self._read_end, self._readable)

    def close(self) -> None:
        """Stop reading."""
        self._loop.remove_reader(self._read_end)
        for end in (self._read_end, self.write_end):
            if end >= 0:
                os.close(end)

    def _readable(self) -> None:
        data = os.read(self._read_end, 1 << 16)
        self.moved.set()
        if not data:
            self._loop.remove_reader(self._read_end)
            return
        self.bytes += len(data)
        data = self._rest + data
        whole = len(data) & ~1
        self._rest = data[whole:]
        self._heard(data[:whole])


async def _end(process: Process) -> None:
    """End one process we started: SIGTERM, then SIGKILL. Cancelling leaves it killed."""
    if process.returncode is not None:
        return
    try:
        for send in (process.terminate, process.kill):
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                send()
                async with asyncio.timeout(_STOP_DEADLINE):
                    await process.wait()
                return
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
