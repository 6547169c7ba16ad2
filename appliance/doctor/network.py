"""The way to the service: names, TLS, sign-in pages, and whatever can be known of UDP."""

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from appliance.call.refusals import unreachable
from appliance.config import ServiceConfig
from appliance.doctor.contract import Found, in_thread
from appliance.doctor.names import LookUp, Names, look_up
from appliance.doctor.stun import STUN_PORT, asks_stun, stun_server, way_out
from appliance.errors import ServiceError, UnreachableError

NAME_TIMEOUT: Final = 6.0  # s; the system asks each server twice, 5 s apart (resolv.conf(5))
CONNECT_TIMEOUT: Final = 5.0  # s for TCP and TLS; a call's offer has 10 for all of it
PAGE_LIMIT: Final = 4096  # bytes of a web page that are read: how it begins is enough
_SIGN_IN: Final = "Sign in with a phone or computer in the same network, or use another network."


class _NameError(UnreachableError):
    """A name cannot be looked up."""


@dataclass(frozen=True, slots=True)
class Network:
    """The checks of one way to one service.

    `names` looks names up, on a thread. `http_port`: where sign-in pages show themselves.
    `routes`: where /proc/net is.
    """

    config: ServiceConfig
    names: LookUp = look_up
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    http_port: int = 80
    routes: Path = Path("/proc/net")

    @property
    def host(self) -> str:
        """Of the service."""
        return urlsplit(self.config.base_url).hostname or ""

    @property
    def _secure(self) -> bool:
        return urlsplit(self.config.base_url).scheme == "https"

    @property
    def _port(self) -> int:
        return urlsplit(self.config.base_url).port or (443 if self._secure else 80)

    @property
    def _here(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    async def service(self) -> str | Found:
        """Look up the service's name and connect to it, with TLS. Raises ServiceError."""
        if self._here:
            return Found("not-applicable", "The service is on this machine.")
        addresses = await self._addresses()
        began = asyncio.get_running_loop().time()
        await self._connect(addresses)
        took = 1000 * (asyncio.get_running_loop().time() - began)
        how = "over TLS" if self._secure else "without TLS"
        return f"{self.host} is found and answers {how}, after {took:.0f} ms."

    async def portal(self) -> str | Found:
        """See whether a sign-in page (captive portal) stands between us and the service."""
        if self._here or not self._secure:
            return Found("not-applicable", "The service needs no way out of this network.")
        try:
            await self._connect(await self._addresses())
        except ServiceError as error:
            page = await self._page()
            return page or Found("not-applicable", f"Not known: {error.cause}")
        return f"None: {self.host} shows its own certificate."

    async def udp(self) -> str | Found:
        """See what can be known, without a call, of the way that sound takes."""
        if self._here:
            return Found("not-applicable", "The service is on this machine.")
        try:
            return await self._udp()
        except _NameError as error:
            return Found("not-applicable", f"Not known: {error.cause}")

    async def _udp(self) -> str | Found:
        servers = [found for url in self.config.ice_servers if (found := stun_server(url))]
        for host, port in servers:
            addresses = await self._addresses(host)
            if await asks_stun(addresses[0], port):
                return f"{host} answers over UDP, port {port}."
        if servers:
            raise UnreachableError(
                f"None of service.ice_servers answers over UDP ({servers[0][0]}).",
                "Calls need UDP: ask who runs this network, or use another one.",
            )
        way_out((await self._addresses())[0])
        return Found(
            "not-applicable",
            f"There is a way out for UDP; whether sound passes (port {STUN_PORT} of the service) "
            "shows in a call only.",
            "If calls connect and then fail, ask who runs this network, or use another one.",
        )

    async def _addresses(self, host: str = "") -> Sequence[tuple[int, str]]:
        host = host or self.host
        try:
            async with asyncio.timeout(NAME_TIMEOUT):
                return await in_thread(lambda: self.names(host, self._port))
        except (OSError, TimeoutError) as error:
            if not self._routed():
                raise _NameError(
                    "This machine is in no network.",
                    "Plug in a cable, or set up Wi-Fi: sudo nmtui.",
                ) from error
            raise _NameError(
                f"The name {host} cannot be looked up.",
                "Check the network: it has no working name server (DNS).",
            ) from error

    def _routed(self) -> bool:
        """Whether there is a way out, by the kernel's tables: net/ipv4/fib_trie.c and ipv6's."""
        old = _lines(self.routes / "route")[1:]
        new = _lines(self.routes / "ipv6_route")
        return any(line.split()[1] == "00000000" for line in old) or any(
            line.split()[0] == 32 * "0" and line.split()[1] == "00" and line.split()[-1] != "lo"
            for line in new
        )

    async def _connect(self, addresses: Sequence[tuple[int, str]]) -> None:
        """Connect to the first address that lets us, and shake hands. Raises ServiceError."""
        context = self.tls if self._secure else None
        error: Exception = UnreachableError(f"{self.host} has no address.")
        for _, address in addresses:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT / len(addresses)):
                    _, writer = await asyncio.open_connection(
                        address, self._port, ssl=context, server_hostname=context and self.host
                    )
            except ssl.SSLError as failed:
                raise unreachable(failed, self.host) from failed
            except (OSError, TimeoutError) as failed:
                error = failed
            else:
                writer.transport.abort()  # nothing was said that would need a farewell
                return
        if isinstance(error, ConnectionRefusedError):
            raise UnreachableError(
                f"Nothing answers at {self.host}, port {self._port}.", "Check the network."
            ) from error
        raise unreachable(error, self.host) from error

    async def _page(self) -> Found | None:
        """Ask the service's name for a web page, without the key; only a portal has one to show."""
        connector = aiohttp.TCPConnector(resolver=Names(self.names))
        try:
            async with (
                asyncio.timeout(CONNECT_TIMEOUT),
                aiohttp.ClientSession(connector=connector) as session,
                session.get(
                    f"http://{self.host}:{self.http_port}/", allow_redirects=False
                ) as answer,
            ):
                body = await answer.content.read(PAGE_LIMIT)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        elsewhere = urlsplit(answer.headers.get("Location", "")).hostname
        if answer.status == 511:  # Network Authentication Required (RFC 6585, section 6)
            return Found("fail", "This network wants you to sign in first.", _SIGN_IN)
        if 300 <= answer.status < 400 and elsewhere not in {None, self.host}:
            return Found(
                "fail", f"This network leads to a sign-in page at http://{elsewhere}/.", _SIGN_IN
            )
        if answer.status == 200 and b"<html" in body.lower():
            return Found("fail", "This network shows a sign-in page of its own.", _SIGN_IN)
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
