"""The way to the service: through a sign-in page, without names, without TLS, over UDP."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from appliance.config import ServiceConfig
from appliance.doctor import network as examined
from appliance.doctor.contract import Found
from appliance.doctor.network import Network
from appliance.doctor.stun import asks_stun, stun_server
from appliance.emulator import tls as certificates
from appliance.errors import UnreachableError
from tests.doctor.portal import LOGIN, Portal, portal

HOST = "service.test"
ROUTES = """\
Iface\tDestination\tGateway\tFlags
eth0\t0002A8C0\t00000000\t0001
eth0\t00000000\t0102A8C0\t0003
"""


def through(gate: Portal, **more: object) -> Network:
    """A network in which everything leads to the portal."""
    config = ServiceConfig(base_url=f"https://{HOST}:{gate.port}/v1")
    return Network(config, names=gate.names, http_port=gate.port, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "location", "body", "words"),
    [
        (302, "http://login.hotel.test/?from=x", b"", "sign-in page at http://login.hotel.test/."),
        (307, "//10.0.0.1/portal", b"", "sign-in page at http://10.0.0.1/."),
        (200, "", LOGIN, "sign-in page of its own"),
        (511, "", b"", "sign in first"),
    ],
)
async def test_sign_in_page_is_recognised(
    status: int, location: str, body: bytes, words: str
) -> None:
    async with portal() as gate:
        gate.status, gate.location, gate.body = status, location, body
        found = await through(gate).portal()

    assert isinstance(found, Found)
    assert found.verdict == "fail"
    assert words in found.sentence
    assert "Sign in with a phone" in found.cure
    assert [headers.get("Authorization") for headers in gate.asked] == [None], "no key for a portal"


@pytest.mark.parametrize(
    ("status", "location", "body"),
    [(301, f"https://{HOST}/", b""), (308, "/login", b""), (404, "", LOGIN), (200, "", b"fine")],
)
async def test_what_any_web_server_may_answer_is_no_portal(
    status: int, location: str, body: bytes
) -> None:
    async with portal() as gate:
        gate.status, gate.location, gate.body = status, location, body
        found = await through(gate).portal()

    assert isinstance(found, Found)
    assert found.verdict == "not-applicable"


async def test_behind_a_portal_the_network_check_says_that_tls_fails() -> None:
    async with portal() as gate:
        with pytest.raises(UnreachableError, match="No secure connection"):
            await through(gate).service()


@pytest.fixture
def honest(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A service's certificate for localhost, and a client that trusts it."""
    pem = tmp_path / "service.pem"
    pem.write_bytes(certificates.self_made())
    return certificates.context(pem, None), ssl.create_default_context(cafile=str(pem))


async def test_service_with_its_own_certificate_has_no_portal_before_it(
    honest: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = honest
    monkeypatch.setattr(Network, "_here", property(lambda _self: False))
    async with portal(server) as service:
        config = ServiceConfig(base_url=f"https://localhost:{service.port}/v1")
        network = Network(config, names=service.names, tls=client)

        assert await network.portal() == "None: localhost shows its own certificate."
        assert "is found and answers over TLS" in str(await network.service())
    assert service.asked == []


async def test_portal_with_a_certificate_of_its_own_is_not_taken_for_the_service(
    honest: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, client = honest
    async with portal(server) as gate:
        with pytest.raises(UnreachableError, match="Something else answers in the place of"):
            await through(gate, tls=client).service()


async def test_service_on_this_machine_needs_no_network() -> None:
    network = Network(ServiceConfig(base_url="http://127.0.0.1:1/v1"))
    for check in (network.service, network.portal, network.udp):
        found = await check()
        assert isinstance(found, Found)
        assert found.verdict == "not-applicable"


async def test_nothing_that_listens_is_told() -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        gate = Portal(port=taken.getsockname()[1])
        with pytest.raises(UnreachableError, match=r"Nothing answers at service\.test"):
            await through(gate).service()


def nowhere(_host: str, _port: int) -> Sequence[tuple[int, str]]:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.mark.parametrize(
    ("routes", "words"), [(ROUTES, "cannot be looked up"), ("Iface\tDestination\n", "no network")]
)
async def test_missing_network_and_missing_names_are_told_apart(
    tmp_path: Path, routes: str, words: str
) -> None:
    (tmp_path / "route").write_text(routes)
    (tmp_path / "ipv6_route").write_text(
        f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 1 0 1 lo\n"
    )
    network = Network(ServiceConfig(), names=nowhere, routes=tmp_path)

    with pytest.raises(UnreachableError, match=words) as caught:
        await network.service()
    assert caught.value.cure
    assert "Not known" in str(await network.udp())


async def test_name_server_that_is_silent_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examined, "NAME_TIMEOUT", 0.01)
    release = threading.Event()

    def silent(_host: str, _port: int) -> Sequence[tuple[int, str]]:
        release.wait()
        return []

    with pytest.raises(UnreachableError):
        await Network(ServiceConfig(), names=silent, routes=tmp_path).service()
    release.set()


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests, after having lost `losing` of them."""

    def __init__(self, losing: int) -> None:
        self._losing = losing
        self._line: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = cast("asyncio.DatagramTransport", transport)  # 3.11 does not derive it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        kind, length, cookie = struct.unpack_from(">HHI", data)
        assert (kind, length, cookie) == (1, 0, 0x2112A442)
        assert self._line is not None
        if self._losing:
            self._losing -= 1
            self._line.sendto(b"noise", addr)
        else:
            self._line.sendto(struct.pack(">HHI", 0x0101, 0, cookie) + data[8:20], addr)


@asynccontextmanager
async def stun(losing: int = 0) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    line, _ = await loop.create_datagram_endpoint(
        lambda: StunServer(losing), local_addr=("127.0.0.1", 0)
    )
    try:
        yield line.get_extra_info("sockname")[1]
    finally:
        line.close()


async def test_stun_server_that_answers_shows_that_udp_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appliance.doctor.stun.STUN_PAUSE", 0.1)
    monkeypatch.setattr("appliance.doctor.stun.STUN_TRIES", 50)  # the machine may be busy
    async with stun(losing=1) as port:
        config = ServiceConfig(ice_servers=(f"stun:stun.test:{port}",))
        network = Network(config, names=Portal().names)
        assert await network.udp() == f"stun.test answers over UDP, port {port}."


async def test_stun_server_that_is_not_heard_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.doctor.stun.STUN_PAUSE", 0.01)
    async with stun(losing=99) as port:
        config = ServiceConfig(ice_servers=(f"turn:u@stun.test:{port}?transport=udp",))
        with pytest.raises(UnreachableError, match="answers over UDP"):
            await Network(config, names=Portal().names).udp()


async def test_refused_stun_is_no_answer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    assert not await asks_stun((socket.AF_INET, "127.0.0.1"), port)


async def test_without_stun_only_the_way_out_is_known() -> None:
    found = await Network(ServiceConfig(), names=Portal().names).udp()
    assert isinstance(found, Found)
    assert found.verdict == "not-applicable"
    assert "a call only" in found.sentence


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("stun:stun.example.org", ("stun.example.org", 3478)),
        ("turn:turn.example.org:443?transport=udp", ("turn.example.org", 443)),
        ("turn:turn.example.org?transport=tcp", None),
        ("turns:turn.example.org", None),
        ("stun:[2001:db8::1]:3479", ("2001:db8::1", 3479)),
    ],
)
def test_ice_servers_over_udp_are_found(url: str, place: tuple[str, int] | None) -> None:
    assert stun_server(url) == place
