"""Typed configuration: defaults, TOML files and overrides, each value with its origin."""

import difflib
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from appliance.errors import ConfigError

Pin: TypeAlias = Annotated[int, Meta(ge=0, le=27)]  # BCM numbers on the 40-pin header
LOWEST_GAIN, HIGHEST_GAIN = -20, 30  # dB; beyond that another microphone is the answer
Seconds: TypeAlias = Annotated[float, Meta(ge=0)]
Profile: TypeAlias = Literal["pi", "desktop"]

SYSTEM_CONFIG = Path("/etc/voice-appliance/config.toml")
SYSTEM_RUNTIME = Path("/run/voice-appliance")  # RuntimeDirectory= of the unit


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file; unknown keys are errors."""


class ServiceConfig(Section, frozen=True):
    """Which Realtime service is called, and with what."""

    base_url: Annotated[str, Meta(pattern=r"^https?://[^\s?#]+\Z")] = "https://api.openai.com/v1"
    model: str = "gpt-realtime-2.1"
    key_file: str = ""
    ice_servers: tuple[str, ...] = ()


class TurnDetectionConfig(Section, frozen=True):
    """How the service finds the end of a turn; defaults as recorded for gpt-realtime-2.1."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Meta(ge=0)] = 300
    silence_duration_ms: Annotated[int, Meta(ge=0)] = 500
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    interrupt_response: bool = True


class SessionConfig(Section, frozen=True):
    """What the service is told at the start of each call."""

    instructions: str = (
        "You are the voice of a small appliance with a button, a camera and no screen. "
        "Answer in short spoken sentences, in the language of the person. "
        "When a picture arrives, describe what matters in it. "
        "Use a tool when it helps, and say plainly when something did not work."
    )
    greeting: str = "Greet the person in one short sentence and offer your help."
    voice: str = "marin"
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] = 1.0
    transcription_model: str = "gpt-realtime-whisper"
    language: str = ""
    noise_reduction: Literal["far_field", "near_field", "none"] = "far_field"
    turn_detection: TurnDetectionConfig = TurnDetectionConfig()


class CallConfig(Section, frozen=True):
    """When calls start, end and are interrupted."""

    dial_on_start: bool = False
    barge_in: Literal["cleared", "speech_started"] = "cleared"
    idle_timeout: Annotated[float, Meta(ge=5)] = 120.0
    photo_prompt: str = "Describe this picture."


class AudioConfig(Section, frozen=True):
    """Which sound card, or which files, stand for microphone and speaker."""

    driver: Literal["pyaudio", "file"] = "pyaudio"
    input: str = ""
    output: str = ""
    block_ms: Literal[10, 20, 40] = 10
    volume: Annotated[int, Meta(ge=0, le=100)] = 100
    input_gain: Annotated[int, Meta(ge=LOWEST_GAIN, le=HIGHEST_GAIN)] = 0
    echo: Literal["auto", "webrtc", "half-duplex", "system", "none"] = "auto"
    input_file: str = ""
    output_file: str = ""


class CameraConfig(Section, frozen=True):
    """Which camera takes the pictures."""

    driver: Literal["auto", "picamera2", "rpicam-still", "v4l2", "folder", "none"] = "auto"
    warm: bool = False
    folder: str = ""
    rotation: Literal[0, 90, 180, 270] = 0
    timeout: Annotated[float, Meta(gt=0, le=30)] = 5.0


class PanelConfig(Section, frozen=True):
    """Two buttons and an LED, on which pins (BCM numbers) of which chip."""

    driver: Literal["gpio", "gpio-mock", "keyboard", "none"] = "gpio"
    chip: Annotated[int, Meta(ge=0)] | str = ""
    call_pin: Pin = 17
    photo_pin: Pin = 27
    pull: Literal["up", "down", "none"] = "up"
    button_active_high: bool = False
    led: Literal["plain", "pwm", "rgb"] = "plain"
    led_pin: Pin = 22
    green_pin: Pin = 23
    blue_pin: Pin = 24
    led_active_high: bool = True
    led_brightness: Annotated[float, Meta(ge=0.01, le=1)] = 1.0
    debounce: Annotated[float, Meta(ge=0, le=0.2)] = 0.02


class ToolsConfig(Section, frozen=True):
    """Which tools the model may call."""

    disabled: tuple[str, ...] = ()
    timeout: Annotated[float, Meta(gt=0, le=120)] = 10.0


class UpdateConfig(Section, frozen=True):
    """Where new versions come from. Plain HTTP only from this machine itself."""

    index_url: Annotated[
        str,
        Meta(pattern=r"^\Z|^(https://|file:///|http://(127\.0\.0\.1|localhost|\[::1\])[:/])\S+\Z"),
    ] = ""


class LogConfig(Section, frozen=True):
    """How much the daemon tells the journal."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section, frozen=True):
    """The whole configuration; every part receives its own section only."""

    service: ServiceConfig = ServiceConfig()
    session: SessionConfig = SessionConfig()
    call: CallConfig = CallConfig()
    audio: AudioConfig = AudioConfig()
    camera: CameraConfig = CameraConfig()
    panel: PanelConfig = PanelConfig()
    tools: ToolsConfig = ToolsConfig()
    update: UpdateConfig = UpdateConfig()
    log: LogConfig = LogConfig()


PROFILES: Mapping[Profile, Mapping[str, Any]] = {
    "pi": {},
    "desktop": {
        "camera": {"driver": "folder"},
        "panel": {"driver": "keyboard"},
    },
}


class Loaded(msgspec.Struct, frozen=True):
    """A configuration and, for each dotted key that is not a default, where it came from."""

    config: Config
    origins: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """Yield `section.key = value  # origin` for every key, in the order of the structs."""
        for key, value in _flatten(msgspec.to_builtins(self.config)):
            text = msgspec.json.encode(value).decode()
            yield f"{key} = {text}  # {self.origins.get(key, 'default')}"


def load(
    file: Path | None = None,
    overrides: Sequence[str] = (),
    profile: Profile = "pi",
    *,
    lenient: bool = False,
) -> Loaded:
    """Read profile, file, `config.d/*.toml` beside it, then `section.key=value` overrides.

    `file`: None means the system's file, which may be missing; a named one must exist.
    `lenient`: leave out each file and override that is wrong, and raise nothing.
    Raises ConfigError that names the file or override, the key, and the nearest right key.
    """
    layers: list[tuple[str, Callable[[], Mapping[str, Any]]]]
    layers = [(f"profile {profile}", lambda: PROFILES[profile])]
    layers.extend((str(path), partial(_read, path)) for path in _files(file))
    layers.extend((f"--set {text}", partial(_parse_override, text)) for text in overrides)
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, read in layers:
        with suppress(ConfigError) if lenient else nullcontext():
            layer = read()
            _convert(layer, origin)
            for key, value in _flatten(layer):
                _assign(merged, key, value)
                origins[key] = origin
    return Loaded(_convert(merged, "configuration"), origins)


def check(key: str, value: object) -> None:
    """Raise ConfigError if there is no setting `section.key`, or `value` does not fit it."""
    tree: dict[str, Any] = {}
    _assign(tree, key, value)
    try:
        msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{error}.", _suggest(tree)) from error


def runtime_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the control socket: systemd's, else the user's own."""
    if directory := environ.get("RUNTIME_DIRECTORY"):
        return Path(directory.split(":")[0])
    if directory := environ.get("XDG_RUNTIME_DIR"):
        return Path(directory, "voice-appliance")
    return Path(f"/tmp/voice-appliance-{os.getuid()}")  # noqa: S108 - created 0700, owner checked


def state_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the appliance keeps what must survive a restart."""
    if directory := environ.get("STATE_DIRECTORY"):
        return Path(directory.split(":")[0])
    base = environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(base, "voice-appliance")


def _files(file: Path | None) -> list[Path]:
    main = file or SYSTEM_CONFIG
    present = [main] if file is not None or main.exists() else []
    return present + sorted(main.parent.joinpath("config.d").glob("*.toml"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"There is no configuration file {path}.", "Check --config.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


def _parse_override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise ConfigError(
            f"--set {text} is not section.key=value.", "Write --set audio.driver=file"
        )
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is a string
    nested: dict[str, Any] = {}
    _assign(nested, key.strip(), parsed)
    return nested


def _assign(tree: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _convert(tree: Mapping[str, Any], origin: str) -> Config:
    try:
        return msgspec.convert(tree, Config, str_keys=True)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{origin}: {error}.", _suggest(tree)) from error


def _suggest(tree: Mapping[str, Any]) -> str:
    known = [key for key, _ in _flatten(msgspec.to_builtins(Config()))]
    for key, _ in _flatten(tree):
        if key not in known and (near := difflib.get_close_matches(key, known, n=1)):
            return f"Did you mean {near[0]} instead of {key}?"
    return "`voice-appliance config show` lists every key."
