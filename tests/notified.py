"""systemd's end of the notify socket (sd_notify(3))."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path


class NotifySocket:
    """A notify socket and every line that came by it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))
        self.lines: list[str] = []

    def read(self) -> list[str]:
        """Return every line received so far."""
        with suppress(BlockingIOError):
            while True:
                self.lines += self._socket.recv(4096).decode().splitlines()
        return self.lines

    async def wait_for(self, line: str, limit: float = 15) -> None:
        """Wait until `line` was received."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(limit):
            while line not in self.read():
                self.lines += (await loop.sock_recv(self._socket, 4096)).decode().splitlines()

    def close(self) -> None:
        self._socket.close()
