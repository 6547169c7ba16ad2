"""Falls back to a microphone that is closed while the assistant speaks, where echo gets through."""

import asyncio
import logging
from collections.abc import Callable

from appliance.call.self_hearing import SelfHearing
from appliance.media.echo import HalfDuplex
from appliance.media.engine import Engine
from appliance.messages import HALF_DUPLEX

log = logging.getLogger(__name__)


class EchoWatch:
    """One for each call; on the loop. `told`: called once, when it falls back."""

    def __init__(self, engine: Engine, told: Callable[[], None]) -> None:
        self._engine = engine
        self._told = told
        self._self_hearing = SelfHearing()

    def interrupted(self) -> None:
        """Take in that the assistant was interrupted: perhaps by itself."""
        if self._self_hearing.interrupted(asyncio.get_running_loop().time()):
            self._fall_back(
                "The appliance hears itself: from now on the microphone is closed while it speaks."
                " Move microphone and speaker apart, or turn the speaker down."
            )

    def look(self) -> None:
        """See whether the canceller still knows where the echo is."""
        if not self._engine.echo.steady:
            self._fall_back(
                "Microphone and speaker do not keep time: from now on the microphone is closed"
                " while the appliance speaks. Take both from one sound card."
            )

    def _fall_back(self, reason: str) -> None:
        if self._engine.echo.name != "webrtc":
            return
        self._engine.echo = HalfDuplex()
        self._told()
        log.warning("%s", reason, extra={"MESSAGE_ID": HALF_DUPLEX})
