"""Holds the sound card open for one call, and opens it again when it goes."""

import asyncio
from collections.abc import Callable

from appliance.errors import DeviceError
from appliance.ports import AudioDevice, AudioStream, Exchange

RETRY = 1.0  # s between two tries; a USB card that is plugged in needs 0.5 to 1.2 (measured)
PATIENCE = 60.0  # s without a card that end a call


class Sound:
    """The card of one call; used once. On the loop."""

    def __init__(
        self,
        device: AudioDevice,
        exchange: Exchange,
        *,
        lost: Callable[[DeviceError], None],
        back: Callable[[], None],
        failed: Callable[[DeviceError], None],
    ) -> None:
        """Prepare.

        Args:
            device: opened by `run`.
            exchange: called with every block, as the port says.
            lost: told that a card that was open has gone; another try follows every second.
            back: told that there is one again.
            failed: told that there is none to begin with, or none for PATIENCE.
        """
        self._device = device
        self._exchange = exchange
        self._lost = lost
        self._back = back
        self._failed = failed
        self._error: DeviceError | None = None
        self._changed = asyncio.Event()  # the card has gone, or is not needed any more
        self._released = False
        self._until: float | None = None  # when to give up; None: the card is, or was never, there
        self.stream: AudioStream | None = None
        """The open card, if there is one."""
        self._last: AudioStream | None = None  # the open card, or the one before
        self._xruns = 0  # of the cards before this one
        self._block_ms = 0
        self.opened = asyncio.Event()
        """Set once the card is open, or will not be."""

    @property
    def xruns(self) -> int:
        """How often sound was lost at the card in this call, either way."""
        return self._xruns + (_xruns_of(self.stream) if self.stream is not None else 0)

    @property
    def block_ms(self) -> int:
        """The length of the card's blocks, ms, at last; 0: there never was a card."""
        return self.stream.stats().block_ms if self.stream is not None else self._block_ms

    def release(self) -> None:
        """Let `run` close the card and return. Idempotent."""
        self._released = True
        self._changed.set()

    async def run(self) -> None:
        """Hold the card until released. Cancelling closes it too."""
        try:
            while (error := await self._hold()) is not None:
                if not await self._may_go_on(error):
                    return
        finally:
            self.opened.set()

    async def _hold(self) -> DeviceError | None:
        """Open the card and hold it; return why that ended, None if it was released."""
        self._error = None
        try:
            opening = self._device.open(self._exchange, self._on_failure, after=self._last)
            async with opening as stream:
                self.stream = self._last = stream
                self.opened.set()
                if self._until is not None:
                    self._until = None
                    self._back()
                try:
                    await self._changed.wait()
                finally:
                    self._xruns, self._block_ms = self.xruns, self.block_ms
                    self.stream = None
        except DeviceError as error:
            self._error = error
            if not self.opened.is_set():  # there never was a card
                self._failed(error)
                return None
        return None if self._released else self._error

    async def _may_go_on(self, error: DeviceError) -> bool:
        """Wait for the next try; return whether there is one."""
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + PATIENCE
            self._lost(error)
        elif now >= self._until:
            self._failed(error)
            return False
        self._changed.clear()
        try:
            async with asyncio.timeout(RETRY):
                await self._changed.wait()
        except TimeoutError:
            return True
        return not self._released

    def _on_failure(self, error: DeviceError) -> None:
        self._error = error
        self._changed.set()


def _xruns_of(stream: AudioStream) -> int:
    stats = stream.stats()
    return stats.underruns + stats.overruns
