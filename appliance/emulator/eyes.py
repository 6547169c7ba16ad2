"""Looks at a picture, offline: measures light and colours and says so truthfully."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final, Literal, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from appliance.errors import ApplianceError

Grid: TypeAlias = NDArray[np.floating]
Mask: TypeAlias = NDArray[np.bool_]
_Codec: TypeAlias = Literal["mjpeg", "png", "webp", "gif"]

_SIDE: Final = 320  # pixels; measures are taken on a picture made this small
_MOST_PIXELS: Final = 25_000_000  # twice what the Pi's cameras deliver
_LONGEST_CODE: Final = 200  # characters of a code's text that are repeated
_SECOND_COLOUR: Final = 0.04  # share of the picture from which a second colour is worth a word
_MAGIC: Final[dict[bytes, _Codec]] = {
    b"\xff\xd8\xff": "mjpeg",
    b"\x89PNG": "png",
    b"RIFF": "webp",
    b"GIF8": "gif",
}
# Short, like all of it: somebody listens, and half a minute of measures is no answer.
_HONESTY: Final = "I am the offline demo, and cannot name objects."
_UNREADABLE: Final = "Send a whole JPEG, PNG, WebP or GIF of at most 25 megapixels."

# Upper ends of the hues, in degrees round the colour circle.
_HUES: Final = (
    (15, "red"),
    (43, "orange"),
    (68, "yellow"),
    (165, "green"),
    (195, "turquoise"),
    (258, "blue"),
    (290, "purple"),
    (338, "pink"),
    (361, "red"),
)
_LIGHT: Final = ((0.1, "very dark"), (0.3, "dark"), (0.6, "moderately bright"), (0.8, "bright"))
_CONTRAST: Final = ((0.05, "hardly any"), (0.15, "little"), (0.25, "medium"))
_DETAIL: Final = ((0.004, "no"), (0.02, "little"), (0.06, "some"))


class PictureError(ApplianceError, ValueError):
    """The bytes are not a picture that can be read."""


@dataclass(frozen=True, slots=True)
class Description:
    """What was measured, and the same as sentences to be spoken."""

    width: int
    height: int
    light: float  # mean brightness, 0 to 1
    contrast: float  # its standard deviation, 0 to 0.5
    detail: float  # mean difference between neighbours, 0 to 1
    colours: tuple[str, ...]  # most frequent first, one or two
    place: str  # of the second colour: "in the middle", "at the top left"; empty without one
    codes: tuple[str, ...]  # texts of QR and bar codes, when zxing-cpp is installed
    sentence: str


def describe(picture: bytes) -> Description:
    """Measure a JPEG, PNG, WebP or GIF. Blocks for 10 to 60 ms; the same picture, the same words.

    Raises:
        PictureError: not a picture, cut short, broken, or over 25 megapixels.
    """
    frame = _decode(picture)
    rgb = _small(frame)
    luma: Grid = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709
    light, contrast, detail = float(luma.mean()), float(luma.std()), _detail(luma)
    colours, place = _colours(rgb)
    codes = _codes(frame)
    return Description(
        frame.width, frame.height, light, contrast, detail, colours, place, codes,
        " ".join(
            (
                f"I see a picture that is {_word(light, _LIGHT, 'very bright')},",
                f"with {_word(contrast, _CONTRAST, 'strong')} contrast",
                f"and {_word(detail, _DETAIL, 'a lot of')} detail.",
                _colour_sentence(colours, place),
                *(f"I can read a code, it says: {code}." for code in codes),
                _HONESTY,
            )
        ),
    )  # fmt: skip


def _decode(picture: bytes) -> av.VideoFrame:
    name = next((codec for magic, codec in _MAGIC.items() if picture.startswith(magic)), None)
    if name is None:
        raise PictureError("The picture is of no known kind.", _UNREADABLE)
    if name == "mjpeg" and b"\xff\xd9" not in picture[-64:]:  # its decoder would fill up with grey
        raise PictureError("The picture is cut short.", _UNREADABLE)
    try:
        codec = av.CodecContext.create(name, "r")
        codec.options = {"err_detect": "explode", "max_pixels": str(_MOST_PIXELS)}
        frames = [*codec.decode(av.Packet(picture)), *codec.decode(None)]
    except (av.FFmpegError, ValueError) as error:
        raise PictureError("The picture cannot be decoded.", _UNREADABLE) from error
    if not frames:
        raise PictureError("The picture has nothing in it.", _UNREADABLE)
    return frames[0]


def _small(frame: av.VideoFrame) -> Grid:
    """Height x width x (red, green, blue), each 0 to 1, the longer side at most 320."""
    scale = min(_SIDE / max(frame.width, frame.height), 1)
    width, height = (max(round(side * scale), 1) for side in (frame.width, frame.height))
    small = frame.reformat(width, height, "rgb24", interpolation="AREA")
    return small.to_ndarray().astype(np.float32) / 255


def _detail(luma: Grid) -> float:
    steps = [np.abs(np.diff(luma, axis=axis)) for axis in (0, 1)]
    return float(np.mean([step.mean() for step in steps if step.size] or [0.0]))


def _colours(rgb: Grid) -> tuple[tuple[str, ...], str]:
    """The two most frequent colours, and where the second one is."""
    named = _named(rgb)
    ranking = sorted(named, key=lambda name: -int(named[name].sum()))
    first, second = ranking[:2]
    if named[second].mean() < _SECOND_COLOUR:
        return (first,), ""
    return (first, second), _place(named[second])


def _named(rgb: Grid) -> dict[str, Mask]:
    """Every pixel has exactly one of twelve names."""
    high, low = rgb.max(axis=2), rgb.min(axis=2)
    chroma = high - low
    safe = np.where(chroma > 0, chroma, 1)
    red, green, blue = (rgb[:, :, i] for i in range(3))
    hue = 60 * np.where(
        high == red,
        (green - blue) / safe % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    black = high < 0.16
    colourless = ~black & (chroma < 0.12 + 0.1 * (1 - high))
    colourful = ~black & ~colourless
    names = {
        "black": black,
        "white": colourless & (high > 0.8),
        "grey": colourless & (high <= 0.8),
    }
    start = 0
    for end, name in _HUES:
        part = colourful & (hue >= start) & (hue < end)
        names[name] = names[name] | part if name in names else part
        start = end
    brown = (names["orange"] & (high < 0.62)) | (names["red"] & (high < 0.5) & (chroma < 0.3))
    for name in ("orange", "red"):
        names[name] = names[name] & ~brown
    return names | {"brown": brown}


def _place(mask: Mask) -> str:
    """Where in the picture the set pixels are, by their centre and how they spread."""
    rows, columns = np.nonzero(mask)
    y, x = (rows + 0.5) / mask.shape[0], (columns + 0.5) / mask.shape[1]
    down = "top" if y.mean() < 0.4 else "bottom" if y.mean() > 0.6 else ""
    across = "left" if x.mean() < 0.4 else "right" if x.mean() > 0.6 else ""
    if down and across:
        return f"at the {down} {across}"
    if down:
        return f"at the {down}"
    if across:
        return f"on the {across}"
    # An even spread over the whole side has a standard deviation of 0.29.
    if max(x.std(), y.std()) > 0.33:
        return "around the edges"
    return "all over it" if min(x.std(), y.std()) > 0.24 else "in the middle"


def _colour_sentence(colours: tuple[str, ...], place: str) -> str:
    if len(colours) == 1:
        return f"It is nearly all {colours[0]}."
    return f"The main colour is {colours[0]}, and there is {colours[1]} {place}."


def _codes(frame: av.VideoFrame) -> tuple[str, ...]:
    if find_spec("zxingcpp") is None:
        return ()
    found = import_module("zxingcpp").read_barcodes(frame.to_ndarray(format="gray"))
    return tuple(sorted(" ".join(code.text.split())[:_LONGEST_CODE] for code in found if code.text))


def _word(value: float, scale: tuple[tuple[float, str], ...], highest: str) -> str:
    return next((word for limit, word in scale if value < limit), highest)
