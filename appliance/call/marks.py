"""Which events of the service belong on the timeline - pure."""

from dataclasses import dataclass, field

from appliance.realtime.seen import Seen
from appliance.realtime.server_events import (
    OutputCleared,
    OutputStarted,
    OutputStopped,
    ResponseCreated,
    SpeechStarted,
    SpeechStopped,
)
from appliance.realtime.shapes import ServerEvent

_KEPT = 64  # things whose marks are made; each is told of within seconds on both channels


@dataclass(slots=True)
class Timeline:
    """Names each event once, though it may come on both channels under different ids."""

    playing: bool = False
    talking: bool = False
    responses: int = 0
    turns: int = 0
    _seen: Seen = field(default_factory=lambda: Seen(_KEPT))

    def apply(self, event: ServerEvent) -> tuple[str, ...]:
        """Return the names of the marks for this event."""
        match event:
            case ResponseCreated(response=response):
                return self._once("response_created", response.id)
            case SpeechStarted(item_id=item_id):
                return self._once("speech_started", item_id)
            case SpeechStopped(item_id=item_id):
                return self._once("speech_stopped", item_id)
            case OutputStarted(response_id=response_id):
                return self._once("playback_started", response_id)
            case OutputStopped(response_id=response_id):
                return self._once("playback_stopped", response_id)
            case OutputCleared(response_id=response_id):
                names = self._once("playback_stopped", response_id)
                return ("barge_in", *names) if names and self.talking else names
            case _:
                return ()

    def _once(self, name: str, of: str | None) -> tuple[str, ...]:
        if of is not None and not self._seen.first(f"{name} {of}"):
            return ()
        self.playing = name == "playback_started" or (self.playing and name != "playback_stopped")
        self.talking = name == "speech_started" or (self.talking and name != "speech_stopped")
        self.responses += name == "response_created"
        self.turns += name == "speech_stopped"
        return (name,)
