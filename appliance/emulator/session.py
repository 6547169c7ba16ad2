"""The session object: what the service accepts, its defaults, and how updates merge - pure."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Final

from appliance.emulator.schema import (
    Check,
    anything,
    boolean,
    by_type,
    either,
    list_of,
    mapping,
    nullable,
    number,
    one_of,
    pruned,
    struct,
    text,
)
from appliance.emulator.wire import Json, Refusal

# OpenAI API reference, realtime sessions, and the types of openai-python 3.54 (November 2026).
VOICES: Final = (
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
TRANSCRIBERS: Final = (
    "whisper-1",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "gpt-4o-transcribe",
    "gpt-4o-transcribe-diarize",
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
)
DEFAULT_MODEL: Final = "gpt-realtime-2.1"
# The service's own default, as recorded in July 2026, is longer and asks for quick talk.
DEFAULT_INSTRUCTIONS: Final = (
    "You are a helpful, witty, and friendly AI. Talk quickly. "
    "You should always call a function if you can."
)

_FORMATS: Final[Mapping[str, Check]] = {
    "audio/pcm": struct({"type": text, "rate": one_of(24000)}, "type", "rate"),
    "audio/pcmu": struct({"type": text}),
    "audio/pcma": struct({"type": text}),
}
_FORMAT = by_type("type", **_FORMATS)
_ANSWERS: Final[Mapping[str, Check]] = {"create_response": boolean, "interrupt_response": boolean}
_TURNS = by_type(
    server_vad=struct(
        {
            "type": text,
            "threshold": number(0, 1),
            "prefix_padding_ms": number(0, 5000, whole=True),
            "silence_duration_ms": number(0, 10_000, whole=True),
            "idle_timeout_ms": nullable(number(5000, 30_000, whole=True)),
            **_ANSWERS,
        }
    ),
    semantic_vad=struct(
        {"type": text, "eagerness": one_of("low", "medium", "high", "auto"), **_ANSWERS}
    ),
)
_TRANSCRIPTION = struct(
    {
        "model": one_of(*TRANSCRIBERS),
        "language": nullable(text),
        "languages": nullable(list_of(text)),
        "prompt": nullable(text),
        "keywords": nullable(list_of(text)),
        "delay": nullable(one_of("minimal", "low", "medium", "high", "xhigh")),
    }
)
VOICE: Final = either(dict, struct({"id": text}, "id"), one_of(*VOICES))
TOOLS: Final = list_of(
    by_type(
        function=struct(
            {"type": text, "name": text, "description": text, "parameters": mapping}, "name"
        ),
        mcp=struct(
            {
                "type": text,
                "server_label": text,
                **dict.fromkeys(
                    ("server_url", "connector_id", "tunnel_id", "server_description"), text
                ),
                "authorization": text,
                "headers": nullable(mapping),
                "allowed_tools": anything,
                "require_approval": anything,
                "allowed_callers": anything,
                "defer_loading": boolean,
            },
            "server_label",
        ),
    )
)
TOOL_CHOICE: Final = either(
    dict,
    by_type(
        function=struct({"type": text, "name": text}, "name"),
        mcp=struct({"type": text, "server_label": text, "name": text}, "server_label"),
    ),
    one_of("auto", "none", "required"),
)
MODALITIES: Final = one_of(["audio"], ["text"])
MAX_TOKENS: Final = either(int, number(1, 4096, whole=True), one_of("inf"))
REASONING: Final = struct({"effort": one_of("minimal", "low", "medium", "high", "xhigh")})
OUTPUT: Final = struct({"format": _FORMAT, "voice": VOICE, "speed": number(0.25, 1.5)})
_NOISE = struct({"type": one_of("near_field", "far_field"), "strength": number(0, 1)}, "type")

SESSION: Final = struct(
    {
        "type": one_of("realtime"),
        "model": text,
        "instructions": text,
        "output_modalities": MODALITIES,
        "audio": struct(
            {
                "input": struct(
                    {
                        "format": _FORMAT,
                        "noise_reduction": nullable(_NOISE),
                        "transcription": nullable(_TRANSCRIPTION),
                        "turn_detection": nullable(_TURNS),
                    }
                ),
                "output": OUTPUT,
            }
        ),
        "tools": TOOLS,
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": boolean,
        "reasoning": nullable(REASONING),
        "max_output_tokens": MAX_TOKENS,
        "truncation": either(dict, mapping, one_of("auto", "disabled")),
        "tracing": nullable(either(dict, mapping, one_of("auto"))),
        "include": nullable(list_of(one_of("item.input_audio_transcription.logprobs"))),
        "prompt": nullable(mapping),
    },
    "type",
)

_SERVER_VAD: Final[Json] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD: Final[Json] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}


def default_session(session_id: str, model: str, expires_at: int) -> Json:
    """A session nobody configured, with the values recorded for gpt-realtime-2.1."""
    pcm = {"type": "audio/pcm", "rate": 24000}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": DEFAULT_INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": dict(pcm),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(_SERVER_VAD),
            },
            "output": {"format": dict(pcm), "voice": "marin", "speed": 1.0},
        },
        "include": None,
    }


def checked(session: Json, *, strict: bool = True) -> Json:
    """The session a client sent, ready to merge.

    Raises:
        Refusal: what the service says about unknown, missing and wrong keys. When not strict, old
            names are translated and unknown keys dropped.
    """
    if strict:
        SESSION(session, "session")
        return session
    return pruned(modernized(session), SESSION, "session")


def modernized(session: Json) -> Json:
    """A session of the beta interface in today's words; today's keys win."""
    new = deepcopy(session)
    new.setdefault("type", "realtime")
    audio = new.setdefault("audio", {})
    heard, spoken = audio.setdefault("input", {}), audio.setdefault("output", {})
    for old, place, name in (
        ("input_audio_transcription", heard, "transcription"),
        ("turn_detection", heard, "turn_detection"),
        ("input_audio_noise_reduction", heard, "noise_reduction"),
        ("voice", spoken, "voice"),
        ("max_response_output_tokens", new, "max_output_tokens"),
    ):
        if old in new:
            place.setdefault(name, new.pop(old))
    if "vad" in heard:
        heard.setdefault("turn_detection", heard.pop("vad"))
    modalities = new.pop("modalities", None)
    if modalities is not None:
        new.setdefault("output_modalities", ["audio"] if "audio" in modalities else ["text"])
    return new


def merged(current: Json, update: Json, *, spoke: bool = False) -> Json:
    """`current` with the checked `update` on top; only keys that are present change.

    Args:
        current: the whole session.
        update: a checked one.
        spoke: sound was already made in this session.

    Raises:
        Refusal: the model, or a voice that has spoken, would change.
    """
    if update.get("model", current["model"]) != current["model"]:
        raise Refusal("invalid_value", "The model of a session cannot be changed.", "session.model")
    voice = update.get("audio", {}).get("output", {}).get("voice")
    if spoke and voice is not None and voice != current["audio"]["output"]["voice"]:
        raise Refusal(
            "cannot_update_voice",
            "Cannot update a conversation's voice if assistant audio is present.",
            "session.audio.output.voice",
        )
    new = {**deepcopy(current), **deepcopy(update)}
    audio = update.get("audio", {})
    new["audio"] = {
        side: {**current["audio"][side], **deepcopy(audio.get(side, {}))}
        for side in ("input", "output")
    }
    _fill(new["audio"]["input"], current["audio"]["input"])
    return new


def _fill(heard: Json, before: Json) -> None:
    turns, old = heard["turn_detection"], before["turn_detection"]
    if turns is not None:
        base = _SERVER_VAD if turns["type"] == "server_vad" else _SEMANTIC_VAD
        kept = old if old is not None and old["type"] == turns["type"] else {}
        heard["turn_detection"] = {**base, **kept, **turns}
    words = heard["transcription"]
    if words is not None:
        empty = {"model": "gpt-realtime-whisper", "language": None, "prompt": None}
        heard["transcription"] = {**empty, **(before["transcription"] or {}), **words}
