"""Every seam of the appliance: what a driver must do, whatever it drives."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from appliance.core.gestures import Edge
from appliance.core.lights import Pattern
from appliance.core.model import Cue, Outgoing
from appliance.errors import DeviceError
from appliance.realtime.session import ToolSpec
from appliance.realtime.tool_calls import ToolCall

BLOCK_SAMPLES = 480  # 10 ms at 48 kHz, the clock of WebRTC audio (RFC 7587)
BLOCK_BYTES = 2 * BLOCK_SAMPLES

Exchange: TypeAlias = Callable[[bytes], bytes]
"""near -> far: 10 ms of microphone in, 10 ms for the speaker out.

Both are BLOCK_BYTES long: 480 samples, mono, s16le, 48 kHz. Called every 10 ms by whoever has the
clock, usually on the audio thread; must not block, must not raise.
"""


@dataclass(frozen=True, slots=True)
class AudioStats:
    """How an open device does. Delays in seconds, rates in Hz; counts since it was opened."""

    input_delay: float = 0.0
    output_delay: float = 0.0
    underruns: int = 0
    overruns: int = 0
    blocks: int = 0
    block_ms: int = 10
    input_rate: int = 48_000
    output_rate: int = 48_000


class AudioStream(Protocol):
    """An open device."""

    def stats(self) -> AudioStats:
        """Return the counters so far. Any thread."""
        ...


class AudioDevice(Protocol):
    """A microphone and a speaker on one clock."""

    def open(
        self,
        exchange: Exchange,
        failed: Callable[[DeviceError], None],
        *,
        after: AudioStream | None = None,
    ) -> AbstractAsyncContextManager[AudioStream]:
        """Open both directions and call `exchange` every 10 ms until the context ends.

        `after`: what was open before in the same call. The device stays the one that the call began
        with; another may stand in for it only while it is missing, and not if it was named.

        Entering raises DeviceError if there is no such device; it takes at most 5 s. `failed` is
        called once, on the loop, when an open device stops working. Leaving releases the device
        whatever happened, plays out at most what is already in it, and never blocks the loop.
        """
        ...


class CaptureLatch(Protocol):
    """Keeps the LED lit while something records: dark means no capture."""

    def hold(self, what: str) -> AbstractContextManager[None]:
        """Light up before, and let go after, `what` ("microphone", "camera") is open."""
        ...


class Camera(Protocol):
    """Takes pictures."""

    @property
    def about(self) -> str:
        """Which camera it is, and why this one, as far as the last picture told."""
        ...

    async def load(self) -> None:
        """Load what the first picture needs, where nobody waits; the camera stays closed.

        It raises nothing: the next capture tells what is missing.
        """
        ...

    async def capture(self, settle: float = 0.0) -> bytes:
        """Return one picture as the camera's JPEG, off the loop, within the configured time.

        `settle`: seconds that exposure gets at least; otherwise as long as the camera needs.
        Raises DeviceError with cause and cure; the next capture may work again. Cancelling is safe.
        """
        ...

    async def keep_open(self) -> None:
        """Keep the camera open between captures until cancelled, if the settings want that.

        Otherwise it returns at once. It raises nothing, and never holds up a capture or the loop.
        """
        ...

    async def off(self) -> None:
        """Return when a camera that is to be closed is closed, after at most 2 s."""
        ...


class Panel(Protocol):
    """Two buttons and an LED. All of it belongs to the loop's thread.

    As a context manager it is open until the context ends.
    """

    def open(self) -> None:
        """Take pins or terminal, unless it has them; what was shown last is lit at once.

        Raises DeviceError with cause and cure; it may be tried again.
        """
        ...

    def close(self) -> None:
        """Turn the LED off and give everything back. Idempotent; it can be opened again."""
        ...

    def edges(self) -> AsyncIterator[Edge]:
        """Yield each press and release of the open panel, in order, for ever.

        A button that was down at the opening comes first. Raises DeviceError once the panel is
        lost; it is closed then.
        """
        ...

    def show(self, pattern: Pattern) -> None:
        """Show `pattern` from now on; never blocks; the last one wins. While closed, keep it.

        Raises DeviceError if the LED of an open panel cannot be switched.
        """
        ...

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """The service's answer to an offer. `call_id` is None when it named none we can use."""

    sdp: str
    call_id: str | None


class Signaling(Protocol):
    """Opens and ends calls at the service."""

    async def offer(self, sdp: str, session: bytes) -> Answer:
        """Post the SDP offer and the session (JSON); return the answer.

        Raises ServiceError in one of its kinds, within 10 s and those of a hang-up: a call that
        was made, but whose answer is lost or no use, is ended first. So it is when cancelled.
        """
        ...

    async def hang_up(self, call_id: str) -> None:
        """End the call at the service. Best effort: never raises a ServiceError."""
        ...


class Call(Protocol):
    """One call, from dial to release; used once."""

    async def run(self) -> None:
        """Dial, live, release. Returns when the call is over; raises ApplianceError if it failed.

        Facts about it go to the inbox meanwhile, CallDown excepted: that is the supervisor's.
        Cancelling releases everything too.
        """
        ...

    def close(self) -> None:
        """Ask for the end of a call that runs, or has run. Idempotent."""
        ...

    def send(self, item: Outgoing) -> None:
        """Say or show something to the model, and have it answer.

        What cannot be sent, as after the call's end, becomes a SendFailed in the inbox.
        """
        ...

    def mute(self, muted: bool) -> None:
        """Send silence instead of the microphone, or the microphone again. Muted until told."""
        ...

    def volume(self, percent: int) -> None:
        """Make everything the speaker plays as loud as this, 0 to 100 %."""
        ...

    def cue(self, cue: Cue) -> None:
        """Play a tone to the person."""
        ...


class Manager(Protocol):
    """The service manager (systemd, or nobody)."""

    def ready(self) -> None:
        """Buttons and control socket work."""
        ...

    def status(self, text: str) -> None:
        """Tell in one line what the appliance does."""
        ...

    def alive(self) -> None:
        """Feed the watchdog."""
        ...

    def stopping(self) -> None:
        """Shutdown has begun."""
        ...


class Tools(Protocol):
    """The tools the model may call."""

    def specs(self) -> Sequence[ToolSpec]:
        """Return what the session offers the model."""
        ...

    async def run(self, call: ToolCall) -> str:
        """Run one tool and return its output, JSON text within the size limit.

        Never raises an Exception: whatever goes wrong becomes an output the model can explain.
        Cancelling ends the tool.
        """
        ...
