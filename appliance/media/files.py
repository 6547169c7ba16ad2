"""Sound files: any that PyAV reads come in, WAV goes out, valid at every moment."""

import wave
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from appliance.errors import DeviceError
from appliance.media.convert import Converter
from appliance.media.pcm import RATE, wav_header

# The sizes in the header are brought up to date this often, so that a killed process leaves a file
# that every program opens, and at most this much of its end unseen.
_HEADER_EVERY = RATE // 10  # samples: 100 ms
_PIECE = RATE // 10  # samples


def read_sound(path: Path) -> Generator[bytes, None, None]:
    """Yield a sound file (WAV, or whatever PyAV reads) as mono, s16le, 48 kHz, in pieces.

    Raises DeviceError, at the first piece, if it is missing or no sound file.
    """
    if _is_ours(path):  # PyAV would take 18 us in 10 ms
        with wave.open(str(path)) as file:
            while piece := file.readframes(_PIECE):
                yield piece
        return
    try:
        with av.open(str(path), mode="r") as container:
            if not container.streams.audio:
                raise DeviceError(f"There is no sound in {path}.", "Choose a WAV file.")
            converter = Converter()
            for frame in container.decode(container.streams.audio[0]):
                yield converter.convert(frame)
            yield converter.convert(None)
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, DeviceError):
            raise
        cause = f"{path} cannot be read as sound ({error.strerror or error})."
        raise DeviceError(cause, "Choose a WAV file.") from error


def _is_ours(path: Path) -> bool:
    """Whether it is a WAV of mono, s16le, 48 kHz, with something in it."""
    with suppress(OSError, EOFError, wave.Error), wave.open(str(path)) as file:
        channels, width, rate, length, *_ = file.getparams()
        return (channels, width, rate) == (1, 2, RATE) and length > 0
    return False


class WavWriter:
    """Writes mono, s16le, 48 kHz to a WAV file. Not thread-safe. Raises OSError as files do."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        try:
            self._file.write(wav_header(0))
        except OSError:
            self._file.close()
            raise
        self._since_header = 0
        self.samples = 0
        """Samples written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, pcm: bytes) -> None:
        """Append sound of any length."""
        self._file.write(pcm)
        self.samples += len(pcm) // 2
        self._since_header += len(pcm) // 2
        if self._since_header >= _HEADER_EVERY:
            self._update_header()

    def close(self) -> None:
        """Bring the header up to date and close the file. Idempotent."""
        if self._file.closed:
            return
        try:
            self._update_header()
        finally:
            self._file.close()

    def _update_header(self) -> None:
        self._since_header = 0
        size = self._file.seek(0, 2)  # what really reached the disk
        self._file.seek(0)
        self._file.write(wav_header(size - len(wav_header(0)) & ~1))
        self._file.seek(0, 2)
