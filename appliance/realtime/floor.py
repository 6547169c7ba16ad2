"""Knows who has the floor: responses being made, sound being played, the person speaking."""

from appliance.realtime.seen import Seen
from appliance.realtime.server_events import (
    InputCleared,
    InputCommitted,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
)

_SILENT = 30.0  # s without any event of a response: its end was missed, or will never come
_TALK = 60.0  # s of speech after which its end was missed
_GRACE = 1.5  # s after speech in which the service starts its own answer, normally 0.1

NAMELESS = "?"  # a response we know of only by an error message


class Floor:
    """Folds events of both channels; nothing in it lasts for ever."""

    def __init__(self) -> None:
        self.playing = False
        self._active: dict[str, float] = {}  # response -> its last sign of life
        self._over = Seen(64)  # the slower channel tells of a response after its end
        self._talking: float | None = None  # since when
        self._grace = 0.0  # until when

    @property
    def active(self) -> tuple[str, ...]:
        """The responses being made, oldest first; normally one at most."""
        return tuple(self._active)

    def knows(self, response_id: str) -> bool:
        """Return whether this response is, or was, on the floor."""
        return response_id in self._active or response_id in self._over

    def over(self, response_id: str) -> bool:
        """Return whether this response has ended."""
        return response_id in self._over

    def quiet(self, now: float) -> bool:
        """Return whether neither the person nor the service is about to say something."""
        return self._talking is None and now >= self._grace

    def claim(self, response_id: str, now: float) -> None:
        """Take the service's word that this response is being made."""
        if response_id not in self._over:
            self._active[response_id] = now

    def free(self) -> None:
        """Take the service's word that nothing is being made, or do not wait any longer."""
        self._active.clear()

    def expire(self, now: float) -> None:
        """Give up on what has been silent for too long."""
        for response_id, at in list(self._active.items()):
            if now >= at + _SILENT:
                del self._active[response_id]
        if self._talking is not None and now >= self._talking + _TALK:
            self._talking = None

    def changes(self) -> list[float]:
        """Return when something changes if nothing more is heard; some may be past."""
        times = [at + _SILENT for at in self._active.values()]
        if self._talking is not None:
            times.append(self._talking + _TALK)
        return [*times, self._grace]

    def apply(self, event: ServerEvent, now: float) -> None:
        """Take in one event."""
        response_id = getattr(event, "response_id", None)
        if response_id in self._active:
            self._active[response_id] = now
        match event:
            case ResponseCreated(response=response) if not self.knows(response.id):
                self._grace = 0.0  # the service has answered the speech
                self.claim(response.id, now)
            case ResponseDone(response=response):
                self._over.first(response.id)
                self._active.pop(response.id, None)
                self._active.pop(NAMELESS, None)
            case SpeechStarted():
                self._talking = now
            case SpeechStopped() | InputCommitted():
                self._talking = None
                self._grace = now + _GRACE
            case InputCleared():
                self._talking = None
            case OutputStarted():
                self.playing = True
            case OutputStopped() | OutputCleared():
                self.playing = False
            case _:
                pass
