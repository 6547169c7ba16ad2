"""The sound of one call: card, engine and echo in one hand."""

import asyncio
import logging
from collections.abc import Callable

from appliance.call.echo_watch import EchoWatch
from appliance.call.figures import Figures, line_figures, sound_figures
from appliance.call.loop_lag import LoopLag, watch_loop
from appliance.call.parts import Parts
from appliance.call.sound import Sound
from appliance.core.events import EchoFailed, SoundBack, SoundLost
from appliance.core.model import Cue, Problem
from appliance.core.problems import problem_of
from appliance.errors import DeviceError
from appliance.hub import Levels
from appliance.media.engine import Engine
from appliance.media.tracks import NearTrack
from appliance.messages import SOUND_LOST

TONE_TIMEOUT = 0.8  # s to let the last tone sound; the longest has 0.7
OPEN_PATIENCE = 2.0  # s for a sound card to open when all that is left is to tell of a failure
TONE_DEAFNESS = 0.8  # s after a tone in which the speaker's loudness is not the assistant's

log = logging.getLogger(__name__)


class AudioLine:
    """Made for one call, on the loop."""

    def __init__(
        self,
        call_no: int,
        parts: Parts,
        *,
        mark: Callable[[str], None],
        heard: Callable[[float], None],
        failed: Callable[[DeviceError], None],
    ) -> None:
        """Prepare; nothing is open before `run`.

        Args:
            call_no: goes onto what is posted and logged.
            parts: of this call.
            mark: puts something onto the timeline.
            heard: told the loudness of the far-end voice in dBFS, every 100 ms or so.
            failed: told that there is no sound card, or none any more.
        """
        self._call_no = call_no
        self._parts = parts
        self._heard = heard
        self._clock = asyncio.get_running_loop().time
        # Muted until the supervisor says otherwise, which it does when the call is up.
        self.engine = Engine(
            asyncio.get_running_loop(),
            parts.cues,
            parts.decoder(),
            echo=parts.echo(),
            near_gain=parts.near_gain,
            levels=self._on_levels,
            first_sound=lambda: mark("first_sound"),
            muted=True,
        )
        self.near = NearTrack(self.engine)
        """What goes out."""
        self._mark = mark
        self._echo_watch = EchoWatch(self.engine, self._on_echo, may_fall_back=parts.may_fall_back)
        self._card = Sound(
            parts.audio,
            self.engine.exchange,
            lost=self._on_lost,
            back=lambda: parts.post(SoundBack(call_no)),
            failed=failed,
        )
        self._lag = LoopLag()
        self._tone_at = self._clock() - TONE_DEAFNESS

    async def run(self) -> None:
        """Hold the card until `drained` has returned. Cancelling closes it too."""
        await self._card.run()

    def play(self, cue: Cue) -> None:
        """Play a tone; it is not taken for the assistant's voice."""
        self._tone_at = self._clock()
        self.engine.play(cue)

    def up(self, *, anew: bool) -> None:
        """Take in that the call is up: tell what its sound lacks, unless it goes on after a break.

        `anew`: somebody pressed the button for it.
        """
        if anew:
            self._echo_watch.begin()

    async def watch(self) -> None:
        """Time the loop of a call that is up, for ever."""
        await watch_loop(self._lag)

    def interrupted(self) -> None:
        """Take in that the assistant was cut off by a voice."""
        self._echo_watch.interrupted()

    def stop(self, *, failed: bool) -> None:
        """Silence the far end, and with `failed` begin the tone for that."""
        self.engine.clear()
        if failed:
            self.engine.play(Cue.FAILED)

    async def drained(self, *, failed: bool) -> None:
        """Let the last tone sound, then let go of the card. Takes at most 0.8 s.

        `failed`: and 2 s more, so that a failure is heard even if it was faster than the card.
        """
        try:
            async with asyncio.timeout(TONE_TIMEOUT + failed * OPEN_PATIENCE):
                if failed:
                    await self._card.opened.wait()
                if self._card.stream is not None:
                    await self.engine.drained()
        except TimeoutError:
            log.debug("! the sound card does not play, or not any more")
        self._card.release()

    @property
    def blocks(self) -> int | None:
        """Blocks of sound exchanged so far; None while no card is open."""
        return stream.stats().blocks if (stream := self._card.stream) is not None else None

    def now(self) -> Figures:
        """Return how the line does, for `status`."""
        return sound_figures(self.engine, self.near, self._card.stream, self._lag)

    def summary(self) -> dict[str, str | int | float | None]:
        """Return how sound came through, for the line that sums the call up."""
        return {
            "XRUNS": self._card.xruns,
            "BLOCK_MS": self._card.block_ms or None,
            **line_figures(self.engine, self._lag),
        }

    def _on_levels(self, near_dbfs: float, far_dbfs: float) -> None:
        self._parts.publish(Levels(near_dbfs, far_dbfs))
        self._echo_watch.look()
        if self._clock() - self._tone_at >= TONE_DEAFNESS:
            self._heard(far_dbfs)

    def _on_echo(self, problem: Problem) -> None:
        if self.engine.echo.name == "half-duplex":
            self._mark("half_duplex")
        self._parts.post(EchoFailed(self._call_no, problem))

    def _on_lost(self, error: DeviceError) -> None:
        log.warning("%s", error, extra={"CALL_NO": self._call_no, "MESSAGE_ID": SOUND_LOST})
        self._parts.post(SoundLost(self._call_no, problem_of(error)))
