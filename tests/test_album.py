"""Photos come out upright, small and bare, whatever the camera delivers."""

import asyncio
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from appliance.album import RETRY_SETTLE, Album, take_photo
from appliance.errors import DeviceError
from appliance.hardware.still_camera import PICTURES
from appliance.picture import LONG_SIDE, MAX_BYTES, prepare

Pixels = NDArray[np.uint8]

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (250, 250, 250)


def corners(width: int = 320, height: int = 200) -> Pixels:
    """Red at the top left, green top right, blue bottom left, white bottom right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = RED
    picture[: height // 2, width // 2 :] = GREEN
    picture[height // 2 :, : width // 2] = BLUE
    picture[height // 2 :, width // 2 :] = WHITE
    return picture


def encode(picture: Pixels, pixel_format: str = "yuvj420p", quality: int = 2) -> bytes:
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixel_format)
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, pixel_format
    codec.time_base = Fraction(1, 1)
    codec.qmin = codec.qmax = quality
    frame.pts, frame.time_base = 0, Fraction(1, 1)
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def decode(jpeg: bytes) -> Pixels:
    codec = av.CodecContext.create("mjpeg", "r")
    frames = [*codec.decode(av.Packet(jpeg)), *codec.decode(None)]
    return frames[0].to_ndarray(format="rgb24").astype(np.uint8)


def with_exif(jpeg: bytes, orientation: int, order: str = "MM") -> bytes:
    """Insert an APP1 segment as cameras write it, with a maker's tag in front."""
    end = "big" if order == "MM" else "little"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "big" if end == "big" else "little")

    make = number(0x010F, 2) + number(2, 2) + number(4, 4) + b"Pi\0\0"
    turned = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + b"\0\0"
    tiff = order.encode() + number(42, 2) + number(8, 4) + number(2, 2) + make + turned + b"\0" * 4
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + jpeg[2:]


def colours_at_corners(picture: Pixels) -> list[tuple[int, ...]]:
    """The nearest of the four colours at top left, top right, bottom left, bottom right."""
    height, width, _ = picture.shape
    found: list[tuple[int, ...]] = []
    for y, x in ((0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
        pixel = picture[int(y * height), int(x * width)].astype(int)
        found.append(
            min((RED, GREEN, BLUE, WHITE), key=lambda c: int(abs(pixel - np.array(c)).sum()))
        )
    return found


# What a camera stores so that, after EXIF's orientation is applied, it looks like `corners()`.
STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_exif_orientation_comes_out_upright(orientation: int, order: str) -> None:
    stored = np.ascontiguousarray(STORED[orientation](corners()))
    picture = prepare(with_exif(encode(stored), orientation, order))
    assert (picture.width, picture.height) == (320, 200)
    assert colours_at_corners(decode(picture.jpeg)) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (180, 2), (270, 3)])
def test_rotation_undoes_how_the_camera_is_mounted(rotation: int, turns: int) -> None:
    mounted = np.ascontiguousarray(np.rot90(corners(), turns))
    picture = prepare(encode(mounted), rotation)
    assert colours_at_corners(decode(picture.jpeg)) == [RED, GREEN, BLUE, WHITE]


def test_no_exif_and_no_comment_is_left() -> None:
    jpeg = prepare(with_exif(encode(corners()), 6)).jpeg
    assert b"Exif" not in jpeg
    assert b"Lavc" not in jpeg
    assert jpeg.startswith(b"\xff\xd8\xff\xe0")  # JFIF, which every reader knows


@pytest.mark.parametrize("size", [(4056, 3040), (1640, 1232), (1025, 10), (10, 1025), (640, 480)])
def test_a_picture_is_never_larger_than_the_model_looks_at(size: tuple[int, int]) -> None:
    picture = prepare(encode(corners(*size)))
    assert max(picture.width, picture.height) <= LONG_SIDE
    assert max(picture.width, picture.height) == min(LONG_SIDE, max(size))
    assert decode(picture.jpeg).shape == (picture.height, picture.width, 3)
    if min(size) > 100:
        assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.01)


def test_pure_noise_still_fits() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1024, 1024, 3)).astype(np.uint8)
    picture = prepare(encode(noise))
    assert len(picture.jpeg) <= MAX_BYTES
    assert (picture.height, picture.width) == decode(picture.jpeg).shape[:2]


def test_a_quiet_picture_keeps_the_best_quality() -> None:
    smooth = np.linspace(0, 255, 768 * 1024 * 3).reshape(768, 1024, 3).astype(np.uint8)
    original = encode(smooth)
    error = abs(decode(prepare(original).jpeg).astype(int) - decode(original)).mean()
    assert error < 2


@pytest.mark.parametrize("pixel_format", ["yuvj420p", "yuvj422p", "yuvj444p"])
def test_webcam_formats_keep_their_brightness(pixel_format: str) -> None:
    for level in (0, 128, 255):
        picture = prepare(encode(np.full((240, 320, 3), level, np.uint8), pixel_format))
        assert picture.luma == pytest.approx(level, abs=4)


def test_a_covered_lens_is_called_dark_and_a_night_scene_is_not() -> None:
    covered = PICTURES / "faults" / "black.jpg"
    assert prepare(covered.read_bytes()).dark
    assert not prepare((PICTURES / "2-lamp.jpg").read_bytes()).dark


HOUSE = (PICTURES / "1-house.jpg").read_bytes()


@pytest.mark.parametrize(
    "damaged",
    [b"", b"hello", b"\xff\xd8", HOUSE[: len(HOUSE) // 2], HOUSE[:300] + b"\xff\xd9", HOUSE[20:]],
    ids=["empty", "text", "start", "half", "torn", "headless"],
)
def test_a_damaged_picture_is_refused_in_words(damaged: bytes) -> None:
    with pytest.raises(DeviceError, match="damaged picture"):
        prepare(damaged)


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    at = HOUSE.index(b"\xff\xc0") + 5
    bomb = HOUSE[:at] + b"\xff\xff\xff\xff" + HOUSE[at + 4 :]
    with pytest.raises(DeviceError, match="damaged picture"):
        prepare(bomb)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=40))
def test_no_mutation_does_more_than_be_refused(at: int, patch: bytes) -> None:
    mutated = HOUSE[:at] + patch + HOUSE[at + len(patch) :]
    try:
        picture = prepare(mutated)
    except DeviceError:
        return
    assert len(picture.jpeg) <= MAX_BYTES


async def test_names_count_up_and_the_oldest_photo_goes() -> None:
    album = Album(keep=2)
    small = encode(corners())
    names = [(await album.add(small)).name for _ in range(3)]
    assert names == ["photo-0001", "photo-0002", "photo-0003"]
    assert album.names() == ("photo-0002", "photo-0003")
    assert decode(await album.jpeg("photo-0003")).shape == (200, 320, 3)
    with pytest.raises(DeviceError, match="no photo-0001"):
        await album.jpeg("photo-0001")


async def test_photo_is_made_as_small_as_it_must_be() -> None:
    album = Album()
    photo = await album.add(HOUSE)
    whole = await album.jpeg(photo.name)
    small = await album.jpeg(photo.name, len(whole) // 2)
    tiny = await album.jpeg(photo.name, 3000)
    assert len(small) <= len(whole) // 2
    assert decode(small).shape == decode(whole).shape
    assert len(tiny) <= 3000
    assert np.abs(decode(small).mean((0, 1)) - decode(tiny).mean((0, 1))).max() < 5
    assert await album.jpeg(photo.name) == whole
    with pytest.raises(DeviceError, match="so small"):
        await album.jpeg(photo.name, 100)


async def test_photos_added_at_once_get_names_of_their_own() -> None:
    album = Album()
    small = encode(corners())
    async with asyncio.TaskGroup() as tasks:
        added = [tasks.create_task(album.add(small)) for _ in range(4)]
    assert len({task.result().name for task in added}) == 4


async def test_a_damaged_picture_takes_no_name() -> None:
    album = Album()
    with pytest.raises(DeviceError):
        await album.add(b"no picture")
    assert (await album.add(encode(corners()))).name == "photo-0001"


class Roll:
    """A camera that delivers what is on the roll."""

    def __init__(self, *pictures: bytes) -> None:
        self._pictures = list(pictures)
        self.settled: list[float] = []

    async def capture(self, settle: float) -> bytes:
        self.settled.append(settle)
        return self._pictures.pop(0)


BLACK = (PICTURES / "faults" / "black.jpg").read_bytes()


@pytest.mark.parametrize("first", [BLACK, HOUSE[:5000]], ids=["dark", "damaged"])
async def test_a_dark_or_damaged_picture_is_taken_again(first: bytes) -> None:
    album = Album()
    roll = Roll(first, HOUSE)
    photo = await take_photo(roll.capture, album)
    assert not album.picture(photo.name).dark
    assert roll.settled == [0.0, RETRY_SETTLE]


async def test_a_picture_that_stays_dark_is_kept() -> None:
    album = Album()
    photo = await take_photo(Roll(BLACK, BLACK).capture, album)
    assert album.picture(photo.name).dark


async def test_a_good_picture_is_taken_once() -> None:
    roll = Roll(HOUSE, BLACK)
    album = Album()
    await take_photo(roll.capture, album)
    assert album.names() == ("photo-0001",)


def test_the_shipped_pictures_are_small_and_good() -> None:
    files = sorted(Path(PICTURES).glob("*.jpg"))
    assert len(files) == 3
    for file in files:
        assert 20_000 <= file.stat().st_size <= 60_000
        assert not prepare(file.read_bytes()).dark
