"""Logging: journal fields under systemd, coloured lines on a terminal, and no secret in either."""

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, TextIO

from typing_extensions import override

from appliance.errors import ConfigError

IDENTIFIER: Final = "voice-appliance"
FOREIGN_LIMIT: Final = 200  # characters of any one argument: foreign text is cut there
LINE_LIMIT: Final = 4000  # characters of a message or traceback; journald takes more, people do not

# At DEBUG these write keys (websockets logs each request's headers), SDP, or every packet.
PINNED: Final = ("websockets", "aiohttp", "aiortc", "aioice", "libav", "picamera2", "PIL")

call_no: ContextVar[int] = ContextVar("call_no", default=0)
"""The call the current task works for; becomes CALL_NO of every record. 0: none."""

# The second net; the first is credentials.Secret. Keys, headers, and what unlocks a WebRTC call.
_SECRETS: Final = re.compile(
    r"""\b(?:sk|ek)[-_][A-Za-z0-9_\-]{8,}
    |(?<=\bBearer\s)\S+
    |(?<=\bice-pwd:)\S+
    |(?<=\bfingerprint:)[^\r\n'"]+
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PRIORITIES: Final = {10: 7, 20: 6, 30: 4, 40: 3, 50: 2}  # logging level -> syslog (sd-daemon(3))
_COLOURS: Final = {10: "\x1b[2m", 30: "\x1b[33m", 40: "\x1b[31m", 50: "\x1b[1;31m"}
_PLAIN: Final = "\x1b[0m"


def configure(
    level: str,
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
    send: Callable[..., object] | None = None,
) -> None:
    """Send all logging to one handler: the journal if systemd reads our output, else `stream`.

    `level`: debug, info, warning or error. `stream`: standard error if None. `send`: what takes a
    journal record, systemd's own if None. May be called again. Raises ConfigError for other levels.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ConfigError(f"{level} is no log level.", "Use debug, info, warning or error.")
    stream = sys.stderr if stream is None else stream
    handler = _handler(environ, stream, send)
    handler.addFilter(tidy)
    logging.basicConfig(level=number, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in PINNED:
        logging.getLogger(name).setLevel(logging.WARNING)


def scrub(text: str) -> str:
    """Replace what looks like a secret by `***`."""
    return _SECRETS.sub("***", text)


def tidy(record: logging.LogRecord) -> bool:
    """A filter that makes a record fit to be written: complete, short, without secrets.

    The record is changed for good, so that no handler after this one sees the secret either.
    """
    if _is_known_noise(record):
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        if not logging.getLogger().isEnabledFor(logging.DEBUG):
            return False
    record.msg = scrub(_message(record))[:LINE_LIMIT]
    record.args = ()
    if record.exc_info:
        trace = logging.Formatter().formatException(record.exc_info)
        record.exc_text = scrub(trace)[-LINE_LIMIT:]
        record.exc_info = None
    for key, value in record.__dict__.items():
        if key.isupper() and isinstance(value, str):
            record.__dict__[key] = scrub(value)[:FOREIGN_LIMIT]
    if (number := call_no.get()) and not hasattr(record, "CALL_NO"):
        record.CALL_NO = number
    return True


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the UPPERCASE extras of a record that say something in a line: all but MESSAGE_ID."""
    extras = record.__dict__.items()
    return {key: value for key, value in extras if key.isupper() and key != "MESSAGE_ID"}


def _message(record: logging.LogRecord) -> str:
    if isinstance(record.args, tuple):
        record.args = tuple(_cut(value) for value in record.args)
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a wrong number of arguments must not lose the record
        return f"{record.msg} {record.args}"


def _cut(value: object) -> object:
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    return f"{text[:FOREIGN_LIMIT]}…" if len(text) > FOREIGN_LIMIT else value


def _is_known_noise(record: logging.LogRecord) -> bool:
    """Whether this is aiortc 1.16 retransmitting to a peer that has gone.

    Its timer starts RTCSctpTransport._transmit() as a task that nobody awaits; when the transport
    is closed meanwhile, asyncio reports a ConnectionError never retrieved (aiortc's source).
    """
    return (
        record.name == "asyncio"
        and record.levelno == logging.ERROR
        and "never retrieved" in str(record.msg)
        and "_transmit" in str(record.msg)
        and record.exc_info is not None
        and isinstance(record.exc_info[1], ConnectionError)
    )


def _handler(
    environ: Mapping[str, str], stream: TextIO, send: Callable[..., object] | None
) -> logging.Handler:
    if not _is_journal(environ, stream):
        handler: logging.Handler = logging.StreamHandler(stream)
        handler.setFormatter(_Lines(colour=stream.isatty() and "NO_COLOR" not in environ))
        return handler
    try:
        # Only there, and only if it is installed. Not `from systemd`: mypy takes our folder for it.
        import systemd.journal as journal  # noqa: PLC0415, PLR0402
    except ImportError:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(_JournalLines())
        return handler
    deliver = send or journal.send

    def send_fields(message: str, /, **given: object) -> None:
        # JournalHandler passes a record's lower-case attributes on as well; journald drops them.
        deliver(message, **{key: value for key, value in given.items() if key.isupper()})

    journal_handler: logging.Handler = journal.JournalHandler(
        sender_function=send_fields, SYSLOG_IDENTIFIER=IDENTIFIER
    )
    journal_handler.setFormatter(logging.Formatter("%(message)s"))
    return journal_handler


def _is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Whether `stream` is the journal, which JOURNAL_STREAM identifies (systemd.exec(5))."""
    try:
        device, inode = map(int, environ.get("JOURNAL_STREAM", "").split(":"))
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (status.st_dev, status.st_ino) == (device, inode)


class _Lines(logging.Formatter):
    """`12:34:56 warning call: text  CALL_NO=3`, in colour on a terminal."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        self._colour = colour

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        extras = " ".join(f"{key}={value}" for key, value in fields(record).items())
        line = super().formatMessage(record) + (f"  [{extras}]" if extras else "")
        colour = _COLOURS.get(record.levelno, "") if self._colour else ""
        return f"{colour}{line}{_PLAIN}" if colour else line


class _JournalLines(logging.Formatter):
    """For the journal without systemd-python: lines with a priority, as sd-daemon(3) has it."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        extras = "".join(f" {key}={value}" for key, value in fields(record).items())
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in f"{super().format(record)}{extras}".splitlines())
