"""Serves the API on the control socket: file permissions are the authentication."""

import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from appliance.console.api import Api, Appliance, explain_errors
from appliance.console.views import SOCKET_NAME
from appliance.errors import ConfigError

BODY_LIMIT = 64 * 1024  # bytes; the longest request is a typed message
PROBE_TIMEOUT = 1.0  # s to find out whether somebody listens on an existing socket
SHUTDOWN_TIMEOUT = 0.5  # s for open event streams; the whole shutdown has 2 s


def application(appliance: Appliance) -> web.Application:
    """Return the web application over `appliance`."""
    app = web.Application(middlewares=[explain_errors], client_max_size=BODY_LIMIT)
    app.add_routes(Api(appliance).routes())
    return app


@asynccontextmanager
async def control_socket(appliance: Appliance, directory: Path) -> AsyncIterator[Path]:
    """Serve the API on `directory/control.sock` (mode 0660) until the context ends.

    The directory decides who else may come: systemd's lets the service's group in, others nobody.

    Raises ConfigError if another process listens there; a dead one's socket is replaced.
    """
    path = directory / SOCKET_NAME
    _clear(path)
    runner = web.AppRunner(
        application(appliance), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT
    )
    await runner.setup()
    try:
        await web.SockSite(runner, _listener(path)).start()  # the runner closes it
        yield path
    finally:
        path.unlink(missing_ok=True)
        await runner.cleanup()


def _listener(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Between bind and chmod the mask keeps others out.
        mask = os.umask(0o117)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"The control socket {path} cannot be made ({error.strerror}).",
            "Check that the runtime directory exists and belongs to you.",
        ) from error
    return listener


def _clear(path: Path) -> None:
    """Remove the socket of a process that is gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_TIMEOUT)
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
    raise ConfigError(
        f"An appliance is already running on {path}.",
        "Stop it first, or give this one another RUNTIME_DIRECTORY.",
    )
