"""The command line's side of the socket: what it follows, and what it says when nobody answers."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.console.views import SOCKET_NAME
from appliance.control import connect, find
from appliance.errors import NotRunningError, ProtocolError, RefusedError
from appliance.hub import READER_LIMIT, Levels
from appliance.realtime.conversation import Entry
from tests.console.stage import stage

ENTRY = Entry("item_1", 0, "user", "hello", final=True)


@pytest.fixture
def somebody_else(tmp_path: Path) -> Iterator[None]:
    """The socket's folder is closed to us; root has to become somebody for that."""
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(tmp_path / SOCKET_NAME))
        tmp_path.chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # nobody
        yield
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o700)


async def test_following_misses_and_repeats_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, control), asyncio.timeout(5):
        scene.entries.append(ENTRY)
        lines = control.follow()
        assert (await anext(lines)).text == "hello"
        scene.hub.publish(ENTRY)
        scene.hub.publish(Levels(-20.0, -60.0))
        scene.entries.append(Entry("item_2", 1, "assistant", "spoken in the gap", final=True))
        for _ in range(READER_LIMIT + 1):
            scene.hub.publish(ENTRY)
        assert (await anext(lines)).text == "spoken in the gap"
        scene.hub.publish(Entry("item_2", 1, "assistant", "spoken", final=True, interrupted=True))
        assert (await anext(lines)).interrupted
        await lines.aclose()


async def test_socket_of_somebody_else_is_refused_with_a_cure(
    tmp_path: Path, somebody_else: None
) -> None:
    with pytest.raises(RefusedError, match="may not open") as caught:
        async with connect(tmp_path) as control:
            await control.status()
    assert "adduser" in caught.value.cure


async def test_appliance_that_ends_meanwhile_is_said(tmp_path: Path) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(die, tmp_path / SOCKET_NAME)
    async with server, connect(tmp_path) as control:
        with pytest.raises(NotRunningError, match="ended meanwhile"):
            await anext(control.events())


async def test_appliance_of_another_version_is_said(tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"version":0}')
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(babble, tmp_path / SOCKET_NAME)
    async with server, connect(tmp_path) as control:
        with pytest.raises(ProtocolError, match="another version"):
            await control.status()


async def test_no_appliance_is_said_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="voice-appliance run"):
        async with connect(tmp_path) as control:
            await control.status()


def directory(folder: Path, *, socket_there: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if socket_there:
        (folder / SOCKET_NAME).touch()
    return folder


@pytest.mark.parametrize(
    ("own", "service", "asked"),
    [
        (True, True, "own"),
        (False, True, "service"),
        (True, False, "own"),
        (False, False, "own"),
    ],
)
def test_own_appliance_is_asked_before_the_service(
    tmp_path: Path, own: bool, service: bool, asked: str
) -> None:
    mine = directory(tmp_path / "voice-appliance", socket_there=own)  # from an earlier run
    system = tmp_path / "system"
    if service:  # who may not look into it shall be told so, and not that nothing runs
        directory(system, socket_there=False)

    found = find({"XDG_RUNTIME_DIR": str(tmp_path)}, system)

    assert found == {"own": mine, "service": system}[asked]


def test_named_directory_is_asked_even_if_nothing_runs_there(tmp_path: Path) -> None:
    system = directory(tmp_path / "system", socket_there=True)

    assert find({"RUNTIME_DIRECTORY": str(tmp_path / "mine")}, system) == tmp_path / "mine"
