"""Looks at a picture, offline: measures light and colours and says so truthfully."""

from dataclasses import dataclass

from appliance.errors import ApplianceError


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
    colours: tuple[str, ...]  # most frequent first, at most two
    place: str  # of the second colour: "in the middle", "top left", ...; empty without one
    codes: tuple[str, ...]  # texts of QR and bar codes, when zxing-cpp is installed
    sentence: str


def describe(picture: bytes) -> Description:
    """Measure a JPEG, PNG or WebP. Blocks for 10 to 60 ms.

    Raises:
        PictureError: not a picture, broken, or over 25 megapixels.
    """
    raise NotImplementedError
