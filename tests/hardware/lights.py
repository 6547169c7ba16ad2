"""A capture latch that remembers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Light:
    """Counts who keeps it lit now, and who ever did."""

    def __init__(self) -> None:
        self.lit = 0
        self.ever = 0
        self._dark = asyncio.Event()

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        assert what == "camera"
        self.lit += 1
        self.ever += 1
        self._dark.clear()
        try:
            yield
        finally:
            self.lit -= 1
            if not self.lit:
                self._dark.set()

    async def dark(self) -> None:
        """Return when nobody keeps it lit any more."""
        async with asyncio.timeout(10):
            await self._dark.wait()
