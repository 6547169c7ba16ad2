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
    """One for each call; on the loop. It speaks once: the first trouble decides."""

    def __init__(self, engine: Engine, told: Callable[[], None], *, may_fall_back: bool) -> None:
        """Watch the canceller of `engine`.

        `told`: called once, when it falls back. `may_fall_back`: whether it may; if not there is
        only a warning.
        """
        self._engine = engine
        self._told = told
        self._may_fall_back = may_fall_back
        self._self_hearing = SelfHearing()
        self._spoken = False

    def interrupted(self) -> None:
        """Take in that the assistant was interrupted: perhaps by itself."""
        if self._self_hearing.interrupted(asyncio.get_running_loop().time()):
            self._failed(
                "The appliance hears itself",
                "Move microphone and speaker apart, or turn the speaker down.",
            )

    def look(self) -> None:
        """See whether the canceller still knows where the echo is."""
        if not self._engine.echo.steady:
            self._failed(
                "Microphone and speaker do not keep time", "Take both from one sound card."
            )

    def _failed(self, what: str, cure: str) -> None:
        if self._spoken or self._engine.echo.name != "webrtc":
            return
        self._spoken = True
        if not self._may_fall_back:
            log.warning(
                "%s, and may interrupt itself: audio.echo is webrtc. %s Or set audio.echo to auto.",
                what,
                cure,
            )
            return
        self._engine.echo = HalfDuplex()
        self._told()
        log.warning(
            "%s: from now on the microphone is closed while it speaks. %s",
            what,
            cure,
            extra={"MESSAGE_ID": HALF_DUPLEX},
        )
