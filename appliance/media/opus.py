"""Opus both ways: 20 ms packets of the microphone, whatever packets the service sends."""

import ctypes
import sys
from collections.abc import Iterator, Mapping
from ctypes.util import find_library
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from typing_extensions import override

from appliance.errors import DeviceError
from appliance.media.decoder import Decoder
from appliance.media.pcm import RATE

FRAME_SAMPLES = 960  # 20 ms, what WebRTC sends (RFC 7587, section 4.2)
FRAME_BYTES = 2 * FRAME_SAMPLES
TIME_BASE = Fraction(1, RATE)

GOOD: Final = 6
"""Complexity with which lost packets are concealed by LPCNet and speech is enhanced by LACE.

libopus 1.5 does so if it was built to; below 5 it conceals as it always did. Other builds do not
change. Of speech that comes whole it leaves a STOI of 0.988, and PESQ-WB 4.34; without enhancement
it is 0.987 and 4.25, with NoLACE 0.986 and 4.37, for twice the CPU: 75 us in 10 ms.
"""
BEST: Final = 7
"""The same with NoLACE: where packets get lost PESQ-WB gains 0.05 to 0.1 by it."""

# opus_defines.h
_VOIP: Final = 2048
_SET_BIT_RATE: Final = 4002
_SET_MAX_BANDWIDTH: Final = 4004
_SET_COMPLEXITY: Final = 4010
_SET_COPIES: Final = 4012
_SET_EXPECTED_LOSS: Final = 4014  # %
_SET_VBR_CONSTRAINT: Final = 4020
_RESET_STATE: Final = 4028  # settings stay
_WIDE_BAND: Final = 1103  # up to 8 kHz
_LONGEST: Final = RATE * 120 // 1000  # samples: a packet holds 120 ms at most (RFC 6716, 3.2.5)
_CELT_ONLY: Final = 0x80  # of the first byte: these configurations have no copies (RFC 6716, 3.1)
_ONE_FRAME: Final = 0x03  # of the first byte, all clear: one frame, right behind it
_COPY: Final = 0x40  # of a SILK frame of 10 or 20 ms: a copy of the last follows (4.2.3)

# Wide-band speech with in-band error correction (RFC 7587, sections 3.1.1 and 3.3): libopus spends
# part of the rate on a copy of the last packet, as much as the expected loss asks for. Of a clean
# line complexity 6 leaves PESQ-WB 4.39 for 165 us in 20 ms, 1 leaves 4.04 for 70, 9 4.41 for 215.
# What is above 8 kHz would cost 0.07 of it and 12 us, and behind the echo canceller there is none.
_VOICE: Final = {_SET_BIT_RATE: 32_000, _SET_COMPLEXITY: 6, _SET_VBR_CONSTRAINT: 0}
_WIDE: Final = {_SET_MAX_BANDWIDTH: _WIDE_BAND}
_COPIES: Final = {_SET_COPIES: 1, _SET_EXPECTED_LOSS: 10}
_LARGEST: Final = 1275  # bytes of a packet of one frame (RFC 6716, 3.2.1)


class OpusLibrary:
    """libopus, loaded."""

    def __init__(self, path: str) -> None:
        """Load it. Raises OSError if it cannot be, AttributeError if it is something else."""
        self.path = path
        lib = ctypes.CDLL(path)
        lib.opus_get_version_string.restype = ctypes.c_char_p
        self.version = lib.opus_get_version_string().decode()
        self._create = lib.opus_decoder_create
        self._create.restype = ctypes.c_void_p
        self._create.argtypes = (ctypes.c_int32, ctypes.c_int, ctypes.POINTER(ctypes.c_int))
        self.destroy = lib.opus_decoder_destroy
        self.destroy.argtypes = (ctypes.c_void_p,)
        self.destroy.restype = None
        self.decode = lib.opus_decode
        self.decode.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32,
            ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
        )  # fmt: skip
        self._control = lib.opus_decoder_ctl
        self._control.restype = ctypes.c_int
        self._create_encoder = lib.opus_encoder_create
        self._create_encoder.restype = ctypes.c_void_p
        self._create_encoder.argtypes = (
            ctypes.c_int32, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int),
        )  # fmt: skip
        self.destroy_encoder = lib.opus_encoder_destroy
        self.destroy_encoder.argtypes = (ctypes.c_void_p,)
        self.destroy_encoder.restype = None
        self.encode = lib.opus_encode
        self.encode.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int32,
        )  # fmt: skip
        self._control_encoder = lib.opus_encoder_ctl
        self.samples = lib.opus_packet_get_nb_samples
        self.samples.argtypes = (ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32)

    def decoder(self) -> int:
        """Return a new decoder's state, to be freed with `destroy`. Raises DeviceError."""
        error = ctypes.c_int()
        state: int | None = self._create(RATE, 1, ctypes.byref(error))
        if not state:
            raise DeviceError(f"libopus cannot begin to decode ({error.value}).")
        return state

    def encoder(self, settings: Mapping[int, int]) -> int:
        """Return a new encoder's state for a voice, to be freed with `destroy_encoder`.

        `settings`: by their requests. Raises DeviceError.
        """
        error = ctypes.c_int()
        state: int | None = self._create_encoder(RATE, 1, _VOIP, ctypes.byref(error))
        if not state:
            raise DeviceError(f"libopus cannot begin to encode ({error.value}).")
        for request, value in settings.items():
            self._control_encoder(
                ctypes.c_void_p(state), ctypes.c_int(request), ctypes.c_int(value)
            )
        return state

    def set_complexity(self, state: int, complexity: int) -> None:
        """Say how much a decoder may do for its sound, 0 to 10. No effect before libopus 1.5."""
        self._control(
            ctypes.c_void_p(state), ctypes.c_int(_SET_COMPLEXITY), ctypes.c_int(complexity)
        )

    def reset(self, state: int) -> None:
        """Have a decoder forget what it decoded."""
        self._control(ctypes.c_void_p(state), ctypes.c_int(_RESET_STATE))


def find_opus() -> OpusLibrary:
    """Return the libopus to decode with: our own build, else PyAV's or the system's.

    Raises DeviceError if there is none.
    """
    for path in _candidates():
        try:
            return OpusLibrary(path)
        except (OSError, AttributeError):
            continue
    raise DeviceError("The library libopus is missing.", "Run: sudo apt install libopus0")


def _candidates() -> Iterator[str]:
    yield str(Path(sys.prefix, "lib", "voice-appliance", "libopus.so.0"))  # by deploy/opus
    if (av := find_spec("av")) is not None and av.origin is not None:
        wheel = Path(av.origin).parent.parent / "av.libs"
        yield from map(str, sorted(wheel.glob("libopus-*.so*")))
    if system := find_library("opus"):
        yield system


@cache
def _found() -> OpusLibrary:
    """Return what `find_opus` finds, which may run a program to look for it, but once."""
    return find_opus()


class OpusEncoder:
    """Encodes one voice: mono, s16le, 48 kHz. Keeps state, so one for each stream."""

    def __init__(
        self, library: OpusLibrary | None = None, *, copies: bool = True, full_band: bool = False
    ) -> None:
        """`copies`: each packet also holds a copy of the one before (in-band error correction).

        `full_band`: also what is above 8 kHz, as a service may send it. Without `library` the one
        that `find_opus` finds. Raises DeviceError.
        """
        self._library = library or _found()
        settings = {**_VOICE, **({} if full_band else _WIDE), **(_COPIES if copies else {})}
        self._state = self._library.encoder(settings)
        self._packet = ctypes.create_string_buffer(_LARGEST)

    def __del__(self) -> None:
        """Free the encoder's state."""
        if getattr(self, "_state", None):
            self._library.destroy_encoder(self._state)

    def encode(self, pcm: bytes) -> bytes:
        """Return the packet for 20 ms of sound (FRAME_BYTES)."""
        if len(pcm) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes")
        made: int = self._library.encode(self._state, pcm, FRAME_SAMPLES, self._packet, _LARGEST)
        if made < 0:
            raise DeviceError(f"libopus cannot encode ({made}).")
        return ctypes.string_at(self._packet, made)


class OpusDecoder(Decoder):
    """Decodes one stream. Keeps state, so one for each stream; any thread, one at a time."""

    def __init__(self, library: OpusLibrary, complexity: int | None = None) -> None:
        """`complexity`: 0 to 10; None: GOOD, and BEST from the first packet on that is lost."""
        self._library = library
        self._state = library.decoder()
        self._rises = complexity is None
        library.set_complexity(self._state, GOOD if complexity is None else complexity)
        self._sound = ctypes.create_string_buffer(2 * _LONGEST)

    def __del__(self) -> None:
        """Free the decoder's state."""
        if getattr(self, "_state", None):
            self._library.destroy(self._state)

    @override
    def duration(self, packet: bytes) -> int:
        return max(0, int(self._library.samples(packet, len(packet), RATE)))

    @override
    def has_copy(self, packet: bytes) -> bool:
        return (
            len(packet) > 1
            and not packet[0] & (_CELT_ONLY | _ONE_FRAME)
            and self.duration(packet) <= FRAME_SAMPLES
            and bool(packet[1] & _COPY)
        )

    @override
    def decode(self, packet: bytes) -> bytes:
        return self._run(packet, _LONGEST, 0) or self.conceal(self.duration(packet))

    @override
    def recover(self, packet: bytes, count: int) -> bytes:
        self._rise()
        length = self.duration(packet)
        return self._run(packet, length, 1)[-2 * count :] or self.conceal(count)

    @override
    def conceal(self, count: int) -> bytes:
        self._rise()
        return self._run(None, count, 0) or bytes(2 * count)

    @override
    def reset(self) -> None:
        self._library.reset(self._state)

    def _rise(self) -> None:
        if self._rises:
            self._rises = False
            self._library.set_complexity(self._state, BEST)

    def _run(self, packet: bytes | None, count: int, fec: int) -> bytes:
        made: int = self._library.decode(
            self._state, packet, len(packet or b""), self._sound, count, fec
        )
        return ctypes.string_at(self._sound, 2 * made) if made > 0 else b""


def conceals_deeply(library: OpusLibrary) -> bool:
    """Whether lost packets are concealed by a neural network: it has to sound different then."""
    encoder, plain, deep = OpusEncoder(), OpusDecoder(library, 0), OpusDecoder(library, BEST)
    buzz = b"".join(sample.to_bytes(2, "little") for sample in range(0, 16_000, 200))
    packets = [encoder.encode((buzz * FRAME_BYTES)[:FRAME_BYTES]) for _ in range(5)]
    for packet in packets:
        plain.decode(packet)
        deep.decode(packet)
    return plain.conceal(FRAME_SAMPLES) != deep.conceal(FRAME_SAMPLES)
