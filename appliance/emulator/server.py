"""The emulator process: the service's endpoints on one port, until it is told to stop."""

import asyncio
import logging
import os
import random
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from appliance.emulator import faults, tls
from appliance.emulator.call import Senses
from appliance.emulator.engines import VoiceError
from appliance.emulator.handlers import Handlers
from appliance.emulator.ids import RandomIds
from appliance.emulator.keys import Keys
from appliance.emulator.options import Options
from appliance.emulator.playout import silent_packet
from appliance.emulator.recognizer import Recognizer, RecognizerError
from appliance.emulator.switchboard import Switchboard
from appliance.emulator.vad import load_weights
from appliance.emulator.voice import Voice
from appliance.errors import ConfigError

__all__ = ["Emulator", "Options", "running", "serve"]

log = logging.getLogger(__name__)

_SHUTDOWN: Final = 2.0  # seconds open connections get when the process ends
_BACKLOG: Final = 128  # connections waiting to be accepted: many clients may start at once
# aioice notices a dead peer after 32 s with its own timing (0.13 source); these make it 4 s.
_CONSENT_INTERVAL: Final = 1  # seconds
_CONSENT_FAILURES: Final = 3


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator."""

    url: str  # ends with /v1
    board: Switchboard
    plan: faults.FaultPlan


async def serve(options: Options, ready: Callable[[str], None]) -> None:
    """Serve until cancelled, SIGTERM or SIGINT; `ready` gets the base URL once it listens.

    Raises:
        ConfigError: the port is taken, a fault plan or certificate cannot be read.
    """
    hurry_consent()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(overlook_vanished_peers)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running(options) as emulator:
            ready(emulator.url)
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Emulator]:
    """An emulator in this event loop, for as long as the block lasts.

    Raises:
        ConfigError: the port is taken, a fault plan or certificate cannot be read.
    """
    plan = faults.FaultPlan(faults.parse(_fault_texts(options.faults)))
    secure = _secure(options)
    listener = _bound(options)
    recognizer = Recognizer()
    senses = Senses(recognizer, load_weights(), _voice(), silent_packet())
    ids = RandomIds(random.SystemRandom().getrandbits, time.time)
    keys = Keys(options.api_key, ids, time.time)
    try:
        async with asyncio.TaskGroup() as calls:
            board = Switchboard(options, senses, ids, plan, calls)
            app = Handlers(options, keys, board, plan, ids).app()
            runner = web.AppRunner(
                app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN
            )
            await runner.setup()
            warming = calls.create_task(_warm_up(recognizer), name="load the recogniser")
            try:
                await web.SockSite(runner, listener, ssl_context=secure).start()
                yield Emulator(_url(listener, secure=secure is not None), board, plan)
            finally:
                warming.cancel()
                board.end_all()
                await runner.cleanup()
    finally:
        listener.close()
        recognizer.close()


def hurry_consent() -> None:
    """Make ICE in this process notice dead peers in seconds; for a process of its own only."""
    from aioice import ice  # noqa: PLC0415 - its module constants are its only setting

    ice.CONSENT_INTERVAL = _CONSENT_INTERVAL
    ice.CONSENT_FAILURES = _CONSENT_FAILURES


def overlook_vanished_peers(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's exception handler: aiortc's SCTP writes once more to a peer that is gone.

    Its tasks are its own (1.16 source, rtcsctptransport), so nobody can await them.
    """
    name = getattr(getattr(context.get("future"), "get_coro", lambda: None)(), "__qualname__", "")
    if isinstance(context.get("exception"), ConnectionError) and name.startswith(
        "RTCSctpTransport."
    ):
        log.debug("a peer vanished: %s", context["exception"])
    else:
        loop.default_exception_handler(context)


def _bound(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(
            f"Port {options.port} of {options.host} cannot be used: {reason}.",
            "Choose another with --port; 0 takes a free one.",
        ) from error


def _secure(options: Options) -> ssl.SSLContext | None:
    if not options.tls:
        return None
    try:
        return tls.context(options.certificate, options.private_key)
    except OSError as error:
        raise ConfigError(
            f"The certificate cannot be used: {error}.",
            "Name PEM files, or none to have one made.",
        ) from error


def _url(listener: socket.socket, *, secure: bool) -> str:
    host, port = listener.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{host}:{port}/v1"


def _voice() -> Voice | None:
    try:
        return Voice()
    except VoiceError as error:
        log.warning("Spoken answers will fail: %s", error)
        return None


async def _warm_up(recognizer: Recognizer) -> None:
    try:
        await recognizer.ready()
    except RecognizerError as error:
        log.warning("Spoken words will not be understood: %s", error)


def _fault_texts(given: tuple[str, ...]) -> list[str]:
    texts = []
    for text in given:
        if text.lstrip().startswith(("{", "[")):
            texts.append(text)
            continue
        try:
            texts.append(Path(text).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"The fault plan {text} cannot be read: {error.strerror}.",
                "--fault takes JSON or the path of a file with JSON.",
            ) from error
    return texts
