"""Sets the stage for a visit: sound card, service and appliance, all real but the hardware."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from appliance.app import Assembly, assemble
from appliance.config import Config, load
from appliance.core.events import Event
from appliance.core.gestures import Button
from appliance.credentials import Secret
from appliance.demo.service import local_service
from appliance.emulator.voice import user_utterance
from appliance.errors import ServiceError
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard

PRESS = 0.15  # s a finger stays on a button
HUNG_UP_POLL = 0.1  # s between two questions to the service, which has no events for tests
DEMO_KEY = Secret("sk-demo-needs-no-key")


class _ServiceCall(msgspec.Struct):
    """What the emulator says of a call."""

    hangups: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """A visitor's hands, voice and eyes on a running appliance (`visit.Actor`)."""

    assembly: Assembly
    panel: GpioPanel
    card: VirtualCard
    service: str

    async def press(self, button: Button) -> None:
        """Press and release a button, through its pin."""
        self.panel.press(button)
        await asyncio.sleep(PRESS)
        self.panel.release(button)

    async def speak(self, text: str) -> None:
        """Say `text` into the microphone."""
        await self.card.speak(await asyncio.to_thread(user_utterance, text))

    def post(self, event: Event) -> None:
        """Wish for something, as the command line would."""
        self.assembly.supervisor.post(event)

    async def hung_up(self) -> None:
        """Return once the service knows that every call was hung up.

        The caller sets the deadline.
        """
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{_root(self.service)}/emulator/calls") as answer:
                    if answer.status != 200:
                        raise ServiceError("The local service does not tell of its calls.")
                    calls = msgspec.json.decode(await answer.read(), type=list[_ServiceCall])
                if calls and all(call.hangups for call in calls):
                    return
                await asyncio.sleep(HUNG_UP_POLL)


@asynccontextmanager
async def set_stage(record: Path | None, settings: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """Open everything a scripted visit needs, and close it afterwards.

    `record`: keep what the speaker plays as `speaker.wav` in this folder.
    """
    async with AsyncExitStack() as stack:
        card = await stack.enter_async_context(VirtualCard())
        # PortAudio reads them when it first opens sound, in this process.
        os.environ.update(card.environment)
        service = await stack.enter_async_context(local_service())
        if record is not None:
            await stack.enter_async_context(card.record(record / "speaker.wav"))
        config = desktop_config(
            service, f"audio.input={MICROPHONE}", f"audio.output={SPEAKER}",
            "panel.driver=gpio-mock", *settings,
        )  # fmt: skip
        assembly = await stack.enter_async_context(assemble(config, lambda: DEMO_KEY))
        assert isinstance(assembly.panel, GpioPanel)  # noqa: S101 - as configured
        assembly.panel.open()  # fingers may be there before anybody reads it
        yield Stage(assembly, assembly.panel, card, service)


def desktop_config(service: str, *settings: str) -> Config:
    """Return a desktop's configuration for this service; the machine's own files are not read."""
    overrides = [f"service.base_url={service}", *settings]
    return load(Path(os.devnull), overrides, "desktop").config


def _root(service: str) -> str:
    return service.removesuffix("/v1")
