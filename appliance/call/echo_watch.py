"""Falls back to a microphone that is closed while the assistant speaks, where echo gets through."""

import asyncio
import logging
from collections.abc import Callable

from appliance.call.self_hearing import SelfHearing
from appliance.core.model import Problem
from appliance.media.echo import HalfDuplex
from appliance.media.engine import Engine
from appliance.messages import HALF_DUPLEX

log = logging.getLogger(__name__)


class EchoWatch:
    """One for each call; on the loop. It speaks once: the first trouble decides."""

    def __init__(
        self, engine: Engine, failed: Callable[[Problem], None], *, may_fall_back: bool
    ) -> None:
        """Watch the canceller of `engine`.

        `failed`: told once what is wrong. `may_fall_back`: whether half duplex may take over; if
        not, it is only told.
        """
        self._engine = engine
        self._failed = failed
        self._may_fall_back = may_fall_back
        self._self_hearing = SelfHearing()
        self._told = False

    def begin(self) -> None:
        """Take in that the call is up, and tell if there is no canceller to begin with."""
        if not self._told and (problem := self._engine.echo.stands_in) is not None:
            self._tell(problem)

    def interrupted(self) -> None:
        """Take in that the assistant was interrupted: perhaps by itself."""
        if self._self_hearing.interrupted(asyncio.get_running_loop().time()):
            self._give_up(
                "The appliance hears itself",
                "Move microphone and speaker apart, or turn the speaker down.",
            )

    def look(self) -> None:
        """See whether the canceller still knows where the echo is."""
        if not self._engine.echo.steady:
            self._give_up(
                "Microphone and speaker do not keep time", "Take both from one sound card."
            )

    def _give_up(self, what: str, cure: str) -> None:
        if self._told or self._engine.echo.name != "webrtc":
            return
        if self._may_fall_back:
            problem = Problem(
                "device",
                f"{what}: from now on the microphone is closed while it speaks.",
                cure,
            )
            self._engine.echo = HalfDuplex(problem)
        else:
            problem = Problem(
                "device",
                f"{what}, and may interrupt itself: audio.echo is webrtc.",
                f"{cure} Or set audio.echo to auto.",
            )
        self._tell(problem)

    def _tell(self, problem: Problem) -> None:
        self._told = True
        closed = self._engine.echo.name == "half-duplex"
        extra = {"MESSAGE_ID": HALF_DUPLEX} if closed else {}
        log.warning("%s %s", problem.cause, problem.cure, extra=extra)
        self._failed(problem)
