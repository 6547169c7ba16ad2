"""Downloads from a real server on loopback: whole, resumed, cut off, wrong; and from a folder."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from appliance.errors import UpdateError
from appliance.update.disk import Folder, holds
from appliance.update.fetch import FolderChannel, HttpChannel, fetch
from appliance.update.index import verify
from tests.update.world import KEY, FakeChannel, content, release

PACKAGE = release("2.0").package
PART = f"{PACKAGE.sha256}.part"
DATA = content("2.0")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[HttpChannel]:
    app = web.Application()
    app.router.add_get("/channel/{name}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        _, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as http:
            yield HttpChannel(f"http://127.0.0.1:{port}/channel/index.json", http)
    finally:
        await runner.cleanup()


class Files:
    """Serves a folder as web servers do, ranges included; remembers what was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ranges: list[str] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.ranges.append(request.headers.get("Range", ""))
        return web.FileResponse(self.folder / request.match_info["name"])


@pytest.fixture
def files(tmp_path: Path) -> Files:
    folder = tmp_path / "channel"
    folder.mkdir()
    (folder / PACKAGE.file).write_bytes(DATA)
    return Files(folder)


@pytest.fixture
def disk(tmp_path: Path) -> Folder:
    folder = tmp_path / "disk"
    folder.mkdir()
    return Folder(folder)


def nobody(_: str) -> None:
    """Nobody listens."""


async def test_whole_package_arrives_and_is_told_of(files: Files, disk: Folder) -> None:
    told: list[str] = []
    async with server(files.serve) as channel:
        await fetch(disk, channel, PACKAGE, told.append)
    assert holds(disk, PACKAGE)
    assert disk.names() == [PACKAGE.file]
    assert told[-1].startswith("Fetched 100 % of va_2.0.deb")


async def test_what_is_here_is_not_fetched_again(files: Files, disk: Folder) -> None:
    disk.append(PACKAGE.file, DATA)
    async with server(files.serve) as channel:
        await fetch(disk, channel, PACKAGE, nobody)
    assert files.ranges == []


async def test_download_goes_on_where_it_stopped(files: Files, disk: Folder) -> None:
    disk.append(PART, DATA[:700])
    async with server(files.serve) as channel:
        await fetch(disk, channel, PACKAGE, nobody)
    assert files.ranges == ["bytes=700-"]
    assert holds(disk, PACKAGE)


async def test_part_that_a_power_cut_spoiled_is_fetched_anew(files: Files, disk: Folder) -> None:
    disk.append(PART, b"\0" * 700)
    async with server(files.serve) as channel:
        await fetch(disk, channel, PACKAGE, nobody)
    assert files.ranges == ["bytes=700-", ""]
    assert holds(disk, PACKAGE)


async def test_part_that_is_whole_needs_no_server(files: Files, disk: Folder) -> None:
    disk.append(PART, DATA)
    async with server(files.serve) as channel:
        await fetch(disk, channel, PACKAGE, nobody)
    assert files.ranges == []
    assert holds(disk, PACKAGE)


async def test_server_that_knows_no_ranges_is_understood(disk: Folder) -> None:
    async def whole(_: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA)

    disk.append(PART, DATA[:700])
    async with server(whole) as channel:
        await fetch(disk, channel, PACKAGE, nobody)
    assert holds(disk, PACKAGE)


async def test_connection_that_breaks_keeps_what_came(files: Files, disk: Folder) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(len(DATA))})
        await answer.prepare(request)
        await answer.write(DATA[:900])
        assert request.transport is not None
        request.transport.close()
        return answer

    async with server(breaks) as channel:
        with pytest.raises(UpdateError, match="cannot be read"):
            await fetch(disk, channel, PACKAGE, nobody)
    assert disk.read(PART) == DATA[:900]
    async with server(files.serve) as channel:
        await fetch(disk, channel, PACKAGE, nobody)
    assert files.ranges == ["bytes=900-"]
    assert holds(disk, PACKAGE)


async def test_stream_without_end_is_cut(disk: Folder) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await answer.write(b"x" * 1000)
        return answer

    async with server(endless) as channel:
        with pytest.raises(UpdateError, match="longer than the index says"):
            await fetch(disk, channel, PACKAGE, nobody)
        with pytest.raises(UpdateError, match="has no end"):
            await channel.index()
    assert disk.names() == []


async def test_wrong_package_is_not_kept(files: Files, disk: Folder) -> None:
    (files.folder / PACKAGE.file).write_bytes(b"x" * len(DATA))
    async with server(files.serve) as channel:
        with pytest.raises(UpdateError, match="not the file that the index was signed for"):
            await fetch(disk, channel, PACKAGE, nobody)
    assert disk.names() == []


async def test_missing_file_is_named(files: Files, disk: Folder) -> None:
    async with server(files.serve) as channel:
        with pytest.raises(UpdateError, match=r"answers 404 for index\.json"):
            await channel.index()


async def test_nobody_there_is_told_with_a_cure(disk: Folder) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(UpdateError) as caught:
            await HttpChannel("http://127.0.0.1:1/index.json", http).index()
    assert caught.value.cure == "Check the network, and update.index_url."


async def test_index_and_package_come_from_a_folder_too(files: Files, disk: Folder) -> None:
    (files.folder / "my index.json").write_bytes(await FakeChannel().offer("2.0").index())
    channel = FolderChannel(f"file://{files.folder}/my%20index.json")
    assert verify(await channel.index(), [KEY.public_key()]).packages == (release("2.0"),)
    disk.append(PART, DATA[:700])
    await fetch(disk, channel, PACKAGE, nobody)
    assert holds(disk, PACKAGE)


async def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="cannot be read"):
        await FolderChannel(f"file://{tmp_path}/index.json").index()
