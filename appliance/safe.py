"""Safe mode: panel, light, control socket and watchdog as ever, and nothing that calls or records.

It loads neither sound, camera nor network, any of which may be what does not start.
"""

import asyncio
import logging
from contextlib import closing
from typing import Never

from appliance import __version__
from appliance.config import Config, PanelConfig, runtime_directory
from appliance.console import api
from appliance.console.server import control_socket
from appliance.console.views import Status, view_model
from appliance.core.model import Model, Problem, SafeMode
from appliance.daemon import Parts, only_instance, run_daemon
from appliance.errors import ApplianceError
from appliance.findings import Report
from appliance.hardware.nothing import NoPanel
from appliance.hub import Hub, Message
from appliance.lamp import Lamp
from appliance.log import configure
from appliance.manager import find_manager, watchdog_limit
from appliance.messages import SAFE_MODE, SAFE_MODE_LEFT
from appliance.ports import Panel
from appliance.supervisor import Supervisor

log = logging.getLogger(__name__)


async def serve_safely(config: Config, problem: Problem, panel: Panel | None = None) -> None:
    """Run the daemon in safe mode until it is left: by the call button, an hour, or a signal.

    `problem`: what status and log tell. `panel`: instead of the configured one.
    """
    configure(config.log.level)
    directory = runtime_directory()
    with only_instance(directory), closing(panel or _find_panel(config.panel)) as buttons:
        extra = {"PROBLEM": problem.kind, "MESSAGE_ID": SAFE_MODE}
        log.error("%s %s", problem.cause, problem.cure, extra=extra)
        appliance = _Appliance(config, problem, buttons)
        async with control_socket(appliance.doors(), directory):
            parts = Parts(
                appliance.supervisor, appliance.hub, buttons, debounce=config.panel.debounce
            )
            await run_daemon(parts, find_manager(), watchdog_limit())
    extra = {"MESSAGE_ID": SAFE_MODE_LEFT}
    log.info("Safe mode ends: the next start is one as usual.", extra=extra)


class _Appliance:
    """What is left of the appliance in safe mode. Loop thread only."""

    def __init__(self, config: Config, problem: Problem, panel: Panel) -> None:
        self.hub = Hub()
        # The machine orders neither call nor picture in this phase.
        self.supervisor = Supervisor(
            lambda _call_no, _resume: self._refuse(),
            self._refuse,
            self._publish,
            model=Model(SafeMode(problem)),
        )
        self._config = config
        self._problem = problem
        self._lamp = Lamp(panel.show)
        self._began = asyncio.get_running_loop().time()

    def doors(self) -> api.Appliance:
        """Return what the control socket may see and do."""
        return api.Appliance(
            post=self.supervisor.post,
            hub=self.hub,
            status=self._status,
            transcript=lambda: (),
            selftest=self._selftest,
        )

    def _status(self) -> Status:
        return Status(
            version=__version__,
            uptime=asyncio.get_running_loop().time() - self._began,
            tasks=len(asyncio.all_tasks()),
            model=view_model(self.hub.model),
            service=self._config.service.base_url,
            audio={"driver": "none"},
            camera="none",
            panel=self._config.panel.driver,
            tools=(),
            last_call={},
        )

    async def _selftest(self, *, save: bool) -> Report:
        del save
        self._refuse()

    def _refuse(self) -> Never:
        raise ApplianceError(self._problem.cause, self._problem.cure)

    def _publish(self, message: Message) -> None:
        if isinstance(message, Model):
            self._lamp.view(message)
        self.hub.publish(message)


def _find_panel(config: PanelConfig) -> Panel:
    try:
        from appliance.drivers import make_panel  # noqa: PLC0415 - may be what is broken

        return make_panel(config)
    except Exception:  # bulkhead: safe mode is there for what nobody thought of
        log.exception("Buttons and LED cannot be loaded.")
        return NoPanel()
