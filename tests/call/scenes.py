"""Scenes for calls against the least service there can be, and what it says in them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from appliance.config import SessionConfig
from appliance.hardware.still_camera import PICTURES
from tests.call.small_service import Manners, SmallService, small_service
from tests.call.stage import Running, Stage, calling, staged

PATIENCE = 15  # s; a busy machine is slow at DTLS


@asynccontextmanager
async def scene(manners: Manners | None = None) -> AsyncIterator[tuple[SmallService, Stage]]:
    async with (
        asyncio.timeout(PATIENCE),
        small_service(manners) as service,
        staged(service.url) as stage,
    ):
        yield service, stage


@asynccontextmanager
async def live(
    manners: Manners | None = None, session: SessionConfig | None = None
) -> AsyncIterator[tuple[SmallService, Stage, Running]]:
    """A call that is up, the sideband too if there is one."""
    async with scene(manners) as (service, stage):
        if session is not None:
            stage.session = session
        async with calling(stage) as running:
            await stage.mark("data_channel_open")
            if service.manners.location and service.manners.sideband_status == 101:
                await stage.mark("sideband_open")
                await service.until("session.update")
            yield service, stage, running


def a_picture() -> bytes:
    """One of the pictures the simulated camera ships with."""
    return next(path for path in sorted(PICTURES.iterdir()) if path.suffix == ".jpg").read_bytes()


NO_SIDEBAND = Manners(sideband_status=404)


def call_events(call_id: str, name: str, arguments: str = "{}") -> list[dict[str, Any]]:
    """What the service says when the model calls one tool."""
    response = f"resp_{call_id}"
    item = {
        "id": f"item_{call_id}",
        "type": "function_call",
        "status": "completed",
        "name": name,
        "call_id": call_id,
        "arguments": arguments,
    }
    return [
        {
            "type": "response.created",
            "event_id": f"event_{call_id}_1",
            "response": {"id": response, "status": "in_progress", "output": []},
        },
        {
            "type": "response.output_item.done",
            "event_id": f"event_{call_id}_2",
            "response_id": response,
            "output_index": 0,
            "item": item,
        },
        {
            "type": "response.done",
            "event_id": f"event_{call_id}_3",
            "response": {"id": response, "status": "completed", "output": [item]},
        },
    ]


def words(item_id: str, *deltas: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "response.output_audio_transcript.delta",
            "event_id": f"event_{item_id}_{number}",
            "response_id": "resp_1",
            "item_id": item_id,
            "output_index": 0,
            "content_index": 0,
            "delta": delta,
        }
        for number, delta in enumerate(deltas)
    ]


def playback(what: str, response: str = "resp_1") -> dict[str, Any]:
    return {
        "type": f"output_audio_buffer.{what}",
        "event_id": f"event_{what}_{response}",
        "response_id": response,
    }


SPEECH = {
    "type": "input_audio_buffer.speech_started",
    "event_id": "event_speech",
    "audio_start_ms": 0,
    "item_id": "item_user",
}


def speech_about(item_id: str, response: str) -> list[dict[str, Any]]:
    """A response that is spoken and then over."""
    return [
        {
            "type": "response.created",
            "event_id": f"event_{response}_1",
            "response": {"id": response, "status": "in_progress"},
        },
        *words(item_id, "Goodbye."),
        playback("started", response),
        {
            "type": "response.done",
            "event_id": f"event_{response}_2",
            "response": {"id": response, "status": "completed", "output": []},
        },
    ]
