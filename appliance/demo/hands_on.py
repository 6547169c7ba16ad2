"""The appliance in a person's hands: keys for buttons, their own microphone and speaker."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from appliance.app import assemble
from appliance.core.events import Say
from appliance.demo.following import following
from appliance.demo.keepsakes import keep
from appliance.demo.service import local_service
from appliance.demo.stage import DEMO_KEY, desktop_config
from appliance.errors import DeviceError
from appliance.hardware.cards import choose
from appliance.hardware.keyboard import END_OF_INPUT, HINT, KeyboardPanel
from appliance.hardware.portaudio import list_devices
from appliance.hardware.virtual_card import MICROPHONE, SPEAKER, VirtualCard
from appliance.terminal import View, open_view

KEYS: Final = f"{HINT} · t type · q quit"


async def hands_on(record: Path | None, *, plain: bool) -> int:
    """Run until the person quits; return the exit code 0. Raises ApplianceError if it cannot."""
    keys: asyncio.Queue[str] = asyncio.Queue()  # unbounded: a person types them
    panel = KeyboardPanel(unknown=keys.put_nowait)
    async with AsyncExitStack() as stack:
        sound = await _sound(stack, record)
        service = await stack.enter_async_context(local_service())
        config = desktop_config(service, *sound)
        assembly = await stack.enter_async_context(assemble(config, lambda: DEMO_KEY, panel=panel))
        shown = await stack.enter_async_context(open_view(plain=plain))
        async with following(assembly, shown) as witness:
            shown.hint(KEYS)
            while (key := await keys.get()) not in {"q", END_OF_INPUT}:
                if key == "t" and (text := await _typed(panel, shown)):
                    assembly.supervisor.post(Say(text))
    if record is not None:
        keep(record, witness)
    return 0


async def _typed(panel: KeyboardPanel, shown: View) -> str:
    shown.hint("> ")
    text = await panel.read_line(lambda so_far: shown.hint(f"> {so_far}"))
    shown.hint(KEYS)
    return (text or "").strip()


async def _sound(stack: AsyncExitStack, record: Path | None) -> list[str]:
    """Return the settings for this computer's sound, or for a virtual card if it has none."""
    if record is None and await asyncio.to_thread(_has_sound):
        return []
    card = await stack.enter_async_context(VirtualCard())
    os.environ.update(card.environment)
    if record is not None:
        await stack.enter_async_context(card.record(record / "speaker.wav"))
    return [f"audio.input={MICROPHONE}", f"audio.output={SPEAKER}"]


def _has_sound() -> bool:
    try:
        cards = list_devices()
        choose(cards, "", "input")
        choose(cards, "", "output")
    except DeviceError:
        return False
    return True
