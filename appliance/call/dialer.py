"""Makes the calls of this appliance, each with what it needs to know of the one before."""

import asyncio

from appliance.call.call import RealtimeCall
from appliance.call.parts import Parts
from appliance.call.peer import Peer
from appliance.core.model import Photo
from appliance.errors import DeviceError
from appliance.media.engine import Engine
from appliance.media.tracks import NearTrack


class Dialer:
    """Opens calls, and knows the last one. On the loop's thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._last: RealtimeCall | None = None

    def open_call(self, call_no: int, resume: bool) -> RealtimeCall:
        """Return call `call_no`, not yet running. `resume`: it carries the last one on."""
        last = self._last
        history = last.history() if resume and last is not None else ()
        insist = last is None or not last.channel_failed  # once; then do without
        self._last = RealtimeCall(call_no, self._parts, history=history, needs_channel=insist)
        return self._last

    def show(self, photo: Photo) -> None:
        """Put a photo into the current call, without having it answered.

        Raises DeviceError if there is none, or no such photo.
        """
        if self._last is None:
            raise DeviceError("There is no call to show the photo in.")
        self._last.show(photo)

    def end_soon(self) -> None:
        """End the current call once the assistant's goodbye has been spoken."""
        if self._last is not None:
            self._last.end_soon()


async def warm_up() -> None:
    """Make the first call as fast as the others: load and try out what it needs; ≤ 0.1 s.

    The loop is busy meanwhile, so this belongs behind READY.
    """
    peer = Peer(NearTrack(Engine(asyncio.get_running_loop(), {})), lambda _: None)
    try:
        await peer.offer()
    finally:
        await peer.close()
