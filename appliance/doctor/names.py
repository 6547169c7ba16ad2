"""Looks names up so that a name server that is silent holds nothing up, not even the end."""

import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from appliance.doctor.contract import in_thread

LookUp: TypeAlias = Callable[[str, int], Sequence[tuple[int, str]]]


def look_up(host: str, port: int) -> list[tuple[int, str]]:
    """Return address family and address of `host`. Blocks, for long if no server answers.

    Raises socket.gaierror if there is none.
    """
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, str(address[0])) for family, *_, address in infos]


class Names(AbstractResolver):
    """For aiohttp: looks names up on threads that nobody waits for."""

    def __init__(self, names: LookUp) -> None:
        self._names = names

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await in_thread(lambda: self._names(host, port))
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)
            for kind, address in found
        ]

    @override
    async def close(self) -> None:
        """Nothing is kept."""
