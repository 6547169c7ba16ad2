"""Fetches index and packages from a channel: HTTPS, or a folder of this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp
from typing_extensions import override

from appliance.errors import UpdateError
from appliance.update.disk import holds
from appliance.update.index import INDEX_LIMIT
from appliance.update.ports import Channel, Disk
from appliance.update.state import Package

PIECE = 1 << 18  # bytes
PATIENCE = 30.0  # s in which something has to come
DOWNLOAD_TIME = 3600.0  # s for one package; what is there by then is kept for the next time
INDEX_TIME = 60.0  # s


class HttpChannel(Channel):
    """A channel on a web server; packages lie beside the index."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self._http = http

    @override
    async def index(self) -> bytes:
        with _explained(self.url):
            async with asyncio.timeout(INDEX_TIME), self._http.get(self.url) as answer:
                self._check(answer, 200)
                data = b""
                async for piece in answer.content.iter_chunked(PIECE):
                    data += piece
                    if len(data) > INDEX_LIMIT:
                        raise UpdateError(f"{self.url} has no end.", "Check update.index_url.")
                return data

    @override
    async def package(self, package: Package, offset: int) -> AsyncIterator[bytes]:
        url = urljoin(self.url, package.file)
        # No If-Range: the part is named by its hash, and the whole is checked against that.
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        patience = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=PATIENCE)
        with _explained(url):
            async with (
                asyncio.timeout(DOWNLOAD_TIME),
                self._http.get(url, headers=headers, timeout=patience) as answer,
            ):
                self._check(answer, 200, 206)
                if offset and not _continues(answer, offset):
                    yield b""
                async for piece in answer.content.iter_chunked(PIECE):
                    yield piece

    def _check(self, answer: aiohttp.ClientResponse, *good: int) -> None:
        if answer.status not in good:
            raise UpdateError(
                f"{answer.url.host} answers {answer.status} for {answer.url.name}.",
                "Check update.index_url, or tell the channel's maker.",
            )
        if self.url.startswith("https:") and answer.url.scheme != "https":
            raise UpdateError(f"{self.url} leads to a place without encryption.")


def _continues(answer: aiohttp.ClientResponse, offset: int) -> bool:
    """Return whether a partial answer begins where we asked it to (RFC 9110, 14.4)."""
    told = answer.headers.get("Content-Range", "")
    return answer.status == 206 and told.startswith(f"bytes {offset}-")


class FolderChannel(Channel):
    """A channel in a folder of this machine, such as a stick: a `file://` URL of its index."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._path = Path(unquote(urlsplit(url).path))

    @override
    async def index(self) -> bytes:
        with _explained(self.url), self._path.open("rb") as file:
            return file.read(INDEX_LIMIT + 1)

    @override
    async def package(self, package: Package, offset: int) -> AsyncIterator[bytes]:
        path = self._path.parent / package.file
        with _explained(str(path)), path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(PIECE):
                yield piece


@contextmanager
def _explained(where: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise UpdateError(f"{where} does not answer in time.", "Check the network.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise UpdateError(
            f"{where} cannot be read ({error}).", "Check the network, and update.index_url."
        ) from error


async def fetch(
    disk: Disk, channel: Channel, package: Package, tell: Callable[[str], None]
) -> None:
    """Return when the package file is on the disk, whole and right. Goes on where it stopped.

    `tell` is given a sentence now and then. Raises UpdateError if the file is not to be had, or is
    not what the index says; what was fetched is kept only as long as it may still be right.
    """
    if holds(disk, package):
        return
    part = f"{package.sha256}.part"
    for _ in range(2):  # a power cut leaves rubbish in a part: then all of it is fetched anew
        resumed = await _download(disk, channel, package, part, tell)
        if disk.sha256(part) == package.sha256:
            disk.sync(part)
            disk.rename(part, package.file)
            disk.sync_folder()
            return
        disk.remove(part)
        if not resumed:
            break
    raise UpdateError(
        f"{package.file} is not the file that the index was signed for.",
        "Nothing was installed. Tell the channel's maker.",
    )


async def _download(
    disk: Disk, channel: Channel, package: Package, part: str, tell: Callable[[str], None]
) -> bool:
    """Fetch what is missing of the part; return whether some of it was there before."""
    size = package.size
    had = got = disk.size(part)
    if got >= size:
        return True
    told = -1
    async for piece in channel.package(package, got):
        if not piece:
            disk.remove(part)
            had = got = 0
            continue
        got += len(piece)
        if got > size:
            disk.remove(part)
            raise UpdateError(f"{package.file} is longer than the index says: {size} bytes.")
        disk.append(part, piece)
        if (tenths := 10 * got // size) > told:
            told = tenths
            tell(f"Fetched {10 * tenths} % of {package.file} ({size / 1e6:.1f} MB).")
    if got < size:
        raise UpdateError(
            f"{package.file} ended after {got} of {size} bytes.", "It goes on there the next time."
        )
    return had > 0
