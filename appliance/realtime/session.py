"""The session object, as the service wants it."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw

from appliance.config import ServiceConfig, SessionConfig, TurnDetectionConfig
from appliance.realtime.client_events import (
    Audio,
    AudioInput,
    AudioOutput,
    FunctionTool,
    NoiseReduction,
    SemanticVad,
    ServerVad,
    Session,
    SessionUpdate,
    Transcription,
)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A function the model may call. `parameters`: its JSON schema, encoded as JSON."""

    name: str
    description: str
    parameters: bytes


def session_object(
    service: ServiceConfig, session: SessionConfig, tools: Sequence[ToolSpec]
) -> bytes:
    """Return the session for the creation of a call, as JSON."""
    wanted = _session(session, tools)
    return msgspec.json.encode(msgspec.structs.replace(wanted, model=service.model))


def session_update(
    session: SessionConfig,
    tools: Sequence[ToolSpec],
    *,
    event_id: str,
    spoken: bool = False,
) -> SessionUpdate:
    """Return the event that tells a running session the same again.

    The model cannot change, so it is left out; so is the voice once the assistant has `spoken`,
    because it is then fixed (OpenAI API reference, session.update: "voice").
    """
    wanted = _session(session, tools)
    if spoken:
        audio = msgspec.structs.replace(wanted.audio, output=UNSET)
        wanted = msgspec.structs.replace(wanted, audio=audio)
    return SessionUpdate(wanted, event_id=event_id)


def _session(config: SessionConfig, tools: Sequence[ToolSpec]) -> Session:
    return Session(
        instructions=config.instructions,
        output_modalities=("audio",),
        audio=Audio(
            input=AudioInput(
                noise_reduction=_noise_reduction(config),
                transcription=_transcription(config),
                turn_detection=_turn_detection(config.turn_detection),
            ),
            output=AudioOutput(voice=config.voice, speed=config.speed),
        ),
        tools=tuple(_function(tool) for tool in tools),
        tool_choice="auto",
        truncation="auto",
    )


def _function(tool: ToolSpec) -> FunctionTool:
    return FunctionTool(
        name=tool.name, description=tool.description, parameters=Raw(tool.parameters)
    )


def _noise_reduction(config: SessionConfig) -> NoiseReduction | None:
    if config.noise_reduction == "none":
        return None
    return NoiseReduction(config.noise_reduction)


def _transcription(config: SessionConfig) -> Transcription | None:
    if not config.transcription_model:
        return None
    return Transcription(config.transcription_model, config.language or UNSET)


def _turn_detection(config: TurnDetectionConfig) -> ServerVad | SemanticVad:
    if config.type == "semantic_vad":
        return SemanticVad(
            eagerness=config.eagerness,
            create_response=True,
            interrupt_response=config.interrupt_response,
        )
    return ServerVad(
        threshold=config.threshold,
        prefix_padding_ms=config.prefix_padding_ms,
        silence_duration_ms=config.silence_duration_ms,
        create_response=True,
        interrupt_response=config.interrupt_response,
    )
