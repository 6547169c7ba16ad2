"""Makes the first call as fast as the others."""

from aiortc import AudioStreamTrack

from appliance.call.peer import Peer


async def warm_up() -> None:
    """Load and try out what a call needs, once. It keeps the loop busy for up to 0.1 s.

    Belongs behind READY, where nobody waits for it.
    """
    peer = Peer(AudioStreamTrack(), lambda _: None, lambda _: None)
    try:
        await peer.offer()
    finally:
        await peer.close()
