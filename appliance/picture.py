"""Makes a camera's JPEG ready for the model: upright, small, without EXIF."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.codec.context import Flags
from av.filter import Graph

from appliance.errors import DeviceError

LONG_SIDE: Final = 1024  # pixels; what the model looks at is not larger
MAX_BYTES: Final = 150_000  # of JPEG: 200 kB as base64, under every message limit on the way
DARK_LUMA: Final = 8.0  # mean brightness, 0 to 255: a covered lens stays below it
SMALLEST: Final = 64  # pixels of the long side; below it nobody recognises anything
MOST_PIXELS: Final = 50_000_000  # four times what the Pi's cameras deliver; more is an attack
QUALITIES: Final = (2, 3, 4, 6, 8, 12, 18, 31)  # quantisers of the encoder, best first

_MOST_HALVINGS: Final = 3  # the decoder halves at most three times (FFmpeg, mjpeg decoder)
# EXIF orientation -> filters that make the picture upright (CIPA DC-008, tag 0x0112).
_UPRIGHT: Final[dict[int, tuple[tuple[str, str], ...]]] = {
    1: (),
    2: (("hflip", ""),),
    3: (("hflip", ""), ("vflip", "")),
    4: (("vflip", ""),),
    5: (("transpose", "cclock_flip"),),
    6: (("transpose", "clock"),),
    7: (("transpose", "clock_flip"),),
    8: (("transpose", "cclock"),),
}
_CLOCKWISE: Final = {0: 1, 90: 6, 180: 3, 270: 8}  # degrees -> the orientation that means the same


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo ready for the model. `luma`: mean brightness, 0 to 255."""

    jpeg: bytes
    width: int
    height: int
    luma: float

    @property
    def dark(self) -> bool:
        """Whether nothing can be seen in it: lens covered, or no light."""
        return self.luma < DARK_LUMA


def prepare(jpeg: bytes, rotation: int = 0, limit: int = MAX_BYTES) -> Picture:
    """Decode, turn upright, shrink to LONG_SIDE and `limit`, and drop EXIF. Blocks up to 0.3 s.

    `rotation`: degrees clockwise, on top of what the picture's own EXIF orientation asks for.
    `limit`: bytes. Raises DeviceError if it is not a whole JPEG of at most MOST_PIXELS, or if it
    fits the limit only below SMALLEST pixels.
    """
    header = _read_header(jpeg)
    frame = _shrink(_decode(jpeg, header), LONG_SIDE)
    for orientation in (header.orientation, _CLOCKWISE[rotation]):
        frame = _turn(frame, _UPRIGHT[orientation])
    luma = _mean_luma(frame)
    while (small := _encode_within(frame, limit)) is None:  # then it has to get smaller too
        long_side = max(frame.width, frame.height) * 3 // 4
        if long_side < SMALLEST:
            raise DeviceError("The photo cannot be made so small.")
        frame = _shrink(frame, long_side)
    return Picture(small, frame.width, frame.height, luma)


def from_yuyv(frame: bytes, width: int, height: int, stride: int) -> bytes:
    """Return a JPEG of a webcam's raw frame. `stride`: bytes from row to row. Blocks up to 0.1 s.

    Raises DeviceError if the frame is not whole.
    """
    row = 2 * width
    if stride < row or len(frame) < stride * (height - 1) + row:
        raise _damaged()
    raw = av.VideoFrame(width, height, "yuyv422")
    plane = raw.planes[0]
    gap = bytes(plane.line_size - row)
    plane.update(b"".join(frame[y * stride : y * stride + row] + gap for y in range(height)))
    return _encode(raw.reformat(format="yuvj420p"), QUALITIES[0])


def _damaged() -> DeviceError:
    return DeviceError(
        "The camera delivered a damaged picture.",
        "Take another one; if it happens again, check the camera's cable.",
    )


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    orientation: int  # 1..8, as in EXIF


def _read_header(jpeg: bytes) -> _Header:
    """Walk the segments up to the first frame header (ITU-T T.81, annex B)."""
    if not jpeg.startswith(b"\xff\xd8") or b"\xff\xd9" not in jpeg[-64:]:
        raise _damaged()
    orientation, at = 1, 2
    while at + 9 < len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4])
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:  # SOF0..SOF15
            height = int.from_bytes(jpeg[at + 5 : at + 7])
            width = int.from_bytes(jpeg[at + 7 : at + 9])
            if not 0 < width * height <= MOST_PIXELS:
                raise _damaged()
            return _Header(width, height, orientation)
        if marker == 0xE1:  # APP1
            orientation = _exif_orientation(jpeg[at + 4 : at + 2 + length]) or orientation
        at += 2 + length
    raise _damaged()


def _exif_orientation(app1: bytes) -> int | None:
    """Return tag 0x0112 of the first directory (CIPA DC-008), if it is there and makes sense."""
    if not app1.startswith(b"Exif\0\0"):
        return None
    tiff = app1[6:]
    if tiff[:2] not in {b"II", b"MM"}:
        return None

    def number(at: int, size: int) -> int:
        field = tiff[at : at + size]
        return int.from_bytes(field if tiff[:2] == b"MM" else field[::-1])

    directory = number(4, 4)
    for entry in range(number(directory, 2)):
        at = directory + 2 + 12 * entry
        if at + 12 > len(tiff):
            return None
        if number(at, 2) == 0x0112:
            value = number(at + 8, 2)
            return value if value in _UPRIGHT else None
    return None


def _decode(jpeg: bytes, header: _Header) -> av.VideoFrame:
    """Decode at the lowest resolution that still has LONG_SIDE, to spare memory."""
    halvings = 0
    while (
        halvings < _MOST_HALVINGS
        and max(header.width, header.height) >> (halvings + 1) >= LONG_SIDE
    ):
        halvings += 1
    codec = av.CodecContext.create("mjpeg", "r")
    codec.thread_count = 1
    codec.options = {"err_detect": "explode", "lowres": str(halvings)}
    try:
        frames = [*codec.decode(av.Packet(jpeg)), *codec.decode(None)]
    except (av.FFmpegError, ValueError) as error:
        raise _damaged() from error
    if not frames:
        raise _damaged()
    return frames[0]


def _shrink(frame: av.VideoFrame, long_side: int) -> av.VideoFrame:
    """Return the frame in the encoder's pixel format, at most `long_side` wide or high."""
    scale = min(long_side / max(frame.width, frame.height), 1)
    width, height = (max(round(side * scale), 1) for side in (frame.width, frame.height))
    return frame.reformat(width, height, "yuvj420p", interpolation="AREA")


def _turn(frame: av.VideoFrame, filters: tuple[tuple[str, str], ...]) -> av.VideoFrame:
    if not filters:
        return frame
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1)
    )
    source = last
    for name, argument in filters:
        step = graph.add(name, argument or None)
        last.link_to(step)
        last = step
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    frame.pts, frame.time_base = 0, Fraction(1, 1)
    source.push(frame)
    turned = sink.pull()
    if not isinstance(turned, av.VideoFrame):
        raise _damaged()
    return turned


def _encode_within(frame: av.VideoFrame, limit: int) -> bytes | None:
    """Encode as well as `limit` bytes allow; None if no quality fits."""
    best, worst = 0, len(QUALITIES)  # the best quality that fits is in [best, worst]
    fitting: dict[int, bytes] = {}
    while best < worst:
        middle = (best + worst) // 2
        jpeg = _encode(frame, QUALITIES[middle])
        if len(jpeg) <= limit:
            fitting[middle] = jpeg
            worst = middle
        else:
            best = middle + 1
    return fitting.get(worst)


def _encode(frame: av.VideoFrame, quality: int) -> bytes:
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuvj420p"
    codec.time_base = Fraction(1, 1)
    codec.sample_aspect_ratio = Fraction(1, 1)  # without it there is no JFIF header
    codec.qmin = codec.qmax = quality
    codec.thread_count = 1
    codec.flags |= Flags.bitexact  # no encoder's name as a comment; the same picture, same bytes
    frame.pts, frame.time_base = 0, Fraction(1, 1)
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def _mean_luma(frame: av.VideoFrame) -> float:
    tiny = frame.reformat(32, 32, "gray", interpolation="AREA")
    rows = memoryview(tiny.planes[0])
    stride = tiny.planes[0].line_size
    return sum(sum(rows[y * stride : y * stride + 32]) for y in range(32)) / (32 * 32)
