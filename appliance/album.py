"""The last photos by name, in memory."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from appliance.core.model import Photo
from appliance.errors import DeviceError

if TYPE_CHECKING:
    from appliance.picture import Picture

log = logging.getLogger(__name__)

KEEP: Final = 20  # photos; at most 3 MB of memory
RETRY_SETTLE: Final = 1.0  # s for exposure, after a picture that came out dark


class Album:
    """Keeps the last `keep` photos in memory; the names count up and are never reused.

    `rotation`: degrees clockwise by which the camera's pictures must be turned to be upright.
    """

    def __init__(self, rotation: int = 0, keep: int = KEEP) -> None:
        self._rotation = rotation
        self._keep = keep
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._count = 0
        self._busy = asyncio.Lock()  # one at a time: a 12-megapixel picture takes 20 MB

    async def add(self, jpeg: bytes) -> Photo:
        """Prepare the camera's JPEG, off the loop, and keep it. Cancelling is safe.

        Raises DeviceError if it cannot be decoded.
        """
        async with self._busy:
            picture = await asyncio.to_thread(_prepare, jpeg, self._rotation)
        self._count += 1
        name = f"photo-{self._count:04}"
        self._pictures[name] = picture
        while len(self._pictures) > self._keep:
            self._pictures.popitem(last=False)
        return Photo(name)

    def picture(self, name: str) -> "Picture":
        """Return a photo with its measures. Raises DeviceError if it is not there (any more)."""
        try:
            return self._pictures[name]
        except KeyError:
            raise DeviceError(f"There is no {name} in the album (any more).") from None

    async def jpeg(self, name: str, limit: int | None = None) -> bytes:
        """Return a photo's JPEG, made smaller off the loop if it has more than `limit` bytes.

        Raises DeviceError if it is not there (any more), or if nothing would be left of it.
        """
        jpeg = self.picture(name).jpeg
        if limit is None or len(jpeg) <= limit:
            return jpeg
        async with self._busy:
            return (await asyncio.to_thread(_prepare, jpeg, limit=limit)).jpeg

    def names(self) -> tuple[str, ...]:
        """Return the names of the photos, oldest first."""
        return tuple(self._pictures)


def _prepare(jpeg: bytes, rotation: int = 0, limit: int | None = None) -> "Picture":
    from appliance.picture import MAX_BYTES, prepare  # noqa: PLC0415 - loads FFmpeg

    return prepare(jpeg, rotation, MAX_BYTES if limit is None else limit)


async def take_photo(capture: Callable[[float], Awaitable[bytes]], album: Album) -> Photo:
    """Capture into the album; a dark or damaged picture is tried once more, and more patiently.

    A camera just switched on may deliver one of those (exposure not settled, a torn first frame).
    `capture`: the camera's; its argument is how long exposure has to settle at least, in seconds.
    Raises the DeviceError of the second try; a picture that stays dark is kept: the night is dark.
    """
    jpeg = await capture(0.0)
    try:
        photo = await album.add(jpeg)
    except DeviceError:
        log.info("the camera delivered a damaged picture, taking another")
    else:
        if not album.picture(photo.name).dark:
            return photo
        log.info("the picture is dark, taking another")
    return await album.add(await capture(RETRY_SETTLE))
