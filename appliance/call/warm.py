"""Makes the first call as fast as the others."""

from contextlib import suppress

from aiortc import AudioStreamTrack

from appliance.call.peer import Peer
from appliance.errors import ServiceError


async def warm_up() -> None:
    """Load and try out what a call needs, once. It keeps the loop busy for up to 0.1 s.

    Belongs behind READY, where nobody waits for it. Without a network there is less to try out.
    """
    peer = Peer(AudioStreamTrack(), lambda _: None)
    try:
        with suppress(ServiceError):  # no address yet: the call will tell, if it lasts until then
            await peer.offer()
    finally:
        await peer.close()
