"""What the emulator can be told."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of one emulator process."""

    host: str = "127.0.0.1"
    port: int = 0  # 0 takes a free one
    strict: bool = True  # refuse unknown session keys, as the service does
    tls: bool = False
    certificate: Path | None = None  # PEM files for tls; without them one is made for the occasion
    private_key: Path | None = None
    faults: tuple[str, ...] = ()  # fault plans: JSON, or paths of files with JSON
    api_key: str = ""  # the only key accepted; empty accepts every key
    session_seconds: float = 3600.0  # OpenAI: sessions last at most 60 minutes
    media_timeout: float = 10.0  # seconds without sound from a connected client: it is gone
    # Chromium never sends more in one message, and closes the channel when asked to.
    channel_limit: int = 262_144  # bytes; 0 for no limit
    echo_pictures: bool = False  # repeat the data of pictures in conversation.item.added
    comfort_silence: bool = True  # RTP goes on between answers
