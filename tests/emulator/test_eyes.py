from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.emulator.eyes import PictureError, describe

Pixels = NDArray[np.uint8]

RED, GREEN, BLUE = (210, 30, 30), (40, 150, 50), (30, 60, 190)
YELLOW, ORANGE, BROWN = (240, 220, 40), (240, 130, 20), (120, 70, 30)
BLACK, GREY, WHITE = (5, 5, 5), (128, 128, 128), (250, 250, 250)
TURQUOISE, PURPLE, PINK = (30, 200, 190), (130, 40, 200), (240, 100, 190)

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]  # top, bottom, left, right as shares of the side


def plain(colour: Colour, width: int = 640, height: int = 480) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def with_box(ground: Colour, colour: Colour, box: Box) -> Pixels:
    picture = plain(ground)
    height, width, _ = picture.shape
    top, bottom, left, right = box
    rows = slice(int(top * height), int(bottom * height))
    picture[rows, int(left * width) : int(right * width)] = colour
    return picture


def encoded(pixels: Pixels, codec: str = "mjpeg") -> bytes:
    layout = {"mjpeg": "yuvj444p", "png": "rgb24", "libwebp": "bgra"}[codec]
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=layout)
    return file_of(frame, codec)


def file_of(frame: av.VideoFrame, codec: str) -> bytes:
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt, encoder.time_base = frame.format.name, Fraction(1)
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])


@pytest.mark.parametrize("codec", ["mjpeg", "png", "libwebp"])
def test_every_kind_of_picture_is_seen_the_same(codec: str) -> None:
    seen = describe(encoded(with_box(GREEN, RED, (0.6, 1, 0, 0.35)), codec))
    assert (seen.width, seen.height) == (640, 480)
    assert seen.colours == ("green", "red")
    assert seen.place == "at the bottom left"


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        (RED, "red"),
        (GREEN, "green"),
        (BLUE, "blue"),
        (YELLOW, "yellow"),
        (ORANGE, "orange"),
        (BROWN, "brown"),
        (BLACK, "black"),
        (GREY, "grey"),
        (WHITE, "white"),
        (TURQUOISE, "turquoise"),
        (PURPLE, "purple"),
        (PINK, "pink"),
    ],
)
def test_a_plain_colour_is_named(colour: Colour, name: str) -> None:
    seen = describe(encoded(plain(colour)))
    assert seen.colours == (name,)
    assert f"nearly all {name}" in seen.sentence


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((0, 0.3, 0, 0.3), "at the top left"),
        ((0, 0.3, 0.35, 0.65), "at the top"),
        ((0, 0.3, 0.7, 1), "at the top right"),
        ((0, 1, 0, 0.3), "on the left"),
        ((0.3, 0.7, 0.3, 0.7), "in the middle"),
        ((0, 1, 0.7, 1), "on the right"),
        ((0.7, 1, 0, 0.3), "at the bottom left"),
        ((0.7, 1, 0, 1), "at the bottom"),
        ((0.7, 1, 0.7, 1), "at the bottom right"),
    ],
)
def test_the_second_colour_is_found_where_it_is(box: Box, place: str) -> None:
    seen = describe(encoded(with_box(BLUE, YELLOW, box)))
    assert seen.colours == ("blue", "yellow")
    assert f"there is yellow {place}." in seen.sentence


def test_a_frame_is_around_the_edges() -> None:
    picture = with_box(WHITE, BLUE, (0.1, 0.9, 0.1, 0.9))
    assert describe(encoded(picture)).place == "around the edges"


def test_a_pattern_is_all_over() -> None:
    picture = plain(WHITE)
    picture[:, (np.arange(640) // 16) % 3 == 0] = RED
    assert describe(encoded(picture)).place == "all over it"


def test_two_different_pictures_get_different_words() -> None:
    day = describe(encoded(with_box((120, 180, 250), GREEN, (0.7, 1, 0, 1))))
    night = describe(encoded(with_box((8, 8, 12), YELLOW, (0.1, 0.35, 0.7, 0.95))))
    assert day.sentence != night.sentence
    assert day.light > night.light
    assert "dark" in night.sentence
    assert "dark" not in day.sentence


def test_the_same_picture_gets_the_same_words() -> None:
    picture = encoded(with_box(GREY, ORANGE, (0.2, 0.5, 0.2, 0.5)))
    assert describe(picture) == describe(picture)


@pytest.mark.parametrize(
    ("colour", "words"),
    [
        (BLACK, "very dark"),
        ((60, 60, 60), "is dark"),
        (GREY, "moderately bright"),
        ((180, 180, 180), "is bright"),
        (WHITE, "very bright"),
    ],
)
def test_light_is_told(colour: Colour, words: str) -> None:
    assert words in describe(encoded(plain(colour))).sentence


def test_contrast_and_detail_are_measured() -> None:
    flat = describe(encoded(plain(GREY)))
    halves = describe(encoded(with_box(BLACK, WHITE, (0, 1, 0, 0.5))))
    board = plain(BLACK)
    rows, columns = np.indices(board.shape[:2]) // 8
    board[(rows + columns) % 2 == 0] = WHITE
    busy = describe(encoded(board))
    assert flat.contrast < 0.02
    assert halves.contrast > 0.4
    assert flat.detail < halves.detail < busy.detail
    assert "hardly any contrast and no detail" in flat.sentence
    assert "strong contrast and a lot of detail" in busy.sentence


def test_it_says_what_it_cannot_do() -> None:
    assert describe(encoded(plain(RED))).sentence.endswith(
        "I am the offline demo, and cannot name objects."
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (2000, 3)])
def test_odd_sizes_are_seen(size: tuple[int, int]) -> None:
    width, height = size
    seen = describe(encoded(plain(RED, width, height), "png"))
    assert (seen.width, seen.height, seen.colours) == (width, height, ("red",))


def test_a_code_in_the_picture_is_read() -> None:
    zxing = pytest.importorskip("zxingcpp")
    barcode = zxing.create_barcode("kitchen light", zxing.BarcodeFormat.QRCode)
    code = np.array(zxing.write_barcode_to_image(barcode, scale=6))
    picture = plain(WHITE)
    picture[100 : 100 + code.shape[0], 100 : 100 + code.shape[1]] = code[:, :, None]
    seen = describe(encoded(picture))
    assert seen.codes == ("kitchen light",)
    assert "it says: kitchen light." in seen.sentence


JPEG = encoded(with_box(GREEN, RED, (0, 0.5, 0, 0.5)))
PNG = encoded(with_box(GREEN, RED, (0, 0.5, 0, 0.5)), "png")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello, I am a picture", id="text"),
        pytest.param(JPEG[:10], id="beginning of a JPEG"),
        pytest.param(JPEG[: len(JPEG) // 2], id="half a JPEG"),
        pytest.param(JPEG[:300] + b"\xff\xd9", id="JPEG without its middle"),
        pytest.param(b"\xff\xd8\xff" + b"\x00" * 500 + b"\xff\xd9", id="JPEG of zeros"),
        pytest.param(PNG[: len(PNG) // 2], id="half a PNG"),
        pytest.param(PNG[:40] + b"\x00" * 40 + PNG[80:], id="PNG with a hole"),
        pytest.param(b"RIFF\x10\x00\x00\x00WEBPVP8 ", id="beginning of a WebP"),
        pytest.param(b"GIF89a", id="beginning of a GIF"),
    ],
)
def test_a_broken_picture_is_an_error_with_a_cure(broken: bytes) -> None:
    with pytest.raises(PictureError) as caught:
        describe(broken)
    assert caught.value.cure


def test_a_huge_picture_is_refused() -> None:
    with pytest.raises(PictureError, match="decoded"):
        describe(file_of(av.VideoFrame(6000, 5000, "monob"), "png"))
    assert describe(file_of(av.VideoFrame(600, 500, "monob"), "png")).width == 600
