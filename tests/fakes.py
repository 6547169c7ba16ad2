"""Stand-ins with behaviour, for what is outside."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.core.events import CallUp, Event
from appliance.core.model import Cue, Outgoing


@dataclass
class Manners:
    """How a fake call behaves. Times in seconds, None is never."""

    made: float = 0.0  # takes this long to be made
    answers: float | None = 1.0
    fails: BaseException | None = None
    lives: float | None = None  # until it fails, or ends by itself
    deaf: bool = False  # does not end when asked to
    ends: float = 0.0  # takes this long to end when asked to
    stubborn: int = 0  # cancellations it ignores
    raises: dict[str, Exception] = field(default_factory=dict)  # by method


class FakeCall:
    """A call (`ports.Call`) that comes up, remembers what it is told, and behaves as it likes."""

    def __init__(
        self, call_no: int, post: Callable[[Event], None], manners: Manners | None = None
    ) -> None:
        self.call_no = call_no
        self.manners = manners or Manners()
        self.heard: list[Outgoing | Cue | bool] = []
        self.loudness: int | None = None
        self.asked_to_end = False
        self.cancelled = 0
        self.holding = False  # microphone, speaker, connection
        self._post = post
        self._end = asyncio.Event()

    async def run(self) -> None:
        self.holding = True
        try:
            await self._live()
        except asyncio.CancelledError:
            self.cancelled += 1
            while self.cancelled <= self.manners.stubborn:
                await self._ignore()
            raise
        finally:
            self.holding = False

    async def _ignore(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1

    async def _live(self) -> None:
        ended = asyncio.timeout(self.manners.lives)
        try:
            async with ended:
                await self._answer()
                await self._end.wait()
                await asyncio.sleep(self.manners.ends)
        except TimeoutError:
            if not ended.expired():
                raise
        if ended.expired() and self.manners.fails is not None:
            raise self.manners.fails

    async def _answer(self) -> None:
        if self.manners.answers is None:
            await self._end.wait()
            return
        await asyncio.sleep(self.manners.answers)
        self._post(CallUp(self.call_no))

    def close(self) -> None:
        self._perhaps_raise("close")
        self.asked_to_end = True
        if not self.manners.deaf:
            self._end.set()

    def send(self, item: Outgoing) -> None:
        self._perhaps_raise("send")
        self.heard.append(item)

    def mute(self, muted: bool) -> None:
        self._perhaps_raise("mute")
        self.heard.append(muted)

    def volume(self, percent: int) -> None:
        self._perhaps_raise("volume")
        self.loudness = percent

    def cue(self, cue: Cue) -> None:
        self._perhaps_raise("cue")
        self.heard.append(cue)

    def _perhaps_raise(self, method: str) -> None:
        if method in self.manners.raises:
            raise self.manners.raises[method]
