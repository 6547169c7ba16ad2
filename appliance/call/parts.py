"""What every call of this appliance is made of."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from appliance.config import CallConfig, ServiceConfig, SessionConfig
from appliance.core.events import Event
from appliance.core.model import Cue
from appliance.credentials import Secret
from appliance.hub import Message
from appliance.media.decoder import Decoder
from appliance.media.echo import EchoCanceller
from appliance.ports import AudioDevice, Signaling, Tools

Errand: TypeAlias = Callable[[str, Callable[[], Awaitable[None]]], None]
"""Runs something, by name, that outlives the call: the supervisor's `run_errand`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Given by the composition root, the same for all calls.

    `jpeg`: returns a photo of the album by name, in at most so many bytes, or raises DeviceError.
    `keep_camera_open`: as the camera's port says; runs as long as the call is up.
    `cues`: the tones, rendered. `decoder`, `echo`: make one for a call, or raise an ApplianceError.
    `near_gain`: of the microphone, a factor. `may_fall_back`: to half duplex, where the echo gets
    through: whether nobody has chosen another canceller.
    """

    service: ServiceConfig
    session: SessionConfig
    call: CallConfig
    key: Secret
    signaling: Signaling
    audio: AudioDevice
    tools: Tools
    jpeg: Callable[[str, int], Awaitable[bytes]]
    keep_camera_open: Callable[[], Coroutine[Any, Any, None]]
    post: Callable[[Event], None]
    publish: Callable[[Message], None]
    errand: Errand
    cues: Mapping[Cue, bytes]
    decoder: Callable[[], Decoder]
    echo: Callable[[], EchoCanceller]
    near_gain: float = 1.0
    may_fall_back: bool = True
