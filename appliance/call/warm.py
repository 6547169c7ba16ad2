"""Makes the first call as fast as the others."""

from aiortc import AudioStreamTrack

from appliance.call.peer import Peer


async def warm_up() -> None:
    """Load and try out what a call needs, once. It keeps the loop busy for up to 0.1 s.

    Belongs behind READY, where nobody waits for it.
    """
    # pyOpenSSL 26 loads it where DTLS begins, for 6 ms (x86) in which the service waits.
    from cryptography.hazmat.primitives import serialization  # noqa: F401, PLC0415 - not used here

    peer = Peer(AudioStreamTrack(), lambda _: None, lambda _: None)
    try:
        await peer.offer()
    finally:
        await peer.close()
