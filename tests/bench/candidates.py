"""The echo cancellers that are measured beside ours, as they come."""

from collections.abc import Callable, Mapping

import numpy as np
from pywebrtc_audio import AudioProcessor

from appliance.media.bands import Narrower, Widener
from appliance.media.echo import EchoCanceller, NoEcho
from appliance.media.pcm import RATE
from appliance.media.speex import LinearCanceller
from appliance.media.webrtc_echo import WebRtcEcho


class Aec3(NoEcho):
    """WebRTC's AEC3 and NS as they come, at 48 kHz."""

    def __init__(self) -> None:
        super().__init__()
        self._processor = AudioProcessor(
            sample_rate=RATE, echo_cancellation=True, noise_suppression=True, ns_level=1
        )

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return the microphone without the speaker's sound."""
        clean = self._processor.process(np.frombuffer(near, np.int16), np.frombuffer(far, np.int16))
        return bytes(clean.tobytes())


class Speex(NoEcho):
    """Speex's linear canceller as it comes, at 16 kHz."""

    def __init__(self) -> None:
        super().__init__()
        self._near, self._far, self._back = Narrower(), Narrower(), Widener()
        self._linear = LinearCanceller()

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return the microphone without the speaker's sound."""
        clean = self._linear.process(self._near.convert(near), self._far.convert(far))
        return self._back.convert(clean)


CANCELLERS: Mapping[str, Callable[[], EchoCanceller]] = {
    "ours": WebRtcEcho,
    "AEC3 and NS": Aec3,
    "Speex": Speex,
}
